//! Why a transport does not take a message.

use std::{fmt, sync::Arc};

use crate::listener::{BoxError, ErrorText, Excerpt};

/// Why a transport does not take a message. It carries no message: the bus has kept it (B1).
#[non_exhaustive]
pub enum Refusal {
    /// A group has no room.
    Full {
        /// The group.
        group: Arc<str>,
        /// Whether the group's policy is to wait.
        wait: bool,
    },
    /// The transport cannot answer without waiting.
    WouldWait,
    /// The transport is closed.
    Closed,
    /// A message with the same id was taken within [`Message::dedupe`](super::Message::dedupe) (T8).
    Duplicate,
    /// The event cannot be encoded.
    Unwritable(BoxError),
    /// The message is too large.
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The message is surely not there: it was refused, or never sent.
    Failed(BoxError),
    /// The message was sent, and no answer came. It may be delivered (T3).
    Unknown(BoxError),
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = |f: &mut fmt::Formatter<'_>, name: &str, error: &BoxError| {
            f.debug_tuple(name).field(&ErrorText::with_sources(&**error)).finish()
        };
        match self {
            Self::Full { group, wait } => {
                f.debug_struct("Full").field("group", &Excerpt(group)).field("wait", wait).finish()
            }
            Self::WouldWait => f.write_str("WouldWait"),
            Self::Closed => f.write_str("Closed"),
            Self::Duplicate => f.write_str("Duplicate"),
            Self::Unwritable(source) => error(f, "Unwritable", source),
            Self::TooLarge { size, limit } => {
                f.debug_struct("TooLarge").field("size", size).field("limit", limit).finish()
            }
            Self::Failed(source) => error(f, "Failed", source),
            Self::Unknown(source) => error(f, "Unknown", source),
        }
    }
}
