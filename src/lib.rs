//! Facade.
#![forbid(unsafe_code)]
pub use eventbus_core::{Event, EventName, EventType, Field, IntoEvent};
#[cfg(feature = "derive")]
pub use eventbus_derive::Event;
