//! Floor 5: events whose names are known only at run time. The same listeners, the same emission.

mod emit;
mod error;
#[cfg(feature = "serde")]
mod json;
mod wire_type;

pub use error::{ByNameError, Returned};
#[cfg(feature = "serde")]
pub use json::Json;
