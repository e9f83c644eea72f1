//! The handle of a bus, what all its handles share, and the interceptors among that.
//!
//! One file, since the types refer to each other: an interceptor is shown the bus ([`EmissionInfo::bus`]), and the bus
//! holds its interceptors.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use tokio::runtime::{EnterGuard, Handle};

use super::{
    around::{Around, CallEnd},
    counted::begin_counted,
    delivery_info::{DeliveryEnd, DeliveryInfo},
    failure_hook::FailureHook,
    kept_events::KeptEvents,
    parts::Parts,
    publish_info::{PublishEnd, PublishInfo},
    report::Report,
    tasks::Tasks,
    test_plan::TestPlan,
    warning::Warnings,
};
use crate::{
    call::{AnyEvent, BusId, Cause, EmissionId, Frame, Isolated, NestedPlain},
    event::{Event, EventName, EventType, isolate},
    listener::{BoxError, ListenerInfo},
    registry::{Modules, Registry, Slot, SlotType, Snapshot},
    sync::{AtomicUsize, Ordering},
};

/// Brings events to their listeners.
///
/// A clone is another handle to the same bus and costs as much as cloning an `Arc`. The bus lives as long as one of its
/// handles. A listener that captures a handle keeps the bus alive, and the bus the listener: both stay for ever. Nothing warns
/// of this, since a closure does not show what it captures. Emit through [`Context::bus`](crate::Context::bus), or capture
/// [`downgrade`](Self::downgrade)d handles.
///
/// **Re-entrancy:** a listener may do anything to the bus that calls it: emit, register, unsubscribe, clear, drop the last
/// handle. No lock is held while listeners run. An emission calls the listeners that were registered when it started,
/// except those that are gone when their turn comes.
///
/// # Examples
///
/// ```
/// # use eventbus_core as eventbus;
/// use eventbus::{Bus, Event, EventName};
///
/// struct UserCreated { email: String }
/// impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
///
/// let bus = Bus::new();
/// bus.on::<UserCreated>(|e| println!("welcome {}", e.email));
///
/// let report = bus.emit(UserCreated { email: "ada@example.org".into() }).blocking();
/// assert_eq!(report.succeeded(), 1);
/// ```
#[derive(Clone)]
pub struct Bus {
    pub(crate) state: Arc<BusState>,
    /// The emission that this handle came from, if it came from a [`Context`](crate::Context).
    pub(crate) origin: Option<Arc<Frame>>,
}

/// What all handles of a bus share.
pub(crate) struct BusState {
    pub(crate) id: BusId,
    pub(crate) registry: Arc<Registry>,
    pub(crate) modules: Arc<Modules>,
    pub(crate) recursion_limit: u32,
    /// Whether emissions and calls are counted and measured.
    pub(crate) is_counted: bool,
    /// How deep an emission may be that has nothing to ask: as deep as the limit, or not at all if there are interceptors, or emissions are counted.
    pub(crate) plain_depth: u32,
    /// The same while interceptors have nothing to do, and for emissions that have been counted.
    pub(crate) idle_depth: u32,
    pub(crate) hook: FailureHook,
    pub(crate) warnings: Arc<Warnings>,
    pub(crate) interceptors: Arc<Interceptors>,
    /// Stands for the slot of names that no type claims. It has no listeners of its own.
    pub(crate) unclaimed: Arc<Slot>,
    pub(crate) runtime: Option<Handle>,
    pub(crate) max_spawned: usize,
    pub(crate) tasks: Arc<Tasks>,
    #[cfg(feature = "serde")]
    pub(crate) max_payload: usize,
    #[cfg(feature = "serde")]
    pub(crate) max_nesting: usize,
    /// What has become of the events that were kept to be emitted later.
    pub(crate) kept_events: KeptEvents,
    /// One more than the consumers that have started.
    pub(crate) consumer_era: AtomicUsize,
    /// Hears of the first event of a type that is emitted and that nobody listens to, again after a consumer has started.
    pub(crate) on_unheard: fn(&Self, &'static EventType),
    pub(crate) parts: Parts,
}

/// The event type of the slot of names that no type claims. Only messages about too deep chains show it.
pub(crate) struct Unclaimed;

impl Event for Unclaimed {
    const NAME: EventName = EventName::new("unclaimed");
}

impl BusState {
    /// The slot type of names that no type claims.
    pub(crate) const UNCLAIMED: SlotType = SlotType::of::<Unclaimed>();

    /// Notes that an event is emitted to which nobody listens. It is told once until another consumer starts: it may be
    /// a mistake. On a bus that counts, each is counted.
    #[inline]
    pub(super) fn note_unheard(&self, slot: &Slot) {
        let era = self.consumer_era.load(Ordering::Relaxed);
        if slot.emitted_in() != era {
            self.tell_unheard(slot, era);
        }
    }

