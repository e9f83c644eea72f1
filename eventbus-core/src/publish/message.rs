//! What is published: an event, and what is known of it outside of its content.

use std::{any::Any, fmt, sync::Arc, time::SystemTime};

use uuid::Uuid;

use crate::{
    dispatch::{CAUSES, Cause, Content},
    event::{Event, EventName, EventType, IntoEvent},
    listener::Subject,
    registry::BusId,
};

/// The identity of a published event: a UUID of version 7 ([RFC 9562]), so that ids sort by the time of publishing.
///
/// It is unique, not secret: whoever has seen some ids may guess others.
///
/// [RFC 9562]: https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(Uuid);

impl MessageId {
    fn at(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let mut random = [0; 10];
        random.copy_from_slice(&fastrand::u128(..).to_ne_bytes()[..10]);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// The id as a number: the 128 bits of the UUID.
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }

    /// The id with these 128 bits.
    pub const fn from_u128(bits: u128) -> Self {
        Self(Uuid::from_u128(bits))
    }

    /// Reads an id. Other programs may have ids of other forms: of those this is made of a hash, so that it is the same each time.
    #[cfg(feature = "serde")]
    pub(super) fn of_text(text: &str) -> Self {
        use std::hash::{DefaultHasher, Hash, Hasher};
        Self(Uuid::try_parse(text).unwrap_or_else(|_| {
            let half = |salt: u8| {
                let mut hasher = DefaultHasher::new();
                (salt, text).hash(&mut hasher);
                u128::from(hasher.finish())
            };
            uuid::Builder::from_custom_bytes((half(0) << 64 | half(1)).to_be_bytes()).into_uuid()
        }))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A published event on its way: what a [`Transport`](super::Transport) carries. A clone is the same message, and costs as
/// much as cloning an `Arc`.
///
/// Its attributes are those of [CloudEvents 1.0]: id, source, type, time, and extensions. Its content is either the event itself,
/// which only a transport inside the process can carry, or bytes.
///
/// [CloudEvents 1.0]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
#[derive(Clone)]
pub struct Message(Arc<Inner>);

struct Inner {
    id: MessageId,
    time: SystemTime,
    source: Arc<str>,
    subject: Subject,
    key: Option<Box<str>>,
    cause: Option<Box<Origin>>,
    content: MessageContent,
}

/// Where a message comes from that was published by a handler.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) causation: MessageId,
    pub(super) correlation: MessageId,
    pub(super) hops: u32,
    pub(super) trail: [Option<EventName>; CAUSES],
}

/// The content of a message.
pub(super) enum MessageContent {
    /// The event itself.
    Shared(SharedEvent),
    /// The event as JSON.
    #[cfg(feature = "serde")]
    Json(Arc<[u8]>),
}

/// An event whose type is forgotten and can be found again.
#[derive(Clone)]
pub(super) struct SharedEvent {
    pub(super) event: Arc<dyn Any + Send + Sync>,
    pub(super) kind: &'static super::typed::TypedKind,
}

impl Message {
    /// A message of this process.
    pub(super) fn new<E: Event>(event: Arc<E>, source: Arc<str>, key: Option<Box<str>>, cause: Option<&Cause>) -> Self {
        let time = SystemTime::now();
        let cause = cause.map(|cause| Box::new(Origin::of(cause)));
        let content = MessageContent::Shared(SharedEvent { event, kind: super::typed::TypedKind::of::<E>() });
        let subject = Subject::Typed(E::TYPE);
        Self(Arc::new(Inner { id: MessageId::at(time), time, source, subject, key, cause, content }))
    }

    #[cfg(feature = "serde")]
    pub(super) fn from_parts(
        id: Option<MessageId>,
        time: Option<SystemTime>,
        source: Arc<str>,
        subject: Subject,
        key: Option<Box<str>>,
        cause: Option<Origin>,
        json: Arc<[u8]>,
    ) -> Self {
        let time = time.unwrap_or_else(SystemTime::now);
        let id = id.unwrap_or_else(|| MessageId::at(time));
        let (cause, content) = (cause.map(Box::new), MessageContent::Json(json));
        Self(Arc::new(Inner { id, time, source, subject, key, cause, content }))
    }

