//! What an interceptor sees of an emission.

use std::{fmt, sync::Arc};

use super::{
    handle::{Bus, BusState, EmissionInfo},
    test_plan::TestPlan,
    wait::Mode,
};
use crate::{
    call::{AnyEvent, EmissionId, Frame, MessageId, refused_id},
    event::EventType,
};

impl<'a> EmissionInfo<'a> {
    pub(crate) fn new(bus: &'a Arc<BusState>, event: AnyEvent<'a>, emission: EmissionId) -> Self {
        Self { bus, event, emission, is_unheard: false, has_begun: true, is_awaited: false, plan: TestPlan::default() }
    }

    /// The same for an emission without listeners.
    pub(super) fn unheard(self) -> Self {
        Self { is_unheard: true, ..self }
    }

    /// The same for an emission that is waited for in this way.
    pub(super) fn awaited(self, mode: Mode) -> Self {
        Self { is_awaited: mode == Mode::Task, ..self }
    }

    /// The same for an emission that the bus does not begin.
    pub(super) fn of_refused(bus: &'a Arc<BusState>, event: AnyEvent<'a>) -> Self {
        Self { has_begun: false, ..Self::new(bus, event, refused_id()) }
    }

    /// The bus. What is emitted through this handle counts as caused by this emission, as with
    /// [`Context::bus`](crate::Context::bus).
    pub fn bus(&self) -> Bus {
        Bus::inside(self.bus, Frame::now())
    }

    /// The name of the event that is emitted.
    pub fn event_name(&self) -> &str {
        self.event.name()
    }

    /// The version of the event.
    pub fn version(&self) -> u32 {
        self.event.version()
    }

    /// The type of the event, if a type claims its name.
    pub fn event_type(&self) -> Option<&'static EventType> {
        self.event.event_type()
    }

    /// The event.
    pub fn event(&self) -> &AnyEvent<'a> {
        &self.event
    }

    /// The emission's id.
    pub fn emission(&self) -> EmissionId {
        self.emission
    }

    /// The emission whose listener emits, if one does; also of a spawned emission, and of one through
    /// [`Context::bus`](crate::Context::bus) in a task of the listener's own.
    pub fn parent(&self) -> Option<EmissionId> {
        if self.has_begun { Frame::parent_of(self.emission) } else { Frame::current_emission() }
    }

    /// The outermost emission of the chain: this one, unless a listener emits. It is the correlation id of emissions that no message
    /// has caused; for the others there is [`correlation_id`](Self::correlation_id).
    pub fn root(&self) -> EmissionId {
        Frame::root().unwrap_or(self.emission)
    }

    /// The message whose handler emits, directly or through other emissions.
    pub fn message_id(&self) -> Option<MessageId> {
        Frame::current_cause().map(|cause| MessageId::from_u128(cause.message))
    }

    /// The first message of the chain that [`message_id`](Self::message_id) belongs to.
    pub fn correlation_id(&self) -> Option<MessageId> {
        Frame::current_cause().map(|cause| MessageId::from_u128(cause.correlation()))
    }

    /// Whether it is polled as a future: awaited, or spawned. Of one that ends with `blocking()` it is not. What holds up the thread
    /// of a polled emission holds up other tasks, too.
    pub fn is_awaited(&self) -> bool {
        self.is_awaited
    }

    /// Whether nobody listens. Only for interceptors that want to hear of this
    /// ([`hears_unheard`](super::Interceptor::hears_unheard)).
    pub fn is_unheard(&self) -> bool {
        self.is_unheard
    }
}

impl fmt::Debug for EmissionInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmissionInfo")
            .field("event", &self.event)
            .field("emission", &self.emission)
            .finish_non_exhaustive()
    }
}
