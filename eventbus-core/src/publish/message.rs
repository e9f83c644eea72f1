//! What is published: an event, and what is known of it outside of its content.

use std::{
    any::Any,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{AttemptError, MessageId, message_id::nanos, typed::TypedKind};
use crate::{
    call::BusId,
    call::{CAUSES, Cause, Content},
    event::{Event, EventType, IntoEvent},
    listener::{Excerpt, Subject},
};

/// A published event on its way: what a [`Transport`](super::Transport) carries. A clone is the same message, with the same event.
///
/// Its attributes are those of [CloudEvents 1.0]: id, source, type, time, and extensions. Its content is either the event itself,
/// which only a transport inside the process can carry, or bytes.
///
/// [CloudEvents 1.0]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
#[derive(Clone)]
pub struct Message {
    id: MessageId,
    /// Nanoseconds since 1970.
    time: u64,
    /// The bus's own; see [`More::source`].
    source: &'static str,
    content: MessageContent,
    more: Option<Arc<More>>,
}

/// What most messages do not have.
#[derive(Default)]
struct More {
    key: Option<Box<str>>,
    /// Of a message from outside: where it comes from.
    source: Option<Box<str>>,
    origin: Option<Origin>,
}

/// Where a message comes from that was published by a handler.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) causation: MessageId,
    pub(super) correlation: MessageId,
    pub(super) hops: u32,
    pub(super) trail: [Option<&'static EventType>; CAUSES],
}

/// The content of a message.
#[derive(Clone)]
pub(super) enum MessageContent {
    /// The event itself.
    Shared(SharedEvent),
    /// The event as JSON.
    #[cfg(feature = "serde")]
    Json(Arc<JsonEvent>),
}

/// An event whose type is forgotten and can be found again.
#[derive(Clone)]
pub(super) struct SharedEvent {
    pub(super) event: Arc<dyn Any + Send + Sync>,
    pub(super) kind: &'static TypedKind,
}

/// An event that has not been read.
#[cfg(feature = "serde")]
pub(super) struct JsonEvent {
    pub(super) subject: Subject,
    pub(super) json: Arc<[u8]>,
}

/// What is known of a message from outside.
#[cfg(feature = "serde")]
pub(super) struct Attributes {
    pub(super) id: Option<MessageId>,
    pub(super) time: Option<SystemTime>,
    pub(super) source: Box<str>,
    pub(super) subject: Subject,
    pub(super) key: Option<Box<str>>,
    pub(super) origin: Option<Origin>,
}

impl Message {
    /// How many bytes an event may have outside of the process, whatever its transport can carry: 1 MiB.
    pub const MAX_DATA: usize = 1 << 20;

    /// How many bytes an attribute may have outside of the process: 1 KiB.
    pub const MAX_ATTRIBUTE: usize = 1 << 10;

    /// A message of this process.
    pub(super) fn new<E: Event>(
        event: Arc<E>,
        source: &'static str,
        key: Option<Box<str>>,
        cause: Option<&Cause>,
    ) -> Self {
        let content = MessageContent::Shared(SharedEvent { event, kind: TypedKind::of::<E>() });
        Self::of_content(content, source, key, cause)
    }

    /// A message of this process, of an event whose type may not be known.
    pub(super) fn of_content(
        content: MessageContent,
        source: &'static str,
        key: Option<Box<str>>,
        cause: Option<&Cause>,
    ) -> Self {
        let time = nanos(SystemTime::now());
        let more = match (key, cause) {
            (None, None) => None,
            (key, cause) => Some(Arc::new(More { key, source: None, origin: cause.map(Origin::of) })),
        };
        Self { id: MessageId::at(time), time, source, content, more }
    }

    /// A message from outside.
    #[cfg(feature = "serde")]
    pub(super) fn from_outside(attributes: Attributes, json: Arc<[u8]>) -> Self {
        let Attributes { id, time, source, subject, key, origin } = attributes;
        let time = nanos(time.unwrap_or_else(SystemTime::now));
        let id = id.unwrap_or_else(|| MessageId::at(time));
        let content = MessageContent::Json(Arc::new(JsonEvent { subject, json }));
        let more = Some(Arc::new(More { key, source: Some(source), origin }));
        Self { id, time, source: "", content, more }
    }

    pub(super) fn set_id(&mut self, id: MessageId) {
        self.id = id;
    }

    /// The same message with its event in bytes.
    #[cfg(feature = "serde")]
    pub(super) fn written(&self) -> Result<Self, super::WriteError> {
        let content = MessageContent::Json(Arc::new(JsonEvent { subject: self.subject(), json: self.data()? }));
        Ok(Self { content, ..self.clone() })
    }

    /// The message's id; with its [`source`](Self::source), its identity everywhere. An event that is delivered again has it
    /// again.
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// When it was published.
    pub fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.time)
    }

    /// Who published it; see [`BusBuilder::source`](crate::BusBuilder::source).
    pub fn source(&self) -> &str {
        let own = self.more.as_ref().and_then(|more| more.source.as_deref());
        own.unwrap_or(self.source)
    }

    /// The event's name.
    pub fn name(&self) -> &str {
        match &self.content {
            MessageContent::Shared(shared) => shared.kind.event.name().as_str(),
            #[cfg(feature = "serde")]
            MessageContent::Json(json) => json.subject.name(),
        }
    }

    /// The event's version.
    pub fn version(&self) -> u32 {
        self.subject().version()
    }

    /// The type as it is written outside of the process: the name for version 1, `name.vN` after.
    pub fn wire_type(&self) -> impl fmt::Display {
        self.subject()
    }

    /// The event's type, if the message was published in this process.
    pub fn event_type(&self) -> Option<&'static EventType> {
        match &self.content {
            MessageContent::Shared(shared) => Some(shared.kind.event),
            #[cfg(feature = "serde")]
            MessageContent::Json(json) => json.subject.event_type(),
        }
    }

    /// The key by which its order is kept; see [`Publish::key`](super::Publish::key).
    pub fn key(&self) -> Option<&str> {
        self.more.as_ref()?.key.as_deref()
    }

    /// The id of the message whose handler published this one.
    pub fn causation_id(&self) -> Option<MessageId> {
        self.origin().map(|cause| cause.causation)
    }

    /// The id of the first message of the chain that this one ends: its own, if no handler published it.
    pub fn correlation_id(&self) -> MessageId {
        self.origin().map_or(self.id, |cause| cause.correlation)
    }

    /// How many messages of the chain came before this one: 0, if no handler published it.
    pub fn hops(&self) -> u32 {
        self.origin().map_or(0, |cause| cause.hops)
    }

    /// The event as a `T`, if the message carries the event itself and that is one.
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        match &self.content {
            MessageContent::Shared(shared) => (&*shared.event as &dyn Any).downcast_ref(),
            #[cfg(feature = "serde")]
            MessageContent::Json(_) => None,
        }
    }

    /// Takes the event out; one by value only if nobody else holds it.
    pub(super) fn into_event<I: IntoEvent>(self) -> Option<I> {
        match self.content {
            MessageContent::Shared(shared) => I::__from_arc(shared.event.downcast().ok()?),
            #[cfg(feature = "serde")]
            MessageContent::Json(_) => None,
        }
    }

    /// How many bytes its event has, if it is carried in bytes.
    pub(super) fn size(&self) -> Option<usize> {
        match &self.content {
            MessageContent::Shared(_) => None,
            #[cfg(feature = "serde")]
            MessageContent::Json(json) => Some(json.json.len()),
        }
    }

    pub(super) fn content(&self) -> &MessageContent {
        &self.content
    }

    pub(super) fn subject(&self) -> Subject {
        match &self.content {
            MessageContent::Shared(shared) => Subject::Typed(shared.kind.event),
            #[cfg(feature = "serde")]
            MessageContent::Json(json) => json.subject.clone(),
        }
    }

    fn origin(&self) -> Option<&Origin> {
        self.more.as_ref()?.origin.as_ref()
    }

    /// What is published while a handler of `bus` runs for this message.
    pub(super) fn cause(&self, bus: BusId) -> Cause {
        let mut trail = [None; CAUSES];
        trail[0] = self.event_type();
        if let Some(origin) = self.origin() {
            trail[1..].copy_from_slice(&origin.trail[..CAUSES - 1]);
        }
        Cause {
            bus,
            message: self.id().as_u128(),
            correlation: self.correlation_id().as_u128(),
            hops: self.hops(),
            trail,
        }
    }

    /// The event for those who know only its name, as it came. What is no text cannot be JSON.
    #[cfg_attr(not(feature = "serde"), expect(clippy::unnecessary_wraps, reason = "as with the feature `serde`"))]
    pub(super) fn as_content(&self) -> Result<Content, AttemptError> {
        Ok(match &self.content {
            MessageContent::Shared(shared) => Content::Value(Arc::clone(&shared.event)),
            #[cfg(feature = "serde")]
            MessageContent::Json(json) => match std::str::from_utf8(&json.json) {
                Ok(text) => Content::Json(Arc::from(text)),
                Err(error) => return Err(AttemptError::Undecodable(Arc::new(error))),
            },
        })
    }
}

impl Origin {
    fn of(cause: &Cause) -> Self {
        Self {
            causation: MessageId::from_u128(cause.message),
            correlation: MessageId::from_u128(cause.correlation),
            // It may have come from outside.
            hops: cause.hops.saturating_add(1),
            trail: cause.trail,
        }
    }
}

impl fmt::Debug for Message {
    /// Shows no content: events may hold what logs must not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id())
            .field("type", &self.wire_type().to_string())
            .field("source", &Excerpt(self.source()))
            .field("key", &self.key().map(Excerpt))
            .field("hops", &self.hops())
            .finish_non_exhaustive()
    }
}
