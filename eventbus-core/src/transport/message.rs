//! Messages: an event, and what is known of it outside its content.

use std::{
    any::Any,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    content::{Content, ContentRef, Malformed, SharedEvent},
    schedule::Schedule,
};
#[cfg(feature = "serde")]
use super::{data::Data, format::Format};
#[cfg(feature = "serde")]
use crate::call::nanos;
use crate::{
    call::{Before, BusId, CAUSES, Cause, MessageId, TraceContext},
    event::{EventType, IntoEvent},
    listener::{BoxError, Excerpt, Subject},
};

/// A published event on its way: what a [`Transport`](super::Transport) carries. A clone is the same message, with the same
/// event.
///
/// Its attributes are those of [CloudEvents 1.0]: id, source, type, time, and extensions. Its content is either the event
/// itself, which only a transport inside the process can carry, or bytes.
///
/// [CloudEvents 1.0]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
#[derive(Clone)]
pub struct Message {
    /// It tells the time as well, unless [`More::time`] does.
    id: MessageId,
    content: Content,
    /// The bus's own; see [`More::source`].
    source: &'static &'static str,
    more: Option<Arc<More>>,
}

/// What most messages do not have.
#[derive(Default, Clone)]
struct More {
    /// Nanoseconds since 1970, where the id is not of this process's making.
    time: Option<u64>,
    key: Option<Box<str>>,
    /// Of a message from outside: where it comes from.
    source: Option<Box<str>>,
    origin: Option<Origin>,
    schedule: Option<Schedule>,
    dedupe: Option<Duration>,
    trace: Option<TraceContext>,
}

/// Where a message comes from that was published by a handler.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) causation: MessageId,
    pub(crate) correlation: MessageId,
    pub(crate) hops: u32,
    pub(crate) trail: [Option<&'static EventType>; CAUSES],
}

/// The attributes of a message from outside.
#[cfg(feature = "serde")]
pub(super) struct Attributes {
    pub(super) id: Option<MessageId>,
    pub(super) time: Option<SystemTime>,
    pub(super) source: Box<str>,
    pub(super) subject: Subject,
    pub(super) key: Option<Box<str>>,
    pub(super) origin: Option<Origin>,
    pub(super) trace: Option<TraceContext>,
    pub(super) format: Format,
}

impl Message {
    /// How many bytes an event may have outside the process, whatever its transport can carry: 1 MiB.
    pub const MAX_DATA: usize = 1 << 20;

    /// How many bytes an attribute may have outside the process: 1 KiB.
    pub const MAX_ATTRIBUTE: usize = 1 << 10;

    /// A message of this process that has nothing that most messages do not have.
    #[inline]
    pub(crate) fn plain(id: MessageId, content: Content, source: &'static &'static str) -> Self {
        Self { id, content, source, more: None }
    }

    /// A message of this process.
    pub(crate) fn new(
        content: Content,
        source: &'static &'static str,
        key: Option<Box<str>>,
        cause: Option<&Cause>,
        schedule: Option<Schedule>,
    ) -> Self {
        let more = if key.is_none() && cause.is_none() && schedule.is_none() {
            None
        } else {
            Some(Arc::new(More { key, origin: cause.map(Origin::of), schedule, ..More::default() }))
        };
        Self { more, ..Self::plain(MessageId::coarse(), content, source) }
    }

    /// A message from outside.
    #[cfg(feature = "serde")]
    pub(super) fn from_outside(attributes: Attributes, bytes: Arc<[u8]>) -> Self {
        let Attributes { id, time, source, subject, key, origin, trace, format } = attributes;
        let time = nanos(time.unwrap_or_else(crate::interleave::system_time));
        let id = id.unwrap_or_else(|| MessageId::at_millis(time / 1_000_000));
        let content = Content::data(Data { subject, bytes, format });
        let more = More { time: Some(time), key, source: Some(source), origin, trace, ..More::default() };
        Self { id, content, source: &"", more: Some(Arc::new(more)) }
    }

