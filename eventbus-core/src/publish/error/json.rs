//! The error of publishing JSON by name.

use std::{error::Error, fmt, sync::Arc};

use super::why::{Reason, Why};
use crate::{event::EventType, listener::BoxError, transport::Message};

/// An error returned by `Bus::publish_json`, awaited. The message is handed back.
///
/// In all cases but [`Unknown`](Self::Unknown) it has not been published.
#[non_exhaustive]
pub enum PublishJsonError {
    /// A group is full: there was no room, or not in time, or waiting was not allowed; see
    /// [`PublishError::Full`](crate::PublishError::Full).
    Full(Message),
    /// The bus is shutting down, or has shut down.
    Closed(Message),
    /// The publishing was cancelled by its token.
    Cancelled(Message),
    /// A delay was asked for, and the transport keeps none.
    NoDelay(Message),
    /// [`dedupe`](crate::PublishJson::dedupe) was asked for, and the transport keeps no ids.
    NoDedupe(Message),
    /// A message with the same id was published within the time that [`dedupe`](crate::PublishJson::dedupe) says: this one is not
    /// needed.
    Duplicate(Message),
    /// An [`Interceptor`](crate::Interceptor) has refused it.
    Refused {
        /// The message.
        message: Message,
        /// What the interceptor says.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The event cannot be written, in the format of the bus; or, for a transport that carries bytes, its key is too long
    /// ([`Message::MAX_ATTRIBUTE`](crate::Message::MAX_ATTRIBUTE)).
    Unwritable(Message, BoxError),
    /// The message has more bytes than the transport takes, or than are read of any message
    /// ([`Message::MAX_DATA`](crate::Message::MAX_DATA)). Only what is carried in bytes is measured.
    TooLarge {
        /// The message.
        message: Message,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A handler published an event, whose handler published an event .. further than the bus allows.
    TooManyHops {
        /// The message.
        message: Message,
        /// How many messages there are in the chain.
        hops: u32,
        /// The last events of the chain, the newest last: this one is refused.
        chain: Vec<String>,
    },
    /// The transport failed before the message was sent: it is surely not published.
    Failed {
        /// The message.
        message: Message,
        /// What the transport says.
        source: BoxError,
    },
    /// It was sent, and no answer came: it may be delivered. If you publish it again with the same
    /// [`id`](crate::PublishJson::id), handlers that keep the ids they have seen can recognise it.
    Unknown {
        /// The message, with the id that it was sent with.
        message: Message,
        /// What is known.
        source: BoxError,
    },
}

impl PublishJsonError {
    pub(in crate::publish) fn new(why: Why, message: Message) -> Self {
        match why {
            Why::Full => Self::Full(message),
            Why::Closed => Self::Closed(message),
            Why::Cancelled => Self::Cancelled(message),
            Why::NoDelay => Self::NoDelay(message),
            Why::NoDedupe => Self::NoDedupe(message),
            Why::Duplicate => Self::Duplicate(message),
            Why::Refused(source) => Self::Refused { message, source },
            Why::Unwritable(source) => Self::Unwritable(message, source),
            Why::TooLarge { size, limit } => Self::TooLarge { message, size, limit },
            Why::TooManyHops { hops, chain } => Self::TooManyHops { message, hops, chain },
            Why::Failed(source) => Self::Failed { message, source },
            Why::Unknown(source) => Self::Unknown { message, source },
            Why::NoCodec => unreachable!("what was read from JSON has a codec, or is JSON"),
        }
    }

    /// The message.
    pub fn message(&self) -> &Message {
        self.parts().0
    }

    /// Takes the message back.
    pub fn into_message(self) -> Message {
        match self {
            Self::Full(message)
            | Self::Closed(message)
            | Self::Cancelled(message)
            | Self::NoDelay(message)
            | Self::NoDedupe(message)
            | Self::Duplicate(message)
            | Self::Unwritable(message, _)
            | Self::Refused { message, .. }
            | Self::TooLarge { message, .. }
            | Self::TooManyHops { message, .. }
            | Self::Failed { message, .. }
            | Self::Unknown { message, .. } => message,
        }
    }

    fn parts(&self) -> (&Message, Reason<'_>) {
        match self {
            Self::Full(message) => (message, Reason::Full),
            Self::Closed(message) => (message, Reason::Closed),
            Self::Cancelled(message) => (message, Reason::Cancelled),
            Self::NoDelay(message) => (message, Reason::NoDelay),
            Self::NoDedupe(message) => (message, Reason::NoDedupe),
            Self::Duplicate(message) => (message, Reason::Duplicate),
            Self::Refused { message, source } => (message, Reason::Refused(&**source)),
            Self::Unwritable(message, source) => (message, Reason::Unwritable(&**source)),
            Self::TooLarge { message, size, limit } => (message, Reason::TooLarge { size: *size, limit: *limit }),
            Self::TooManyHops { message, hops, chain } => (message, Reason::TooManyHops { hops: *hops, chain }),
            Self::Failed { message, source } => (message, Reason::Failed(&**source)),
            Self::Unknown { message, source } => (message, Reason::Unknown(&**source)),
        }
    }
}

impl fmt::Display for PublishJsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (message, reason) = self.parts();
        reason.tell(message.wire_type(), message.event_type().map_or("", EventType::rust_type), f)
    }
}

/// Shows no message: its event is not asked for `Debug`, and may hold what logs must not.
impl fmt::Debug for PublishJsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublishJsonError({self})")
    }
}

impl Error for PublishJsonError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.parts().1.source()
    }
}
