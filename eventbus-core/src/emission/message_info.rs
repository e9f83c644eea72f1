//! A message, as an interceptor sees it.

use std::{fmt, time::SystemTime};

use crate::{
    call::{AnyEvent, MessageId, TraceContext},
    event::EventType,
    listener::{Excerpt, Subject},
};

/// The event and the attributes of a message, as an [`Interceptor`](super::Interceptor) sees them.
pub struct MessageInfo<'a> {
    pub(crate) id: MessageId,
    pub(crate) subject: Subject,
    pub(crate) time: SystemTime,
    pub(crate) source: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) not_before: Option<SystemTime>,
    pub(crate) causation: Option<MessageId>,
    pub(crate) correlation: MessageId,
    pub(crate) hops: u32,
    pub(crate) trace: Option<&'a TraceContext>,
    /// Reads the event: from bytes it costs something.
    pub(crate) event: &'a dyn Fn() -> Option<AnyEvent<'static>>,
}

impl MessageInfo<'_> {
    /// The message's id.
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// The name of its event; empty if the message is malformed.
    pub fn event_name(&self) -> &str {
        self.subject.name()
    }

    /// The version of its event.
    pub fn version(&self) -> u32 {
        self.subject.version()
    }

    /// The type of its event, if this is known here. A message from another process knows its event's name only.
    pub fn event_type(&self) -> Option<&'static EventType> {
        self.subject.event_type()
    }

    /// Its event. Of a message that is carried in bytes it is read anew, as JSON, with each call; `None` if it cannot be read.
    pub fn event(&self) -> Option<AnyEvent<'static>> {
        (self.event)()
    }

    /// When it was published, to a few milliseconds.
    pub fn time(&self) -> SystemTime {
        self.time
    }

    /// Which program published it.
    pub fn source(&self) -> &str {
        self.source
    }

    /// The key within which the order of messages is kept.
    pub fn key(&self) -> Option<&str> {
        self.key
    }

    /// When it may be handed out at the earliest, if it was published with a delay.
    pub fn not_before(&self) -> Option<SystemTime> {
        self.not_before
    }

    /// The message whose handler published this one.
    pub fn causation_id(&self) -> Option<MessageId> {
        self.causation
    }

    /// The first message of the chain; its own id if it is that.
    pub fn correlation_id(&self) -> MessageId {
        self.correlation
    }

    /// How many messages of its chain came before it.
    pub fn hops(&self) -> u32 {
        self.hops
    }

    /// The trace that it belongs to.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.trace
    }
}

impl fmt::Debug for MessageInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageInfo")
            .field("id", &self.id)
            .field("event", &self.subject.to_string())
            .field("key", &self.key.map(Excerpt))
            .field("hops", &self.hops)
            .field("trace", &self.trace)
            .finish_non_exhaustive()
    }
}
