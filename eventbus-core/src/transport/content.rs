//! The content of a message: an event, or bytes.

use std::{any::Any, sync::Arc};

#[cfg(feature = "serde")]
use super::data::Data;
use crate::{emission::Bus, event::EventType};

/// The content of a message. Of two variants, so that it is no larger than the first: every event that is published moves it.
#[derive(Clone)]
pub(crate) enum Content {
    /// The event itself.
    Shared(SharedEvent),
    Bytes(Arc<Bytes>),
}

/// What a message carries that does not carry the event itself.
pub(crate) enum Bytes {
    /// The event as bytes.
    #[cfg(feature = "serde")]
    Data(Data),
    /// Bytes that are no message.
    Malformed(Malformed),
}

/// A look at the content of a message.
#[derive(Clone, Copy)]
pub(crate) enum ContentRef<'m> {
    /// The event itself.
    Shared(&'m SharedEvent),
    /// The event as bytes.
    #[cfg(feature = "serde")]
    Data(&'m Data),
    /// Bytes that are no message.
    Malformed(&'m Malformed),
}

impl Content {
    #[cfg(feature = "serde")]
    pub(crate) fn data(data: Data) -> Self {
        Self::Bytes(Arc::new(Bytes::Data(data)))
    }

    #[inline]
    pub(crate) fn look(&self) -> ContentRef<'_> {
        match self {
            Self::Shared(shared) => ContentRef::Shared(shared),
            Self::Bytes(bytes) => match &**bytes {
                #[cfg(feature = "serde")]
                Bytes::Data(data) => ContentRef::Data(data),
                Bytes::Malformed(malformed) => ContentRef::Malformed(malformed),
            },
        }
    }
}

/// An event whose type is forgotten and can be found again.
#[derive(Clone)]
pub(crate) struct SharedEvent {
    pub(crate) event: Arc<dyn Any + Send + Sync>,
    pub(crate) kind: &'static Kind,
}

/// What a message knows of its event's type.
pub(crate) struct Kind {
    pub(crate) event: &'static EventType,
    /// Emits the event of a dead letter; `None` where only the type's description is known.
    pub(crate) failed: Option<FailedFn>,
}

/// Takes the bus, the event, and the dead letter.
pub(crate) type FailedFn = fn(&Bus, Arc<dyn Any + Send + Sync>, Box<dyn Any + Send>);

/// Bytes that are no message.
pub(crate) struct Malformed {
    pub(super) reason: Box<str>,
    pub(super) data: Box<[u8]>,
}
