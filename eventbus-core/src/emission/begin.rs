//! The beginning of an emission that is more than a loop over synchronous listeners: it has options, limits, interceptors or
//! awaited listeners.

use std::sync::Arc;

use super::{
    guards::GuardStack,
    handle::{Bus, BusState, EmissionInfo},
    interceptors::InterceptorRefusal,
    options::{EmitOptions, Stops},
    payload::{ErasedEvent, PayloadCell},
    pending::Pending,
    report::Report,
    run::{Asks, SyncRun},
    running::{Running, Until, note_overrun},
    start::{StartContext, start_awaited},
    wait::{Mode, Wait},
    waking::Waking,
};
use crate::{
    call::{AnyEvent, CallContext, Deadline, EmissionId, Frame, Nested, Signal, Stop, chain},
    counting::EmissionCount,
    event::isolate,
    listener::{NotRun, Outcome, Subject},
    registry::{Slot, Snapshot},
};

/// The state of an emission after its beginning.
pub(super) enum Begun {
    Over(Report),
    Running(Box<Running>),
}

/// What an emission is made of, besides its event.
#[derive(Clone, Copy)]
pub(super) struct Progress<'a> {
    pub(super) bus: &'a Bus,
    pub(super) slot: &'a Slot,
    pub(super) snapshot: &'a Arc<Snapshot>,
    pub(super) emission: EmissionId,
    pub(super) waking: &'a Waking<'a>,
}

/// Begins an emission that has options, is nested in one that ends early, is measured, or whose bus has interceptors.
#[cold]
#[inline(never)]
pub(super) fn begin_asking(
    bus: &Bus,
    slot: &Slot,
    snapshot: &Arc<Snapshot>,
    event: &mut dyn PayloadCell,
    options: Option<Box<EmitOptions>>,
    waking: &Waking<'_>,
) -> Begun {
    if snapshot.len == 0 {
        if std::ptr::eq(slot, Arc::as_ptr(&bus.state.unclaimed)) {
            slot.count_unheard();
        } else {
            bus.state.note_unheard(slot);
        }
        if !bus.state.interceptors.hear_unheard() {
            return Begun::Over(Report::empty(slot.event, &event.subject()));
        }
    }
    let mut options = options.map_or_else(EmitOptions::default, |options| *options);
    // The frame of the emission that the handle of the bus came from, in a task of the user's own.
    let origin = if Frame::is_set() { None } else { bus.origin.as_ref() };
    let _inside = origin.map(|origin| origin.enter());
    let state = &bus.state;
    let mut shared;
    let event = if state.interceptors.keep_events() {
        shared = Some(ErasedEvent(event.take()));
        &mut shared as &mut dyn PayloadCell
    } else {
        event
    };
    if snapshot.len == 0 {
        return Begun::Over(tell_unheard(state, slot, event, waking.mode()));
    }
    let count = slot.begin_count();
    let Ok(nested) = Nested::push(state.id, slot.event, state.recursion_limit) else {
        let why = Outcome::NotRun(NotRun::RecursionLimit(chain(slot.event, state.recursion_limit)));
        return Begun::Over(not_begun(state, slot, event.get().view(), snapshot, None, &why));
    };
    let progress = Progress { bus, slot, snapshot, emission: nested.emission, waking };
    let (outer_deadline, outer) = if nested.is_limited { Frame::outer_limits() } else { (None, None) };
    if let Some(outer) = outer.clone() {
        options.stops.push_signal(outer);
    }
    if state.interceptors.are_idle() {
        return progress.begin(event, options, outer_deadline, outer.as_ref(), count);
    }
    let mut guards = GuardStack::none();
    let (asked, is_faked) = {
        let info = EmissionInfo::new(state, event.get().view(), nested.emission).awaited(waking.mode());
        (state.interceptors.admit_emission(&info, &mut guards), info.plan.is_faked())
    };
    if let Err(InterceptorRefusal { reason, by }) = asked {
        let why = Outcome::NotRun(NotRun::Refused(reason));
        let report = refuse(state, slot, &event.subject(), snapshot, None, &why).refused_by_interceptor(by);
        // User code, and the last of it if there was no listener left to refuse.
        let _ = isolate(|| drop(why));
        report.end(&mut guards);
        return Begun::Over(report);
    }
    if is_faked {
        let report = Report::faked(slot.event, &event.subject(), snapshot.len);
        guards.part(|| ());
        report.end(&mut guards);
        return Begun::Over(report);
    }
    match guards.part(|| progress.begin(event, options, outer_deadline, outer.as_ref(), count)) {
        Begun::Over(report) => {
            report.end(&mut guards);
            Begun::Over(report)
        }
        Begun::Running(mut running) => {
            running.guards = guards;
            Begun::Running(running)
        }
    }
}

