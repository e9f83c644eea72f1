//! Publishing: what surrounds [`Publish`](crate::Publish), and what a drain and a shutdown tell.

#[cfg(feature = "serde")]
pub use eventbus_core::PublishJson;
pub use eventbus_core::{NotDrained, PublishAll, PublishNotice, ReturnedMessage, Unconsumed};
