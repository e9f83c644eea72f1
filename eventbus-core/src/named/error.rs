//! The errors of emitting by name: one for values, one for JSON, and the malformed name that both can meet.

use std::fmt;

#[cfg(feature = "serde")]
use crate::event::DecodeError;
use crate::event::{EventName, NameError};

/// A text that is no event name, with its version where that is not 1. Returned by [`Bus::explain`](crate::Bus::explain), and part of the
/// errors of all else that takes a name.
///
/// # Examples
///
/// ```
/// # mod eventbus { pub use eventbus_core::*; pub mod event { pub use eventbus_core::*; } }
/// use eventbus::{Bus, event::NameError};
///
/// let error = Bus::new().explain("issues..opened").unwrap_err();
/// assert_eq!((error.name(), error.kind()), ("issues..opened", NameError::EmptySegment));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no event name: {kind}", name.escape_debug())]
pub struct MalformedName {
    name: Box<str>,
    kind: NameError,
}

impl MalformedName {
    pub(super) fn new(text: &str, kind: NameError) -> Self {
        // The text may come from anywhere: no more of it is kept than a name may have.
        Self { name: text.chars().take(EventName::MAX_LEN).collect(), kind }
    }

    /// The text that was refused, at most as much of it as a name may be long.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rule that it breaks.
    pub fn kind(&self) -> NameError {
        self.kind
    }
}

/// A name that is known, in a version that is not.
pub(crate) struct UnknownVersion {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) known: Vec<u32>,
}

/// An error returned by [`Bus::emit_name`](crate::Bus::emit_name). Nothing has been emitted, and the value is handed back.
///
/// # Examples
///
/// ```
/// # mod eventbus { pub use eventbus_core::*; pub mod by_name { pub use eventbus_core::*; } }
/// # use eventbus_core::{Event, EventName};
/// # struct UserCreated { id: u64 }
/// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
/// use eventbus::{Bus, by_name::EmitNameError};
///
/// let bus = Bus::new();
/// bus.declare::<UserCreated>()?;
///
/// let error = bus.emit_name("user.created", "seven").unwrap_err();
/// assert!(matches!(error, EmitNameError::WrongType { .. }));
/// assert_eq!(error.into_value(), "seven");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum EmitNameError<T> {
    /// The name is malformed.
    #[error("{error}")]
    Name {
        /// What is wrong with it.
        error: MalformedName,
        /// The value.
        value: T,
    },
    /// The name belongs to another type.
    #[error("`{name}` is the name of `{}`, and the value is a `{found}`; emit it under another name", .expected.join("`, `"))]
    WrongType {
        /// The wire type.
        name: String,
        /// The Rust types that have claimed it.
        expected: Vec<&'static str>,
        /// The Rust type of the value.
        found: &'static str,
        /// The value.
        value: T,
    },
    /// The name is known, the version is not.
    #[error("version {version} of `{name}` is not known to this bus, which knows {}; declare its type", list(.known))]
    UnknownVersion {
        /// The name.
        name: String,
        /// The version asked for.
        version: u32,
        /// The versions that are known.
        known: Vec<u32>,
        /// The value.
        value: T,
    },
}

impl<T> EmitNameError<T> {
    pub(super) fn unknown_version(UnknownVersion { name, version, known }: UnknownVersion, value: T) -> Self {
        Self::UnknownVersion { name, version, known, value }
    }

    /// Takes the value back.
    pub fn into_value(self) -> T {
        match self {
            Self::Name { value, .. } | Self::WrongType { value, .. } | Self::UnknownVersion { value, .. } => value,
        }
    }
}

/// Shows no value: it is not asked for `Debug`, and may hold what logs must not.
impl<T> fmt::Debug for EmitNameError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmitNameError({self})")
    }
}

/// An error returned by `Bus::emit_json` and `Bus::publish_json`, whose JSON could not be read under its name. Nothing has been emitted
/// or published.
///
/// # Examples
///
/// ```
/// # mod eventbus { pub use eventbus_core::*; pub mod by_name { pub use eventbus_core::*; } }
/// use eventbus::{Bus, by_name::ReadJsonError};
///
/// let error = Bus::new().emit_json("issues.opened", "{").unwrap_err();
/// let ReadJsonError::Payload { name, source, .. } = error else { return Err(error) };
/// assert_eq!(name, "issues.opened");
/// println!("line {:?}", source.line());
/// # Ok(())
/// ```
#[cfg(feature = "serde")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadJsonError {
    /// The name is malformed.
    #[error(transparent)]
    Name(#[from] MalformedName),
    /// The name is known, the version is not.
    #[error("version {version} of `{name}` is not known to this bus, which knows {}; declare its type", list(.known))]
    UnknownVersion {
        /// The name.
        name: String,
        /// The version asked for.
        version: u32,
        /// The versions that are known.
        known: Vec<u32>,
    },
    /// Several types share the name and version, and JSON does not say which of them it is.
    #[error("`{name}` is shared by `{}`: JSON does not say which of them it is; emit or publish the value instead", .types.join("`, `"))]
    Ambiguous {
        /// The wire type.
        name: String,
        /// The Rust types.
        types: Vec<&'static str>,
    },
    /// The name's type cannot be read from JSON.
    #[error("`{name}` is the name of `{rust_type}`, which has no codec; add `#[event(serde)]` to it")]
    NoCodec {
        /// The wire type.
        name: String,
        /// The Rust type.
        rust_type: &'static str,
    },
    /// The payload is not JSON, or not of the shape of the name's type.
    #[error("the payload of `{name}` does not decode as {}: {source}", expected(*.rust_type))]
    Payload {
        /// The wire type.
        name: String,
        /// The Rust type, if one has claimed the name.
        rust_type: Option<&'static str>,
        /// Where in the payload, such as `issue.labels[2].name`; empty for the whole of it.
        path: String,
        /// What is wrong, without a value of the payload.
        source: DecodeError,
    },
    /// The payload is larger than the bus allows.
    #[error("the payload of `{name}` has {size} bytes, and this bus takes {limit} (`max_payload`)")]
    TooLarge {
        /// The wire type.
        name: String,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The payload is nested deeper than the bus allows.
    #[error("the payload of `{name}` is nested deeper than {limit}, the limit of this bus (`max_nesting`)")]
    TooDeep {
        /// The wire type.
        name: String,
        /// The limit.
        limit: usize,
    },
}

#[cfg(feature = "serde")]
impl From<UnknownVersion> for ReadJsonError {
    fn from(UnknownVersion { name, version, known }: UnknownVersion) -> Self {
        Self::UnknownVersion { name, version, known }
    }
}

fn list(versions: &[u32]) -> String {
    let versions: Vec<_> = versions.iter().map(u32::to_string).collect();
    versions.join(", ")
}

#[cfg(feature = "serde")]
fn expected(rust_type: Option<&'static str>) -> String {
    rust_type.map_or_else(|| "JSON".to_owned(), |rust_type| format!("`{rust_type}`"))
}
