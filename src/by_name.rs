//! Names that are known at run time only: patterns to listen by, and emitting under a name.
//!
//! [`AnyEvent`](crate::AnyEvent), which listeners by pattern get, is at the root of the crate.

#[cfg(feature = "serde")]
pub use eventbus_core::ReadJsonError;
pub use eventbus_core::{EmitNameError, MalformedName, NameTaken, Pattern, PatternError, PatternErrorKind};
