//! The names that most files of a program need, for `use eventbus::prelude::*`.
//!
//! [`Ok`](crate::Ok), which gives closures their error type, is not among them: it would shadow the standard library's.
//!
//! ```
//! use eventbus::prelude::*;
//!
//! #[derive(Event)]
//! struct UserCreated;
//!
//! fn wire(bus: &Bus) -> Result<(), BoxError> {
//!     bus.on_pattern("user.*", |e| println!("{}", e.name()))?;
//!     Ok(()) // that of `Result`
//! }
//! # fn main() -> Result<(), BoxError> {
//! let bus = Bus::new();
//! wire(&bus)?;
//! assert_eq!(bus.emit(UserCreated).blocking().succeeded(), 1);
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "derive")]
pub use crate::listeners;
pub use crate::{AnyEvent, BoxError, Bus, Context, Delivery, EmitError, Module, Report, Retry, Scope, Subscription};
pub use crate::{Event, WiringError};
