//! Publishing: what surrounds [`Publish`](crate::Publish), and what a drain and a shutdown tell.

pub use eventbus_core::{NotDrained, PublishAll, PublishAllError, ReturnedMessage, TryPublishError, Unconsumed};
#[cfg(feature = "serde")]
pub use eventbus_core::{PublishJson, PublishJsonError};