    /// Bytes that a transport found and that are no message (T14). The bus makes a dead letter of it at once.
    pub fn malformed(reason: &str, data: &[u8]) -> Self {
        let cut = &reason[..reason.floor_char_boundary(Self::MAX_ATTRIBUTE)];
        let data = data[..data.len().min(Self::MAX_DATA)].into();
        let content = Content::malformed(Malformed { reason: cut.into(), data });
        Self { id: MessageId::new(), content, source: &"unknown", more: None }
    }

    /// The same message, not to be handed out before a time: for a transport that reads it back.
    #[must_use]
    pub fn with_not_before(mut self, at: SystemTime) -> Self {
        self.more_mut().schedule = Some(Schedule { at, due: None });
        self
    }

    /// The same message, to be refused if another one with its id was taken within this time (T8): for tests of a transport.
    #[must_use]
    pub fn with_dedupe(mut self, window: Duration) -> Self {
        self.more_mut().dedupe = Some(window);
        self
    }

    fn more_mut(&mut self) -> &mut More {
        Arc::make_mut(self.more.get_or_insert_default())
    }

    /// Gives it another id, and leaves it its time.
    pub(crate) fn set_id(&mut self, id: MessageId) {
        let time = self.nanos();
        self.more_mut().time = Some(time);
        self.id = id;
    }

    pub(crate) fn set_trace(&mut self, trace: TraceContext) {
        Arc::make_mut(self.more.get_or_insert_default()).trace = Some(trace);
    }

    /// Nanoseconds since 1970.
    fn nanos(&self) -> u64 {
        self.more.as_ref().and_then(|more| more.time).unwrap_or_else(|| self.id.nanos())
    }

