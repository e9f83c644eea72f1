//! What an event is: its type, its fields, its schema.
//!
//! [`Event`](crate::Event), its derive and [`EventName`](crate::EventName) are at the root of the crate.

#[doc(hidden)]
pub use eventbus_core::{DebugFn, DebugOf, NoDebug};
pub use eventbus_core::{EventType, Field, IntoEvent, NameError};
#[cfg(feature = "schema")]
pub use eventbus_core::{HasSchema, Schema};