    /// The same message with its event in bytes.
    #[cfg(feature = "serde")]
    pub(super) fn written(&self) -> Result<Self, super::WriteError> {
        let Inner { id, time, source, subject, key, cause, .. } = &*self.0;
        let content = MessageContent::Json(self.data()?);
        let (source, subject, key, cause) = (Arc::clone(source), subject.clone(), key.clone(), cause.clone());
        Ok(Self(Arc::new(Inner { id: *id, time: *time, source, subject, key, cause, content })))
    }

    /// The message's id; with its [`source`](Self::source), its identity everywhere. An event that is delivered again has it
    /// again.
    pub fn id(&self) -> MessageId {
        self.0.id
    }

    /// When it was published.
    pub fn time(&self) -> SystemTime {
        self.0.time
    }

    /// Who published it; see [`BusBuilder::source`](crate::BusBuilder::source).
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The event's name.
    pub fn name(&self) -> &str {
        self.0.subject.name()
    }

    /// The event's version.
    pub fn version(&self) -> u32 {
        self.0.subject.version()
    }

    /// The type as it is written outside of the process: the name for version 1, `name.vN` after.
    pub fn wire_type(&self) -> impl fmt::Display {
        &self.0.subject
    }

    /// The event's type, if the message was published in this process.
    pub fn event_type(&self) -> Option<&'static EventType> {
        self.0.subject.event_type()
    }

    /// The key by which its order is kept; see [`Publish::key`](super::Publish::key).
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// The id of the message whose handler published this one.
    pub fn causation_id(&self) -> Option<MessageId> {
        self.0.cause.as_ref().map(|cause| cause.causation)
    }

    /// The id of the first message of the chain that this one ends: its own, if no handler published it.
    pub fn correlation_id(&self) -> MessageId {
        self.0.cause.as_ref().map_or(self.0.id, |cause| cause.correlation)
    }

    /// How many messages of the chain came before this one: 0, if no handler published it.
    pub fn hops(&self) -> u32 {
        self.0.cause.as_ref().map_or(0, |cause| cause.hops)
    }

    /// The event as a `T`, if the message carries the event itself and that is one.
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        match &self.0.content {
            MessageContent::Shared(shared) => (&*shared.event as &dyn Any).downcast_ref(),
            #[cfg(feature = "serde")]
            MessageContent::Json(_) => None,
        }
    }

    /// Takes the event out, if nobody else holds the message, and nobody else an event by value.
    pub(super) fn into_event<I: IntoEvent>(self) -> Option<I> {
        match Arc::into_inner(self.0)?.content {
            MessageContent::Shared(shared) => I::__from_arc(shared.event.downcast().ok()?),
            #[cfg(feature = "serde")]
            MessageContent::Json(_) => None,
        }
    }

    pub(super) fn content(&self) -> &MessageContent {
        &self.0.content
    }

    pub(super) fn subject(&self) -> &Subject {
        &self.0.subject
    }

    /// What is published while a handler of `bus` runs for this message.
    pub(super) fn cause(&self, bus: BusId) -> Cause {
        let mut trail = [None; CAUSES];
        trail[0] = self.event_type().map(EventType::name);
        if let Some(origin) = &self.0.cause {
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

    /// The event for those who know only its name, as it came.
    pub(super) fn as_content(&self) -> Content {
        match &self.0.content {
            MessageContent::Shared(shared) => Content::Value(Arc::clone(&shared.event)),
            #[cfg(feature = "serde")]
            MessageContent::Json(json) => Content::Json(Arc::from(&*String::from_utf8_lossy(json))),
        }
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
            .field("type", &self.0.subject.to_string())
            .field("source", &self.source())
            .field("key", &self.key())
            .field("hops", &self.hops())
            .finish_non_exhaustive()
    }
}