/// Tells the interceptors that want to know of an emission that nobody hears.
fn tell_unheard(bus: &Arc<BusState>, slot: &Slot, event: &dyn PayloadCell, mode: Mode) -> Report {
    let report = Report::empty(slot.event, &event.subject());
    if !bus.interceptors.are_idle()
        && let Ok(nested) = Nested::push(bus.id, slot.event, bus.recursion_limit)
    {
        let mut guards = GuardStack::none();
        let info = EmissionInfo::new(bus, event.get().view(), nested.emission).awaited(mode).unheard();
        if let Err(refusal) = bus.interceptors.admit_emission(&info, &mut guards) {
            // There is nobody whom this keeps from running.
            let _ = isolate(|| drop(refusal.reason));
        } else {
            guards.part(|| ());
        }
        report.end(&mut guards);
    }
    report
}

impl Progress<'_> {
    /// Runs the synchronous listeners and starts the others, each of which asks before it is called.
    fn begin(
        self,
        event: &mut dyn PayloadCell,
        mut options: EmitOptions,
        outer_deadline: Option<Deadline>,
        outer: Option<&Arc<Signal>>,
        count: Option<EmissionCount>,
    ) -> Begun {
        let Self { bus, slot, snapshot, waking, .. } = self;
        let own = options.limits.deadline_from_now(waking.mode().clock());
        let deadline = Deadline::earliest(own, outer_deadline);
        let EmitOptions { stops, limits, .. } = &mut options;
        let is_limited = deadline.is_some() || !stops.is_empty();
        let mut context = CallContext::default();
        // What is nested in this emission ends with it.
        let _limit = is_limited.then(|| {
            let signal = Arc::new(Signal::new(deadline, limits.tokens.clone(), outer.map(Arc::clone)));
            context.notes().signal = Some(Arc::clone(&signal));
            Frame::limit(deadline, if stops.is_empty() { None } else { Some(signal) })
        });
        let asks = is_limited || !bus.state.interceptors.are_idle();
        let mut asked = Asks { stops, deadline, waking };
        let is_measured = count.as_ref().is_some_and(EmissionCount::is_measured);
        let mut run = SyncRun::asking(&bus.state, slot, event.get(), context, asks.then_some(&mut asked), is_measured);
        run.run_rest(snapshot);
        // Check once more behind the last synchronous listener: an emission that is stopped needs no means of waiting.
        if !snapshot.awaited.is_empty() {
            run.stops_now();
        }
        let at = run.context.at;
        let mut context = run.context.detached();
        if context.stopped().is_some() {
            context.set_signal();
            let outcome = context.stopped().map_or(Outcome::Cancelled, Stop::outcome);
            not_run(&mut context, snapshot, at, &outcome);
            return Begun::Over(self.report(&event.subject(), context));
        }
        if snapshot.awaited.is_empty() {
            note_overrun(&mut context, deadline);
            return Begun::Over(self.report(&event.subject(), context));
        }
        self.start(event.take(), context, options.stops, deadline, asks, count.map(Box::new))
    }

    /// Goes on with an emission whose synchronous listeners have run, and which had nothing to ask. The frame must be set.
    pub(super) fn go_on(self, event: &mut dyn PayloadCell, context: CallContext<'static>) -> Begun {
        let count = self.slot.begun_count();
        if self.snapshot.awaited.is_empty() {
            return Begun::Over(self.report(&event.subject(), context));
        }
        self.start(event.take(), context, Stops::default(), None, false, count)
    }

    /// Starts the listeners that are awaited. The frame must be set.
    fn start(
        self,
        event: AnyEvent<'static>,
        mut context: CallContext<'static>,
        mut stops: Stops,
        deadline: Option<Deadline>,
        asks: bool,
        count: Option<Box<EmissionCount>>,
    ) -> Begun {
        let Self { bus, slot, snapshot, emission, waking } = self;
        let state = &bus.state;
        let subject = event.subject().clone();
        let means = Wait::new(waking.mode(), deadline.is_some(), state.runtime.as_ref());
        let means = means.and_then(|wait| Ok((deadline.map(|deadline| wait.timer(deadline)).transpose()?, wait)));
        let (timer, wait) = match means {
            Ok(means) => means,
            Err(why) => {
                not_run(&mut context, snapshot, snapshot.sync_len, &Outcome::NotRun(why));
                return Begun::Over(self.report(&subject, context));
            }
        };
        let _runtime = state.enter_runtime();
        let mut cx = waking.context();
        let pending = Pending::new(waking.mode(), snapshot.len - snapshot.sync_len);
        let start = StartContext {
            bus: state,
            slot,
            event: &event,
            wait: &wait,
            waking,
            context: &mut context,
            stops: &mut stops,
            deadline,
            // Each call is counted and measured.
            asks: asks || count.is_some(),
            pending,
        };
        let pending = start_awaited(snapshot, start, &mut cx);
        if context.stopped().is_some() {
            context.set_signal();
            let outcome = context.stopped().map_or(Outcome::Cancelled, Stop::outcome);
            let at = context.at;
            not_run(&mut context, snapshot, at, &outcome);
        }
        if pending.is_empty() {
            // The most common end: all were ready at once.
            if context.is_clean() && deadline.is_none() && subject.event_type().is_some() {
                return Begun::Over(Report::plain(slot.event, Some(emission), snapshot.len));
            }
            note_overrun(&mut context, deadline);
            return Begun::Over(self.report(&subject, context));
        }
        drop(event);
        let stopped = context.stopped();
        let mut running = Box::new(Running {
            bus: Arc::clone(state),
            event: slot.event,
            subject,
            emission,
            snapshot: Arc::clone(snapshot),
            frame: Frame::now(),
            context,
            pending,
            until: Until { stops, deadline, timer: timer.flatten() },
            guards: GuardStack::none(),
            count,
            in_place: wait.in_place,
        });
        match stopped.or_else(|| running.watch(&mut cx)) {
            Some(why) => Begun::Over(running.stop(why)),
            None => Begun::Running(running),
        }
    }

    fn report(self, subject: &Subject, mut context: CallContext<'static>) -> Report {
        let Self { bus, slot, snapshot, emission, .. } = self;
        let counts = slot.counts.as_deref();
        Report::new(slot.event, subject, Some(emission), snapshot, &mut context, counts, &bus.state.hook)
    }
}

