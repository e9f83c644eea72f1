//! What is emitted: an event of a type, or one under a name that no type claims.

use std::{fmt, sync::Arc};

use crate::event::EventType;

/// The event of an emission: one of a type, or one of a name that no type claims.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    Typed(&'static EventType),
    Unclaimed { name: Arc<str>, version: u32 },
}

impl Subject {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Typed(event) => event.name().as_str(),
            Self::Unclaimed { name, .. } => name,
        }
    }

    pub(crate) fn event_type(&self) -> Option<&'static EventType> {
        match self {
            Self::Typed(event) => Some(event),
            Self::Unclaimed { .. } => None,
        }
    }

    pub(crate) fn version(&self) -> u32 {
        match self {
            Self::Typed(event) => event.version(),
            Self::Unclaimed { version, .. } => *version,
        }
    }
}

/// Prints the wire type.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Typed(event) => write!(f, "{}", event.wire_type()),
            Self::Unclaimed { name, version: 1 } => f.write_str(name),
            Self::Unclaimed { name, version } => write!(f, "{name}.v{version}"),
        }
    }
}
