//! The engine of [`eventbus`](https://github.com/eventbus-rs/eventbus). Depend on the facade, not on this crate.
pub mod event;
pub use event::{Event, EventName, EventType, Field, IntoEvent};
pub mod pattern;
pub use pattern::{Pattern, PatternError};