/// Notes that the listeners from index `from` on are not run, those of them that were still to be called.
fn not_run(context: &mut CallContext<'_>, snapshot: &Snapshot, from: usize, outcome: &Outcome) {
    for (index, entry) in snapshot.entries().enumerate().skip(from) {
        if entry.is_off() {
            context.skipped += 1;
        } else {
            context.notes().failures.push((index, outcome.clone()));
        }
    }
}

/// The report of an emission that the bus itself does not begin, after its interceptors have heard of it.
#[cold]
#[inline(never)]
pub(super) fn not_begun(
    bus: &Arc<BusState>,
    slot: &Slot,
    event: AnyEvent<'_>,
    snapshot: &Snapshot,
    stopped: Option<Stop>,
    outcome: &Outcome,
) -> Report {
    let report = refuse(bus, slot, event.subject(), snapshot, stopped, outcome);
    if !bus.interceptors.are_idle() {
        bus.interceptors.tell_not_begun(&EmissionInfo::of_refused(bus, event), &report);
    }
    report
}

/// The report of an emission that does not begin.
#[cold]
#[inline(never)]
fn refuse(
    bus: &BusState,
    slot: &Slot,
    subject: &Subject,
    snapshot: &Snapshot,
    stopped: Option<Stop>,
    outcome: &Outcome,
) -> Report {
    let mut context = CallContext::default();
    context.notes().stopped = stopped;
    not_run(&mut context, snapshot, 0, outcome);
    Report::new(slot.event, subject, None, snapshot, &mut context, slot.counts.as_deref(), &bus.hook)
}
