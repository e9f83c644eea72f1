//! Floor 6: events whose names are known only at run time. They reach the same listeners, by the same emission.

mod emit;
mod error;
mod event_set;
#[cfg(feature = "serde")]
mod json;
#[cfg(not(feature = "serde"))]
mod no_json;
mod wire_type;

#[cfg(feature = "serde")]
pub use error::ReadJsonError;
pub(crate) use error::UnknownVersion;
pub use error::{EmitNameError, MalformedName};
pub use event_set::EventSet;
#[cfg(feature = "serde")]
pub use json::Json;
#[cfg(feature = "serde")]
pub(crate) use json::ReadJson;
pub(crate) use wire_type::WireType;