    /// Its identity. Together with [`source`](Self::source) it is unique.
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// When it was published, to a few milliseconds.
    pub fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.nanos())
    }

    /// Which program published it; see [`BusBuilder::source`](crate::BusBuilder::source).
    pub fn source(&self) -> &str {
        let own = self.more.as_ref().and_then(|more| more.source.as_deref());
        own.unwrap_or(self.source)
    }

    /// The event's name, without its version; empty if it is [`malformed`](Self::is_malformed).
    pub fn name(&self) -> &str {
        match self.content.look() {
            ContentRef::Shared(shared) => shared.kind().event.name().as_str(),
            #[cfg(feature = "serde")]
            ContentRef::Data(data) => data.subject.name(),
            ContentRef::Malformed(_) => "",
        }
    }

    /// The event's version.
    pub fn version(&self) -> u32 {
        match self.content.look() {
            ContentRef::Shared(shared) => shared.kind().event.version(),
            #[cfg(feature = "serde")]
            ContentRef::Data(data) => data.subject.version(),
            ContentRef::Malformed(_) => 1,
        }
    }

    /// The event's type as it is written outside the process: the name for version 1, `name.vN` after.
    pub fn wire_type(&self) -> impl fmt::Display {
        self.subject()
    }

    /// The event's Rust type, where it is known.
    #[inline]
    pub fn event_type(&self) -> Option<&'static EventType> {
        self.content.event_type()
    }

    /// The key within which the order of messages is kept.
    #[inline]
    pub fn key(&self) -> Option<&str> {
        self.more.as_ref()?.key.as_deref()
    }

    /// When the message may be handed out at the earliest, if it was published with a delay.
    pub fn not_before(&self) -> Option<SystemTime> {
        self.schedule().map(|schedule| schedule.at)
    }

    /// Within which time another message with the same id makes this one a duplicate; `None` if nobody asked for that (T8).
    pub fn dedupe(&self) -> Option<Duration> {
        self.more.as_ref()?.dedupe
    }

    /// The message whose handler published this one.
    pub fn causation_id(&self) -> Option<MessageId> {
        self.origin().map(|cause| cause.causation)
    }

    /// The first message of the chain; its own id if it is that.
    pub fn correlation_id(&self) -> MessageId {
        self.origin().map_or(self.id, |cause| cause.correlation)
    }

    /// How many messages of its chain came before it.
    pub fn hops(&self) -> u32 {
        self.origin().map_or(0, |cause| cause.hops)
    }

    /// The trace that it belongs to, if an [`Interceptor`](crate::Interceptor) has set one or it has come with one.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.more.as_ref()?.trace.as_ref()
    }

    /// The event, where the message carries a `T` itself.
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        (self.as_shared()?.get() as &dyn Any).downcast_ref()
    }

    /// Whether a transport could not read it as a message.
    pub fn is_malformed(&self) -> bool {
        self.as_malformed().is_some()
    }

    /// Why it could not be read as a message.
    pub fn malformed_reason(&self) -> Option<&str> {
        self.as_malformed().map(|malformed| &*malformed.reason)
    }

    /// What stands in the place of a message that could not be read.
    pub fn malformed_data(&self) -> Option<&[u8]> {
        self.as_malformed().map(|malformed| &*malformed.data)
    }

    fn as_malformed(&self) -> Option<&Malformed> {
        if let ContentRef::Malformed(malformed) = self.content.look() { Some(malformed) } else { None }
    }

    /// The event, where the message carries the event itself.
    #[inline]
    pub(crate) fn as_shared(&self) -> Option<SharedEvent<'_>> {
        if let ContentRef::Shared(shared) = self.content.look() { Some(shared) } else { None }
    }

    /// How many bytes the message is counted with at a bound in bytes: those of its content, or, for an event that is
    /// carried as it is, those of its struct without what it points to.
    pub fn counted_bytes(&self) -> usize {
        match self.content.look() {
            ContentRef::Shared(shared) => size_of_val(shared.get()),
            #[cfg(feature = "serde")]
            ContentRef::Data(data) => data.bytes.len(),
            ContentRef::Malformed(malformed) => malformed.data.len(),
        }
    }

    /// The event, if nobody else has it.
    pub(crate) fn into_event<I: IntoEvent>(self) -> Option<I> {
        I::__from_arc(self.content.into_event()?.downcast().ok()?)
    }

    /// The size of its bytes, where it carries bytes.
    pub(crate) fn size(&self) -> Option<usize> {
        if self.as_shared().is_some() { None } else { Some(self.counted_bytes()) }
    }

    /// The same message with another content.
    #[cfg(feature = "serde")]
    pub(super) fn with_content(&self, content: Content) -> Self {
        Self { content, ..self.clone() }
    }

    pub(crate) fn content(&self) -> ContentRef<'_> {
        self.content.look()
    }

    pub(crate) fn subject(&self) -> Subject {
        match self.content.look() {
            ContentRef::Shared(shared) => Subject::Typed(shared.kind().event),
            #[cfg(feature = "serde")]
            ContentRef::Data(data) => data.subject.clone(),
            ContentRef::Malformed(_) => Subject::Unclaimed { name: Arc::from("(malformed)"), version: 1 },
        }
    }

    pub(crate) fn schedule(&self) -> Option<Schedule> {
        self.more.as_ref()?.schedule
    }

    #[inline]
    fn origin(&self) -> Option<&Origin> {
        self.more.as_ref()?.origin.as_ref()
    }

    /// What is published while the message is handled has this cause.
    #[inline]
    pub(crate) fn cause(&self, bus: BusId) -> Cause {
        self.cause_typed(self.event_type(), bus)
    }

    /// The same with its type, which has been looked up.
    #[inline]
    pub(crate) fn cause_typed(&self, event: Option<&'static EventType>, bus: BusId) -> Cause {
        let before = self.origin().map(|origin| Before {
            correlation: origin.correlation.as_u128(),
            hops: origin.hops,
            trail: origin.trail,
        });
        Cause { bus, message: self.id.as_u128(), event, before }
    }

    /// Its content, as listeners and handlers by pattern get it.
    pub(crate) fn as_content(&self) -> Result<crate::call::UnclaimedContent, BoxError> {
        Ok(match self.content.look() {
            ContentRef::Shared(shared) => crate::call::UnclaimedContent::Value(shared.to_arc()),
            #[cfg(feature = "serde")]
            ContentRef::Data(data) => crate::call::UnclaimedContent::Json(data.as_json()?),
            ContentRef::Malformed(malformed) => return Err((*malformed.reason).into()),
        })
    }
}

impl Origin {
    fn of(cause: &Cause) -> Self {
        Self {
            causation: MessageId::from_u128(cause.message),
            correlation: MessageId::from_u128(cause.correlation()),
            // It may have come from outside.
            hops: cause.hops().saturating_add(1),
            trail: cause.trail(),
        }
    }
}

impl fmt::Debug for Message {
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
