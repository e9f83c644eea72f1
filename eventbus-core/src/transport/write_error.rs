//! Why a message cannot be written.

use crate::event::EncodeError;

/// An error returned by [`Message::data`](super::Message::data).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The event's type does not say how it is written.
    #[error("`{name}` cannot be written: its type has no codec (`#[event(serde)]`)")]
    NoCodec {
        /// The wire type.
        name: String,
    },
    /// Its serialisation failed.
    #[error("`{name}` cannot be written: {source}")]
    Failed {
        /// The wire type.
        name: String,
        /// What is wrong, without a value of the event.
        source: EncodeError,
    },
}
