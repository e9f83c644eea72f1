//! What can go wrong when an event is published.

use std::{error::Error, fmt, sync::Arc};

#[cfg(feature = "serde")]
use crate::transport::Message;
use crate::{
    call::MessageId,
    emission::PublishEnd,
    event::IntoEvent,
    listener::{BoxError, ErrorText, source_of},
    transport::Refusal,
};

/// Why a message was not published.
pub(super) enum Why {
    Full,
    Closed,
    Cancelled,
    NoCodec,
    NoDelay,
    NoDedupe,
    Duplicate,
    Refused(Arc<dyn Error + Send + Sync>),
    Unwritable(BoxError),
    TooLarge { size: usize, limit: usize },
    TooManyHops { hops: u32, chain: Vec<String> },
    Failed(BoxError),
    Unknown(BoxError),
}

impl Why {
    pub(super) fn of(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full { .. } | Refusal::WouldWait => Self::Full,
            Refusal::Closed => Self::Closed,
            Refusal::Duplicate => Self::Duplicate,
            Refusal::Unwritable(error) => Self::Unwritable(error),
            Refusal::TooLarge { size, limit } => Self::TooLarge { size, limit },
            Refusal::Failed(error) => Self::Failed(error),
            Refusal::Unknown(error) => Self::Unknown(error),
        }
    }

    /// The same in a word.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
            Self::NoCodec => "no_codec",
            Self::NoDelay => "no_delay",
            Self::NoDedupe => "no_dedupe",
            Self::Duplicate => "duplicate",
            Self::Refused(_) => "refused",
            Self::Unwritable(_) => "unwritable",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyHops { .. } => "too_many_hops",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => PublishEnd::UNKNOWN,
        }
    }

    /// What an error says that is at fault.
    pub(super) fn text(&self) -> Option<Arc<str>> {
        let text = match self {
            Self::Refused(error) => ErrorText::with_sources(&**error).to_string(),
            Self::Unwritable(error) | Self::Failed(error) | Self::Unknown(error) => {
                ErrorText::with_sources(&**error).to_string()
            }
            _ => return None,
        };
        Some(text.into())
    }
}

