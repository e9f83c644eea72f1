//! Names that are known at run time only: patterns to listen by, and emitting under a name.
//!
//! [`AnyEvent`](crate::AnyEvent), which listeners by pattern get, is at the root of the crate.

pub use eventbus_core::{ByNameError, Pattern, PatternError, PatternErrorKind, Returned};
