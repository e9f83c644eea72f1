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
        Arounds, Deadline, Descended, EmissionId, EmissionInfo, Entered, EventSlot, EventSnapshot, Frame, LazySignal,
        Scene, ShareEvent, Signal, Stage, Stop, Tally, isolate, run_sync, start_late,
    },
    event::{Event, IntoEvent},
    listener::{NotRun, Outcome, Subject},
};

/// An emission that has not started.
pub(super) struct New<I> {
    pub(super) event: I,
    pub(super) subject: Subject,
    options: Option<Box<Options>>,
}

/// What an emission may be given before it starts. Most are given nothing, and are moved around the lighter for it.
#[derive(Default)]
pub(super) struct Options {
    pub(super) parent: Parent,
    pub(super) stops: Stops,
    pub(super) limits: Limits,
}

/// Whose child an emission is.
#[derive(Default)]
pub(super) enum Parent {
    /// Of the code that first polls it, or blocks on it.
    #[default]
    AtStart,
    /// Of the code that spawned it.
    #[cfg(feature = "tokio")]
    Given(Option<Frame>),
}

impl<I: IntoEvent> New<I> {
    #[inline]
    pub(super) fn of(event: I) -> Self {
        Self { event, subject: Subject::Typed(I::Event::TYPE), options: None }
    }

    #[cfg(feature = "tokio")]
    pub(super) fn cancel_on(&mut self, token: &tokio_util::sync::CancellationToken) {
        let options = self.options();
        options.stops.push(token.clone().cancelled_owned());
        options.limits.tokens.push(token.clone());
    }

    pub(super) fn options(&mut self) -> &mut Options {
        self.options.get_or_insert_default()
    }

    /// Runs the synchronous listeners and starts the others. Gives back the report, or what `run` makes of an emission that
    /// has not ended. Takes `new` only if there are others: most events are never moved.
    #[inline]
    pub(super) fn begin<T: From<Report>>(
        new: &mut Option<Self>,
        bus: &Bus,
        slot: &EventSlot<I::Event>,
        snapshot: Option<&Arc<EventSnapshot<I::Event>>>,
        waking: &Waking<'_>,
        run: impl FnOnce(Running<I::Event>) -> T,
    ) -> T {
        let Some(Self { subject, options, .. }) = new else {
            panic!("this emission has been polled before; it can only be awaited")
        };
        slot.note_emitted();
        let Some(snapshot) = snapshot.filter(|snapshot| snapshot.len() > 0) else {
            return Report::empty(subject.clone()).into();
        };
        let _parent = options.as_ref().map_or(&Parent::AtStart, |options| &options.parent).enter(bus);
        let begun = Descended::begin(bus.inner.registry.id(), slot.event, bus.inner.recursion_limit);
        let Some(inside) = begun else {
            let why = Outcome::NotRun(NotRun::RecursionLimit(Frame::chain(slot.event)));
            return refuse(bus, snapshot, subject.clone(), None, &why).into();
        };
        if bus.inner.interceptors.is_empty() {
            Self::begin_inside(new, bus, slot, snapshot, waking, inside.emission, run)
        } else {
            Self::begin_intercepted(new, bus, slot, snapshot, waking, inside.emission, run)
        }
    }

    /// The same inside of the emission's frame.
    #[inline]
    fn begin_inside<T: From<Report>>(
        new: &mut Option<Self>,
        bus: &Bus,
        slot: &EventSlot<I::Event>,
        snapshot: &Arc<EventSnapshot<I::Event>>,
        waking: &Waking<'_>,
        emission: EmissionId,
        run: impl FnOnce(Running<I::Event>) -> T,
    ) -> T {
        let Some(Self { event, subject, options }) = new else { unreachable!("asked for by `begin`") };
        let (stops, limits) = options.as_deref_mut().map(Options::split).unzip();
        let deadline = limits.and_then(|limits| limits.deadline_from_now(waking.mode().clock()));
        let signal = LazySignal::default();
        let make_signal = || limits.map_or_else(Signal::default, |limits| limits.signal(deadline));
        let shared = event.as_arc().map(|event| event as &dyn ShareEvent);
        let gate = bus.inner.gate();
        let scene = Scene { host: &*bus.inner, subject, shared, signal: &signal, make_signal: &make_signal, gate };
        let mut tally = Tally::new(subject.clone());

        match stops {
            Some(stops) if !stops.is_empty() || deadline.is_some() => {
                let mut stopped = None;
                let mut stop = || {
                    stopped = stopped.or_else(|| stop_now(stops, deadline, waking));
                    stopped.is_some()
                };
                let rest = run_sync(slot, &snapshot.sync, event.get(), &scene, &mut tally, &mut stop);
                // Asked once more behind the last of them: what is stopped already needs no means of waiting.
                if rest.is_empty() {
                    stop();
                }
                if let (Some(why), true) = (stopped, rest.len() + snapshot.late.len() > 0) {
                    signal.set();
                    tally.stop(why, snapshot.turns().skip(snapshot.sync.len() - rest.len()));
                    return Report::of(bus, emission, snapshot.len(), tally).into();
                }
            }
            _ => _ = run_sync(slot, &snapshot.sync, event.get(), &scene, &mut tally, || false),
        }
        if snapshot.late.is_empty() {
            return Report::of(bus, emission, snapshot.len(), tally).into();
        }
        let begun = Begun { emission, deadline, signal, tally };
        match new.take() {
            Some(new) => new.begin_late(bus, slot, snapshot, waking, begun, run),
            None => unreachable!("borrowed till now"),
        }
    }