    /// `extern "C"` since that cannot unwind: the code around it, which is compiled in each place that emits, needs no landing
    /// pad that drops the event.
    #[cold]
    #[inline(never)]
    extern "C" fn tell_unheard(&self, slot: &Slot, era: usize) {
        if slot.count_unheard() && slot.is_noted_in(era) {
            return;
        }
        slot.note_emitted_in(era);
        // Hooks are isolated where they are called; a mistake of ours is not to end the process.
        let _ = isolate(|| (self.on_unheard)(self, slot.event));
    }

    /// Enters the bus's own runtime, if this thread is in none: listeners that are polled here may need its timer.
    pub(crate) fn enter_runtime(&self) -> Option<EnterGuard<'_>> {
        let own = self.runtime.as_ref()?;
        Handle::try_current().is_err().then(|| own.enter())
    }

    /// The runtime that this code runs in, else the bus's own.
    pub(crate) fn runtime(&self) -> Option<Handle> {
        Handle::try_current().ok().or_else(|| self.runtime.clone())
    }
}

impl Bus {
    /// A handle that does not keep the bus alive.
    pub fn downgrade(&self) -> WeakBus {
        WeakBus { state: Arc::downgrade(&self.state) }
    }

    /// A handle for code that an emission or a handler has called: what is emitted through it is caused by `frame`.
    pub(crate) fn inside(state: &Arc<BusState>, frame: Frame) -> Self {
        Self { state: Arc::clone(state), origin: Some(Arc::new(frame)) }
    }

    /// Pushes an emission that has nothing to ask: outside of limits, on a bus whose interceptors have nothing to do.
    #[inline]
    pub(super) fn push_plain(&self, slot: &Slot, snapshot: &Snapshot) -> Option<NestedPlain> {
        if self.origin.is_some() {
            return None;
        }
        NestedPlain::push(self.state.id, slot.event, self.state.plain_depth)
            .or_else(|| self.push_closed(slot, snapshot))
    }

    /// The same where the plain way is closed: on a bus whose interceptors have nothing to do now, or that counts.
    #[cold]
    #[inline(never)]
    fn push_closed(&self, slot: &Slot, snapshot: &Snapshot) -> Option<NestedPlain> {
        let (interceptors, depth) = (&self.state.interceptors, self.state.idle_depth);
        // Those that hear unheard emissions have made every slot look heard; which one is, only the slower way tells.
        if !interceptors.is_empty() && (interceptors.hear_unheard() || !interceptors.are_idle()) {
            return None;
        }
        let push = || NestedPlain::push(self.state.id, slot.event, depth);
        match &slot.counts {
            Some(counts) => begin_counted(counts, snapshot, push),
            None if interceptors.is_empty() => None,
            None => push(),
        }
    }

    /// The frame of the code that runs now: of the emission that called it, or that its handle came from.
    pub(crate) fn frame(&self) -> Option<Frame> {
        Frame::current().or_else(|| self.origin.as_deref().cloned())
    }

    pub(crate) fn id(&self) -> BusId {
        self.state.id
    }

    /// A handle whose emissions count as caused by what `frame` is of.
    pub(crate) fn with_origin(self, frame: Frame) -> Self {
        Self { origin: Some(Arc::new(frame)), ..self }
    }

    /// The bus's own runtime.
    pub(crate) fn own_runtime(&self) -> Option<Handle> {
        self.state.runtime.clone()
    }

    /// Whether there may be a [cause](Self::cause).
    #[inline]
    pub(crate) fn may_have_cause(&self) -> bool {
        self.origin.is_some() || Frame::is_in_handler()
    }

    /// The delivery that the running code handles, or that this handle came from.
    pub(crate) fn cause(&self) -> Option<Cause> {
        Frame::current_cause().or_else(|| self.origin.as_deref().and_then(Frame::cause))
    }
}

/// A handle that does not keep its bus alive; see [`Bus::downgrade`].
///
/// # Examples
///
/// ```
/// # use eventbus_core as eventbus;
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct Ping;
/// # impl Event for Ping { const NAME: EventName = EventName::new("ping"); }
/// # struct Pong;
/// # impl Event for Pong { const NAME: EventName = EventName::new("pong"); }
/// let bus = Bus::new();
/// let weak = bus.downgrade();
/// bus.on::<Ping>(move |_| {
///     if let Some(bus) = weak.upgrade() {
///         bus.emit(Pong).blocking().into_result()?;
///     }
///     eventbus::Ok(())
/// });
/// assert!(bus.emit(Ping).blocking().is_ok());
/// ```
#[derive(Clone, Default)]
pub struct WeakBus {
    state: Weak<BusState>,
}

impl WeakBus {
    /// The bus, if it is still there.
    pub fn upgrade(&self) -> Option<Bus> {
        self.state.upgrade().map(|state| Bus { state, origin: None })
    }
}

