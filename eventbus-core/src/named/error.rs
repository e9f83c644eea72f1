//! What can be wrong with an emission by name.

use std::{any::Any, fmt};

#[cfg(feature = "serde")]
use crate::event::DecodeError;
use crate::event::NameError;

/// An error returned by [`Bus::emit_name`](crate::Bus::emit_name) and `Bus::emit_json`. Nothing has been emitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ByNameError {
    /// The name is malformed.
    #[error("`{}` is no event name: {error}", .name.escape_debug())]
    Name {
        /// The name, at most as much of it as a name may be long.
        name: String,
        /// What is wrong with it.
        error: NameError,
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
        /// The value, handed back.
        value: Returned,
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
    },
    /// Several types share the name and version, and JSON does not say which of them it is.
    #[cfg(feature = "serde")]
    #[error("`{name}` is shared by `{}`: JSON does not say which of them it is; emit the value instead", .types.join("`, `"))]
    Ambiguous {
        /// The wire type.
        name: String,
        /// The Rust types.
        types: Vec<&'static str>,
    },
    /// The name's type cannot be read from JSON.
    #[cfg(feature = "serde")]
    #[error("`{name}` is the name of `{rust_type}`, which has no codec; add `#[event(serde)]` to it")]
    NoCodec {
        /// The wire type.
        name: String,
        /// The Rust type.
        rust_type: &'static str,
    },
    /// The payload is not JSON, or not of the shape of the name's type.
    #[cfg(feature = "serde")]
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
    #[cfg(feature = "serde")]
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
    #[cfg(feature = "serde")]
    #[error("the payload of `{name}` is nested deeper than {limit}, the limit of this bus (`max_nesting`)")]
    TooDeep {
        /// The wire type.
        name: String,
        /// The limit.
        limit: usize,
    },
}

impl ByNameError {
    /// The value that was not emitted, if it is handed back and is a `T`.
    pub fn into_value<T: Any>(self) -> Option<T> {
        match self {
            Self::WrongType { value, .. } => value.0.downcast().ok().map(|value| *value),
            _ => None,
        }
    }
}

/// A value handed back; see [`ByNameError::into_value`].
pub struct Returned(pub(super) Box<dyn Any + Send + Sync>);

impl fmt::Debug for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Returned(..)")
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
