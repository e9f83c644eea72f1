//! What can go wrong when an event is published: an error for each way to publish, with what that way can meet.

mod awaited;
#[cfg(feature = "serde")]
mod json;
mod plain;
mod why;

pub use awaited::PublishError;
#[cfg(feature = "serde")]
pub use json::PublishJsonError;
pub use plain::{PublishAllError, TryPublishError};
pub(super) use why::Why;