impl fmt::Debug for WeakBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakBus").field("alive", &(self.state.strong_count() > 0)).finish()
    }
}

/// An emission, as an [`Interceptor`] sees it.
pub struct EmissionInfo<'a> {
    pub(super) bus: &'a Arc<BusState>,
    pub(super) event: AnyEvent<'a>,
    pub(super) emission: EmissionId,
    pub(super) is_unheard: bool,
    /// Whether it is on the stack of emissions. One that the bus has refused is not.
    pub(super) has_begun: bool,
    pub(super) is_awaited: bool,
    pub(crate) plan: TestPlan,
}

/// Why a listener is passed over; see [`Interceptor::skipped`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Skipped {
    /// It was switched off, or has had its only run, after the emission began.
    Off,
    /// Its filter says no.
    Filter,
}

/// What an [`Interceptor`] answers: `Ok(None)` to go on, `Ok(Some(..))` to be around it, `Err` to refuse.
pub type Intercepted<End> = Result<Option<Box<dyn Around<End>>>, BoxError>;

#[doc = include_str!("interceptor.md")]
pub trait Interceptor: Send + Sync + 'static {
    /// Before an emission begins.
    ///
    /// # Errors
    ///
    /// An error refuses it: no listener runs, and the report has each of them as not run, with
    /// [`NotRun::Refused`](crate::NotRun::Refused).
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        let _ = emission;
        Ok(None)
    }

    /// Before a listener is called.
    ///
    /// # Errors
    ///
    /// An error refuses this call only; the report has the listener as not run, with
    /// [`NotRun::Refused`](crate::NotRun::Refused).
    fn call(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Intercepted<CallEnd> {
        let _ = (emission, listener);
        Ok(None)
    }

    /// Before an event is handed to the transport. It may be given a trace to take along.
    ///
    /// # Errors
    ///
    /// An error refuses it: the event is handed back with [`PublishError::Refused`](crate::PublishError::Refused).
    fn publish(&self, publish: &mut PublishInfo<'_>) -> Intercepted<PublishEnd> {
        let _ = publish;
        Ok(None)
    }

    /// Before an attempt to handle a delivery.
    ///
    /// # Errors
    ///
    /// An error fails the attempt, with [`AttemptError::Refused`](crate::AttemptError::Refused): the delivery is tried again as its
    /// consumer's [`Retry`](crate::Retry) says. Where no handler takes the delivery there is nothing to refuse.
    fn delivery(&self, delivery: &DeliveryInfo<'_>) -> Intercepted<DeliveryEnd> {
        let _ = delivery;
        Ok(None)
    }

    /// After the turn of a listener that is not called and asks nobody: it is off, or its filter says no.
    fn skipped(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo, why: Skipped) {
        let _ = (emission, listener, why);
    }

    /// After an emission that the bus itself does not begin: its chain has reached the recursion limit, or too many spawned ones are
    /// under way. No other method hears of it. `report` has each listener as not run, and why; to look at that does not count as
    /// reading its failures.
    fn not_begun(&self, emission: &EmissionInfo<'_>, report: &Report) {
        let _ = (emission, report);
    }

    /// Whether it is also asked about emissions that nobody hears. Read once, when the bus is built.
    ///
    /// [`emission`](Self::emission) then sees those, too ([`is_unheard`](EmissionInfo::is_unheard)). Without such an interceptor they
    /// cost a load and a comparison, and nobody sees them.
    fn hears_unheard(&self) -> bool {
        false
    }

    /// Whether it would answer `Ok(None)` now, whatever it is asked: nobody collects what it tells.
    ///
    /// While all interceptors of a bus say so, none of them is asked, and emissions, publishes and deliveries go their fastest way.
    /// This is read before each emission and publish, and by a worker before it goes through the deliveries that it has leased, so it
    /// has to be cheap: a load and a comparison. It may change at any time; what is under way ends as it has begun. A panic in here
    /// counts as `false`.
    fn is_idle(&self) -> bool {
        false
    }

    /// Whether it keeps events. Read once, when the bus is built.
    ///
    /// An event that is emitted by value lies with its emitter, and [`AnyEvent::to_owned`] gives nothing. On a bus with an interceptor
    /// that says `true`, each event moves into an `Arc` before interceptors are asked, and can be kept.
    fn keeps_events(&self) -> bool {
        false
    }
}

/// The interceptors of a bus, the outermost first.
#[derive(Default)]
pub(crate) struct Interceptors(pub(super) Vec<NamedInterceptor>);

/// An interceptor, and what messages call it.
pub(super) struct NamedInterceptor {
    pub(super) interceptor: Isolated<Box<dyn Interceptor>>,
    pub(super) name: &'static str,
    pub(super) hears_unheard: bool,
    pub(super) keeps_events: bool,
}
