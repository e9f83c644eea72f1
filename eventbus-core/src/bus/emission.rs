//! One emission from start to report.
//!
//! An emission is [`New`] until it is first polled, or made to block. Beginning it runs the synchronous listeners and starts
//! the others; if one of those is pending, it is [`Running`] until they have ended or something ends it.

use std::sync::Arc;

use super::{
    Bus, Report,
    limits::{Limits, Stops},
    park::Waking,
    running::{Running, Until, timer},
};
use crate::{
    dispatch::{
        Deadline, Descended, Entered, EventSlot, EventSnapshot, Frame, LazySignal, Scene, Stage, Stop, Tally, run_sync,
        start_late,
    },
    event::{Event, IntoEvent},
    listener::{NotRun, Outcome, Subject},
};

/// An emission that has not started.
pub(super) struct New<I> {
    pub(super) event: I,
    pub(super) subject: Subject,
    pub(super) parent: Parent,
    pub(super) stops: Stops,
    pub(super) limits: Limits,
}

/// Whose child an emission is.
pub(super) enum Parent {
    /// Of the code that first polls it, or blocks on it.
    AtStart,
    /// Of the code that spawned it.
    #[cfg(feature = "tokio")]
    Given(Option<Frame>),
}

/// What beginning an emission comes to.
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation for each emission that waits")]
pub(super) enum Begun<E: Event> {
    /// All listeners have ended.
    Finished(Report),
    /// Some are under way.
    Running(Running<E>),
}

impl<I: IntoEvent> New<I> {
    pub(super) fn of(event: I) -> Self {
        Self {
            event,
            subject: Subject::Typed(I::Event::TYPE),
            parent: Parent::AtStart,
            stops: Stops::default(),
            limits: Limits::default(),
        }
    }

    /// Runs the synchronous listeners and starts the others.
    pub(super) fn begin(
        self,
        bus: &Bus,
        slot: &EventSlot<I::Event>,
        snapshot: Option<&Arc<EventSnapshot<I::Event>>>,
        waking: &Waking<'_>,
    ) -> Begun<I::Event> {
        let Some(snapshot) = snapshot.filter(|snapshot| snapshot.len() > 0) else {
            return Begun::Finished(Report::empty(self.subject));
        };
        let Self { event, subject, parent, mut stops, limits } = self;
        let _parent = parent.enter(bus);
        let inside = match Descended::begin(bus.inner.registry.id(), slot.event, bus.inner.recursion_limit) {
            Ok(inside) => inside,
            Err(chain) => {
                return Begun::Finished(refuse(
                    bus,
                    slot,
                    subject,
                    None,
                    &Outcome::NotRun(NotRun::RecursionLimit(chain)),
                ));
            }
        };
        let deadline = limits.deadline_from_now(waking.mode().clock());
        let signal = LazySignal::default();
        let make_signal = || limits.signal(deadline);
        let scene = Scene { host: &*bus.inner, subject: &subject, signal: &signal, make_signal: &make_signal };
        let mut tally = Tally::new(subject.clone());

        if stops.is_empty() && deadline.is_none() {
            run_sync(slot, &snapshot.sync, event.get(), &scene, &mut tally, || false);
        } else {
            let mut stopped = None;
            let stop = || {
                stopped = stopped.or_else(|| stop_now(&mut stops, deadline, waking));
                stopped.is_some()
            };
            let rest = run_sync(slot, &snapshot.sync, event.get(), &scene, &mut tally, stop);
            if let (Some(why), true) = (stopped, rest.len() + snapshot.late.len() > 0) {
                tally.stop(why, snapshot.turns().skip(snapshot.sync.len() - rest.len()));
                return Begun::Finished(Report::of(bus, inside.emission, snapshot.len(), tally));
            }
        }
        if snapshot.late.is_empty() {
            return Begun::Finished(Report::of(bus, inside.emission, snapshot.len(), tally));
        }

        let means = bus.wait(waking.mode(), deadline.is_some()).and_then(|wait| Ok((timer(&wait, deadline)?, wait)));
        let (timer, wait) = match means {
            Ok(means) => means,
            Err(why) => {
                tally.not_run(&Outcome::NotRun(why), snapshot.turns().skip(snapshot.sync.len()));
                return Begun::Finished(Report::of(bus, inside.emission, snapshot.len(), tally));
            }
        };
        let event = event.into_arc();
        let _runtime = bus.enter_runtime();
        let mut cx = waking.context();
        let stop = || stop_now(&mut stops, deadline, waking);
        let stage = Stage { scene: &scene, wait: &wait, tally: &mut tally };
        let pending = start_late(slot, &snapshot.late, &event, stage, &mut cx, stop);
        if pending.is_empty() {
            return Begun::Finished(Report::of(bus, inside.emission, snapshot.len(), tally));
        }
        let until = Until { stops, deadline, timer };
        let mut running = Running::new(bus, Arc::clone(snapshot), Frame::now(), tally, pending, until, signal);
        match running.watch(&mut cx) {
            Some(why) => Begun::Finished(running.stop(why)),
            None => Begun::Running(running),
        }
    }
}

impl Parent {
    /// Sets the parent's frame, unless it is the current one.
    #[inline]
    fn enter(self, bus: &Bus) -> Option<Entered> {
        match self {
            Self::AtStart => match &bus.origin {
                Some(origin) if !Frame::is_set() => Some(origin.enter()),
                _ => None,
            },
            #[cfg(feature = "tokio")]
            Self::Given(parent) => Some(parent.unwrap_or(Frame::OUTSIDE).enter()),
        }
    }
}

/// The report of an emission that does not begin.
pub(super) fn refuse<E: Event>(
    bus: &Bus,
    slot: &EventSlot<E>,
    subject: Subject,
    stopped: Option<Stop>,
    outcome: &Outcome,
) -> Report {
    let snapshot = slot.snapshot();
    let Some(snapshot) = &*snapshot else { return Report::empty(subject) };
    let mut tally = Tally { stopped, ..Tally::new(subject) };
    tally.not_run(outcome, snapshot.turns());
    Report::new(None, snapshot.len(), tally, &bus.inner.hook)
}

/// Whether something ends the emission now. Wakers are made only if there is something to poll.
fn stop_now(stops: &mut Stops, deadline: Option<Deadline>, waking: &Waking<'_>) -> Option<Stop> {
    let stopped = if stops.is_empty() { None } else { stops.poll(&mut waking.context()) };
    stopped.or_else(|| deadline.is_some_and(Deadline::is_over).then_some(Stop::TimedOut))
}
