//! What can be wrong with a consumer.

use std::{error::Error, fmt, panic::Location, sync::Arc};

use crate::{
    bus::NameTaken,
    event::EventType,
    listener::{ErrorText, Excerpt},
    pattern::PatternError,
};

/// An error returned by [`ConsumerBuilder::start`](super::ConsumerBuilder::start). Nothing has been started.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerError {
    /// A pattern is malformed.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Two event types have one name and version.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
    /// Two handlers of the group would handle the same event.
    #[error(
        "group `{group}` has two handlers for one event: for {first} at {first_location}, and for {second} at \
         {second_location}; give one of them a group of its own"
    )]
    #[non_exhaustive]
    HandlerTaken {
        /// The group.
        group: Arc<str>,
        /// What the first one handles.
        first: String,
        /// Where it was given.
        first_location: &'static Location<'static>,
        /// What the second one handles.
        second: String,
        /// Where it was given.
        second_location: &'static Location<'static>,
    },
    /// The group has no handler.
    #[error("group `{group}` has no handler; add `.handle::<E>(..)`, or another of its kind")]
    #[non_exhaustive]
    NoHandlers {
        /// The group.
        group: Arc<str>,
    },
    /// The group's name is empty, or longer than 128 bytes, or has characters that are not visible ASCII.
    #[error("`{}` is no name for a group: take 1 to 128 visible ASCII characters", Excerpt(group))]
    #[non_exhaustive]
    Name {
        /// The name.
        group: Arc<str>,
    },
    /// This bus consumes the group already.
    #[error("group `{group}` has a consumer on this bus already; stop that one, or use another group")]
    #[non_exhaustive]
    GroupTaken {
        /// The group.
        group: Arc<str>,
    },
    /// The transport carries bytes, or the bus demands codecs, and the event's type has none.
    #[error(
        "group `{group}` cannot handle {event}: it must be read from bytes and has no codec; add `#[event(serde)]` to it"
    )]
    #[non_exhaustive]
    NoCodec {
        /// The group.
        group: Arc<str>,
        /// The type.
        event: &'static EventType,
    },
    /// A key was given for an event that the group does not handle by its type.
    #[error(
        "group `{group}` has a key for {event}, and no handler for it; add `.handle::<E>(..)` for that type, or remove its \
         `.key::<E>(..)`: handlers by pattern go by the key that an event was published with"
    )]
    #[non_exhaustive]
    KeyWithoutHandler {
        /// The group.
        group: Arc<str>,
        /// The type.
        event: &'static EventType,
    },
    /// The transport cannot serve the group as it is wired.
    #[error("group `{group}` cannot be had over this transport: {reason}")]
    #[non_exhaustive]
    Unsupported {
        /// The group.
        group: Arc<str>,
        /// What it cannot do, and what to do.
        reason: String,
    },
    /// The group has more workers than a consumer may have.
    #[error("group `{group}` has {workers} workers, and a consumer may have {limit}")]
    #[non_exhaustive]
    TooManyWorkers {
        /// The group.
        group: Arc<str>,
        /// How many were asked for.
        workers: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The runtime has no timers, which retries, time-outs and rates need.
    #[error("group `{group}` needs a runtime with timers; build it with `enable_time` or `enable_all`")]
    #[non_exhaustive]
    NoTimers {
        /// The group.
        group: Arc<str>,
    },
    /// There is no runtime for the workers: neither does this code run in one, nor has the bus one of its own.
    #[error("group `{group}` has no runtime for its workers; start it inside one, or give the bus one (`runtime`)")]
    #[non_exhaustive]
    NoRuntime {
        /// The group.
        group: Arc<str>,
    },
    /// The bus is shutting down, or has shut down.
    #[error("group `{group}` is not started: the bus has shut down, or is about to")]
    #[non_exhaustive]
    Closed {
        /// The group.
        group: Arc<str>,
    },
    /// The transport could not open the group.
    #[error("the transport could not open group `{group}`: {}", ErrorText::alone(&**source))]
    #[non_exhaustive]
    Transport {
        /// The group.
        group: Arc<str>,
        /// What it says.
        source: Arc<dyn Error + Send + Sync>,
    },
}

/// Shows the message: what a transport says is bounded there.
impl fmt::Debug for ConsumerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConsumerError({self})")
    }
}