/// An error returned by [`Bus::publish`](crate::Bus::publish) and its like. The event is handed back.
///
/// In all cases but [`Unknown`](Self::Unknown) the event has not been published.
#[non_exhaustive]
pub enum PublishError<I> {
    /// A group is full: there was no room, or not in time, or waiting was not allowed. Inside a
    /// handler of the same bus `publish` never waits: two handlers that fill each other's queues would wait for ever. Nor does it
    /// with a timeout where there is no runtime to tell the time.
    Full(I),
    /// The bus is shutting down, or has shut down.
    Closed(I),
    /// The publishing was cancelled by its token.
    Cancelled(I),
    /// The transport carries bytes, or the bus demands codecs, and the event's type has none.
    NoCodec(I),
    /// A delay was asked for, and the transport keeps none.
    NoDelay(I),
    /// [`dedupe`](super::Publish::dedupe) was asked for, and the transport keeps no ids.
    NoDedupe(I),
    /// An event with the same id was published within the time that [`dedupe`](super::Publish::dedupe) says: this one is not needed.
    Duplicate(I),
    /// An [`Interceptor`](crate::Interceptor) has refused it.
    Refused {
        /// The event.
        event: I,
        /// What the interceptor says.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The event cannot be written; or, for a transport that carries bytes, its key is too long
    /// ([`Message::MAX_ATTRIBUTE`](crate::Message::MAX_ATTRIBUTE)).
    Unwritable(I, BoxError),
    /// The event has more bytes than the transport takes, or than are read of any message
    /// ([`Message::MAX_DATA`](crate::Message::MAX_DATA)). Only what is carried in bytes is measured.
    TooLarge {
        /// The event.
        event: I,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A handler published an event, whose handler published an event .. further than the bus allows.
    TooManyHops {
        /// The event.
        event: I,
        /// How many messages there are in the chain.
        hops: u32,
        /// The last events of the chain, the newest last: this event is refused.
        chain: Vec<String>,
    },
    /// The transport failed before the event was sent: it is surely not published.
    Failed {
        /// The event.
        event: I,
        /// What the transport says.
        source: BoxError,
    },
    /// It was sent, and no answer came: it may be delivered. Published again with the same [`id`](super::Publish::id), those who keep the
    /// ids that they have seen can tell.
    Unknown {
        /// The event; `None` if the transport still holds it: one that carries events themselves, and has not answered.
        event: Option<I>,
        /// The id that it was sent with.
        id: MessageId,
        /// What is known.
        source: BoxError,
    },
}

impl<I> PublishError<I> {
    /// `event` is `None` if the transport holds it: it may be delivered, whatever else is said.
    pub(super) fn new(why: Why, id: MessageId, event: Option<I>) -> Self {
        match (event, why) {
            (Some(event), why) => Self::refused(why, id, event),
            (None, Why::Unknown(source)) => Self::Unknown { event: None, id, source },
            (None, _) => {
                let source = "the transport has refused it, and has kept it (clause T5 forbids that)".into();
                Self::Unknown { event: None, id, source }
            }
        }
    }

    fn refused(why: Why, id: MessageId, event: I) -> Self {
        match why {
            Why::Full => Self::Full(event),
            Why::Closed => Self::Closed(event),
            Why::Cancelled => Self::Cancelled(event),
            Why::NoCodec => Self::NoCodec(event),
            Why::NoDelay => Self::NoDelay(event),
            Why::NoDedupe => Self::NoDedupe(event),
            Why::Duplicate => Self::Duplicate(event),
            Why::Refused(source) => Self::Refused { event, source },
            Why::Unwritable(error) => Self::Unwritable(event, error),
            Why::TooLarge { size, limit } => Self::TooLarge { event, size, limit },
            Why::TooManyHops { hops, chain } => Self::TooManyHops { event, hops, chain },
            Why::Failed(source) => Self::Failed { event, source },
            Why::Unknown(source) => Self::Unknown { event: Some(event), id, source },
        }
    }

    /// The event; `None` if it is [`Unknown`](Self::Unknown) and the transport still holds it.
    pub fn event(&self) -> Option<&I> {
        match self {
            Self::Full(event)
            | Self::Closed(event)
            | Self::Cancelled(event)
            | Self::NoCodec(event)
            | Self::NoDelay(event)
            | Self::NoDedupe(event)
            | Self::Duplicate(event)
            | Self::Unwritable(event, _)
            | Self::Failed { event, .. }
            | Self::Refused { event, .. }
            | Self::TooLarge { event, .. }
            | Self::TooManyHops { event, .. } => Some(event),
            Self::Unknown { event, .. } => event.as_ref(),
        }
    }

    /// Takes the event back; `None` if it is [`Unknown`](Self::Unknown) and the transport still holds it.
    pub fn into_event(self) -> Option<I> {
        match self {
            Self::Full(event)
            | Self::Closed(event)
            | Self::Cancelled(event)
            | Self::NoCodec(event)
            | Self::NoDelay(event)
            | Self::NoDedupe(event)
            | Self::Duplicate(event)
            | Self::Unwritable(event, _)
            | Self::Failed { event, .. }
            | Self::Refused { event, .. }
            | Self::TooLarge { event, .. }
            | Self::TooManyHops { event, .. } => Some(event),
            Self::Unknown { event, .. } => event,
        }
    }
}

impl<I> PublishError<I> {
    /// Puts it into words, for an event whose wire type and Rust type these are.
    fn tell(&self, event: impl fmt::Display, rust_type: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => write!(f, "`{event}` was not published: a group's queue is full; publish it later"),
            Self::Closed(_) => write!(f, "`{event}` was not published: the bus has shut down, or is about to"),
            Self::Cancelled(_) => write!(f, "`{event}` was not published: cancelled while there was no room"),
            Self::NoCodec(_) => write!(
                f,
                "`{event}` was not published: it must be written, and its type `{rust_type}` has no codec; add `#[event(serde)]` to it"
            ),
            Self::NoDelay(_) => write!(
                f,
                "`{event}` was not published: a delay was asked for, and the transport keeps none; remove `.after(..)` or `.at(..)`"
            ),
            Self::NoDedupe(_) => write!(
                f,
                "`{event}` was not published: the transport keeps no ids to tell duplicates by; remove `.dedupe(..)`"
            ),
            Self::Duplicate(_) => write!(f, "`{event}` was not published: it was published before, with the same id"),
            Self::Refused { source, .. } => {
                write!(f, "`{event}` was not published: refused: {}", ErrorText::alone(&**source))
            }
            Self::Failed { source, .. } => {
                write!(f, "`{event}` was not published: the transport failed: {}", ErrorText::alone(&**source))
            }
            Self::Unwritable(_, error) => {
                write!(f, "`{event}` was not published: it cannot be written: {}", ErrorText::alone(&**error))
            }
            Self::TooLarge { size, limit, .. } => {
                write!(f, "`{event}` was not published: it has {size} bytes, and the transport takes {limit}")
            }
            Self::TooManyHops { hops, chain, .. } => write!(
                f,
                "`{event}` was not published: it would be message {} of its chain, the limit is {hops}: .. -> {}",
                hops + 1,
                chain.join(" -> ")
            ),
            Self::Unknown { source: error, .. } => {
                write!(
                    f,
                    "`{event}` may or may not be published, nobody answered: {}; publish it again if twice is better than never",
                    ErrorText::alone(&**error)
                )
            }
        }
    }
}

impl<I: IntoEvent> fmt::Display for PublishError<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = <I::Event as crate::event::Event>::TYPE;
        self.tell(event.wire_type(), event.rust_type(), f)
    }
}

/// Of an event that was published by name.
#[cfg(feature = "serde")]
impl fmt::Display for PublishError<Message> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(message) = self.event() else { unreachable!("a message is always handed back") };
        let rust_type = message.event_type().map_or("", crate::event::EventType::rust_type);
        self.tell(message.wire_type(), rust_type, f)
    }
}

/// Shows no event: it is not asked for `Debug`, and may hold what logs must not.
impl<I> fmt::Debug for PublishError<I>
where
    Self: fmt::Display,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublishError({self})")
    }
}

impl<I> std::error::Error for PublishError<I>
where
    Self: fmt::Display,
{
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unwritable(_, error) | Self::Unknown { source: error, .. } | Self::Failed { source: error, .. } => {
                source_of(&**error)
            }
            Self::Refused { source, .. } => source_of(&**source),
            _ => None,
        }
    }
}