    /// The same inside of what interceptors put around the emission.
    #[cold]
    #[inline(never)]
    fn begin_intercepted<T: From<Report>>(
        new: &mut Option<Self>,
        bus: &Bus,
        slot: &EventSlot<I::Event>,
        snapshot: &Arc<EventSnapshot<I::Event>>,
        waking: &Waking<'_>,
        emission: EmissionId,
        run: impl FnOnce(Running<I::Event>) -> T,
    ) -> T {
        let Some(Self { event, subject, .. }) = new else { unreachable!("asked for by `begin`") };
        let mut arounds = Arounds::none();
        let asked = {
            let shared = event.as_arc().map(|event| event as &dyn ShareEvent);
            bus.inner.interceptors.emission(&EmissionInfo::of(event.get(), shared, &*bus.inner), &mut arounds)
        };
        if let Err(why) = asked {
            let why = Outcome::NotRun(why);
            let report = refuse(bus, snapshot, subject.clone(), None, &why);
            // Foreign code, and the last of it if there was no listener left to refuse.
            let _ = isolate(|| drop(why));
            report.end(&mut arounds);
            return report.into();
        }
        let begin = || Self::begin_inside(new, bus, slot, snapshot, waking, emission, Beginning::Running);
        match arounds.part(begin) {
            Beginning::Over(report) => {
                report.end(&mut arounds);
                report.into()
            }
            Beginning::Running(running) => run(running.inside(arounds)),
        }
    }

    /// Starts the listeners that are awaited. The frame must be set.
    #[inline(never)]
    fn begin_late<T: From<Report>>(
        self,
        bus: &Bus,
        slot: &EventSlot<I::Event>,
        snapshot: &Arc<EventSnapshot<I::Event>>,
        waking: &Waking<'_>,
        begun: Begun,
        run: impl FnOnce(Running<I::Event>) -> T,
    ) -> T {
        let Self { event, subject, options } = self;
        let Options { mut stops, limits, .. } = options.map_or_else(Options::default, |options| *options);
        let Begun { emission, deadline, signal, mut tally } = begun;
        let means = bus.wait(waking.mode(), deadline.is_some()).and_then(|wait| Ok((timer(&wait, deadline)?, wait)));
        let (timer, wait) = match means {
            Ok(means) => means,
            Err(why) => {
                tally.not_run(&Outcome::NotRun(why), snapshot.turns().skip(snapshot.sync.len()));
                return Report::of(bus, emission, snapshot.len(), tally).into();
            }
        };
        let event = event.into_arc();
        let _runtime = bus.enter_runtime();
        let mut cx = waking.context();
        let make_signal = || limits.signal(deadline);
        let scene = Scene {
            host: &*bus.inner,
            subject: &subject,
            shared: Some(&event),
            signal: &signal,
            make_signal: &make_signal,
            gate: bus.inner.gate(),
        };
        let stop = || stop_now(&mut stops, deadline, waking);
        let stage = Stage { scene: &scene, wait: &wait, tally: &mut tally };
        let pending = start_late(slot, &snapshot.late, &event, stage, &mut cx, stop);
        if pending.is_empty() {
            if tally.stopped.is_some() {
                signal.set();
            }
            return Report::of(bus, emission, snapshot.len(), tally).into();
        }
        let until = Until { stops, deadline, timer };
        let mut running = Running::new(bus, Arc::clone(snapshot), Frame::now(), tally, pending, until, signal);
        match running.stopped().or_else(|| running.watch(&mut cx)) {
            Some(why) => running.stop(why).into(),
            None => run(running),
        }
    }
}

/// What an emission has come to when its synchronous listeners have run.
struct Begun {
    emission: EmissionId,
    deadline: Option<Deadline>,
    signal: LazySignal,
    tally: Tally,
}

/// What has become of an emission that has begun.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
enum Beginning<E: Event> {
    Over(Report),
    Running(Running<E>),
}

impl<E: Event> From<Report> for Beginning<E> {
    fn from(report: Report) -> Self {
        Self::Over(report)
    }
}

impl Options {
    fn split(&mut self) -> (&mut Stops, &Limits) {
        (&mut self.stops, &self.limits)
    }
}

impl Parent {
    /// Sets the parent's frame, unless it is the current one.
    #[inline]
    fn enter(&self, bus: &Bus) -> Option<Entered> {
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
    snapshot: &EventSnapshot<E>,
    subject: Subject,
    stopped: Option<Stop>,
    outcome: &Outcome,
) -> Report {
    let mut tally = Tally { stopped, ..Tally::new(subject) };
    tally.not_run(outcome, snapshot.turns());
    Report::new(None, snapshot.len(), tally, &bus.inner.hook)
}

/// Whether something ends the emission now. Wakers are made only if there is something to poll.
fn stop_now(stops: &mut Stops, deadline: Option<Deadline>, waking: &Waking<'_>) -> Option<Stop> {
    let stopped = if stops.is_empty() { None } else { stops.poll(&mut waking.context()) };
    stopped.or_else(|| deadline.is_some_and(Deadline::is_over).then_some(Stop::TimedOut))
}
