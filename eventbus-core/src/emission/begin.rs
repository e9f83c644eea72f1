//! One emission from its start to its report.
//!
//! An emission is new until it is first polled, blocked on, or its task runs. Beginning it runs the synchronous listeners
//! and starts the others; if one of those is pending, the emission is running until they have ended or something ends it.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    guards::GuardStack,
    handle::{Bus, BusState, EmissionInfo},
    options::{Options, Parent},
    payload::Payload,
    pending::Pending,
    report::Report,
    run::SyncRun,
    running::{Running, Until, note_overrun},
    start::{StartContext, start_awaited},
    wait::Wait,
    waking::Waking,
};
use crate::{
    call::{AnyEvent, CallContext, Deadline, EmissionId, Frame, FrameGuard, Nested, ShareEvent, Signal, Stop, chain},
    event::{isolate},
    event::EventType,
    listener::{NotRun, Outcome, Subject},
    registry::{Slot, Snapshot},
};

/// An emission: its event, until it is shared or dropped, and how far it has come.
pub(super) struct Emission<P> {
    pub(super) payload: Option<P>,
    stage: Stage,
}

/// How far an emission has come. `poll`, `blocking` and `spawn` share it.
enum Stage {
    New(Option<Box<Options>>),
    Running(Box<Running>),
    Done,
}

/// What has become of an emission that has begun.
pub(super) enum Begun {
    Over(Report),
    Running(Box<Running>),
}

const POLLED_BEFORE: &str = "this emission has been polled before; it can only be awaited";

impl<P: Payload> Emission<P> {
    #[inline]
    pub(super) fn new(payload: P) -> Self {
        Self { payload: Some(payload), stage: Stage::New(None) }
    }

    pub(super) fn with_options(payload: P, options: Option<Box<Options>>) -> Self {
        Self { payload: Some(payload), stage: Stage::New(options) }
    }

    /// Takes out everything, to be dropped.
    pub(super) fn take(&mut self) -> Self {
        Self { payload: self.payload.take(), stage: std::mem::replace(&mut self.stage, Stage::Done) }
    }

    /// Changes the options of an emission that has not begun.
    pub(super) fn options(&mut self) -> Option<&mut Options> {
        match &mut self.stage {
            Stage::New(options) => Some(options.get_or_insert_default()),
            Stage::Running(_) | Stage::Done => None,
        }
    }

    /// Takes the emission as it was before it began.
    pub(super) fn take_new(&mut self) -> (P, Option<Box<Options>>) {
        match (std::mem::replace(&mut self.stage, Stage::Done), self.payload.take()) {
            (Stage::New(options), Some(payload)) => (payload, options),
            _ => panic!("{POLLED_BEFORE}"),
        }
    }

    #[inline]
    pub(super) fn is_new(&self) -> bool {
        matches!(self.stage, Stage::New(_))
    }

    #[inline]
    pub(super) fn running(&mut self) -> Option<&mut Running> {
        match &mut self.stage {
            Stage::Running(running) => Some(running),
            Stage::New(_) | Stage::Done => None,
        }
    }

    /// Keeps an emission whose listeners are pending, or drops what is left of one that is over.
    #[inline]
    pub(super) fn advance(&mut self, begun: Begun) -> Poll<Report> {
        match begun {
            Begun::Over(report) => {
                (self.payload, self.stage) = (None, Stage::Done);
                Poll::Ready(report)
            }
            Begun::Running(running) => {
                self.stage = Stage::Running(running);
                Poll::Pending
            }
        }
    }

    /// The same; what is left of an emission that is over is dropped later.
    pub(super) fn advance_keeping(&mut self, begun: Begun) -> Poll<Report> {
        match begun {
            Begun::Over(report) => Poll::Ready(report),
            Begun::Running(_) => self.advance(begun),
        }
    }

    /// Polls the listeners of an emission that is running.
    pub(super) fn poll_running(&mut self, cx: &mut Context<'_>) -> Option<Poll<Report>> {
        let running = self.running()?;
        let _runtime = Arc::clone(&running.bus);
        let _runtime = _runtime.enter_runtime();
        let polled = running.poll(cx);
        Some(match polled {
            Poll::Ready(report) => self.advance(Begun::Over(report)),
            Poll::Pending => Poll::Pending,
        })
    }

    /// Runs the synchronous listeners and starts the others. The event stays where it is unless one of them needs it shared.
    #[inline]
    pub(super) fn begin(&mut self, bus: &Bus, slot: &Slot, snapshot: &Arc<Snapshot>, waking: &Waking<'_>) -> Begun {
        let (Stage::New(options), Some(payload)) = (&mut self.stage, &self.payload) else { panic!("{POLLED_BEFORE}") };
        slot.note_emitted();
        let state = &*bus.state;
        if options.is_none()
            && bus.is_plain()
            && let Ok(nested) = Nested::push(state.registry.id(), slot.event, state.recursion_limit)
            && !nested.is_limited
        {
            let context = CallContext { shared: payload.shared(), ..CallContext::default() };
            let mut run = SyncRun { context, asks: false, bus: &bus.state, slot, stops: None, waking };
            payload.run(snapshot, &mut run);
            if snapshot.awaited.is_empty() && run.context.is_clean() {
                return Begun::Over(Report::plain(slot.event, Some(nested.emission), snapshot.len));
            }
            let context = run.context.detached();
            return finish_plain(bus, slot, snapshot, &mut self.payload, nested.emission, context, waking);
        }
        let options = options.take();
        begin_asking(bus, slot, snapshot, &mut self.payload, options, waking)
    }
}

/// An emission's event until it is taken, object-safe: what is rare is compiled once.
trait PayloadCell {
    fn subject(&self) -> Subject;
    fn view(&self) -> AnyEvent<'_>;
    fn shared(&self) -> Option<&dyn ShareEvent>;
    fn run<'a>(&'a self, snapshot: &Snapshot, run: &mut SyncRun<'a>);
    fn take(&mut self) -> AnyEvent<'static>;
}

impl<P: Payload> PayloadCell for Option<P> {
    fn subject(&self) -> Subject {
        expect_event(self.as_ref()).subject()
    }

    fn view(&self) -> AnyEvent<'_> {
        expect_event(self.as_ref()).view()
    }

    fn shared(&self) -> Option<&dyn ShareEvent> {
        expect_event(self.as_ref()).shared()
    }

    fn run<'a>(&'a self, snapshot: &Snapshot, run: &mut SyncRun<'a>) {
        expect_event(self.as_ref()).run(snapshot, run);
    }

    fn take(&mut self) -> AnyEvent<'static> {
        expect_event(Self::take(self)).into_shared()
    }
}

#[inline]
fn expect_event<T>(event: Option<T>) -> T {
    match event {
        Some(event) => event,
        None => unreachable!("the event is taken once, when its listeners are started"),
    }
}

/// What an emission is made of, besides its event.
#[derive(Clone, Copy)]
struct Scope<'a> {
    bus: &'a Bus,
    slot: &'a Slot,
    snapshot: &'a Arc<Snapshot>,
    emission: EmissionId,
    waking: &'a Waking<'a>,
}

/// Goes on behind the synchronous listeners of an emission without options. The frame must be set.
#[inline(never)]
fn finish_plain(
    bus: &Bus,
    slot: &Slot,
    snapshot: &Arc<Snapshot>,
    event: &mut dyn PayloadCell,
    emission: EmissionId,
    context: CallContext<'static>,
    waking: &Waking<'_>,
) -> Begun {
    let scope = Scope { bus, slot, snapshot, emission, waking };
    if snapshot.awaited.is_empty() {
        return Begun::Over(scope.report(&event.subject(), context));
    }
    scope.start(event.take(), context, Options::default(), None, false)
}

/// Begins an emission that has options, is nested in one that ends early, or whose bus has interceptors.
#[cold]
#[inline(never)]
fn begin_asking(
    bus: &Bus,
    slot: &Slot,
    snapshot: &Arc<Snapshot>,
    event: &mut dyn PayloadCell,
    options: Option<Box<Options>>,
    waking: &Waking<'_>,
) -> Begun {
    let mut options = options.map_or_else(Options::default, |options| *options);
    let _parent = enter_parent(&options.parent, bus);
    let state = &bus.state;
    let Ok(nested) = Nested::push(state.registry.id(), slot.event, state.recursion_limit) else {
        let why = Outcome::NotRun(NotRun::RecursionLimit(chain(slot.event)));
        return Begun::Over(refuse(state, slot.event, &event.subject(), snapshot, None, &why));
    };
    let scope = Scope { bus, slot, snapshot, emission: nested.emission, waking };
    let (outer_deadline, outer) = if nested.is_limited { Frame::outer_limits() } else { (None, None) };
    if let Some(outer) = outer.clone() {
        options.stops.push(async move { outer.wait().await });
    }
    if state.interceptors.is_empty() {
        return scope.begin(event, options, outer_deadline, outer.as_ref());
    }
    let mut guards = GuardStack::none();
    let asked = {
        let info = EmissionInfo::new(state, event.view(), nested.emission);
        state.interceptors.admit_emission(&info, &mut guards)
    };
    if let Err(why) = asked {
        let why = Outcome::NotRun(why);
        let report = refuse(state, slot.event, &event.subject(), snapshot, None, &why);
        // User code, and the last of it if there was no listener left to refuse.
        let _ = isolate(|| drop(why));
        report.end(&mut guards);
        return Begun::Over(report);
    }
    match guards.part(|| scope.begin(event, options, outer_deadline, outer.as_ref())) {
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

/// Sets the parent's frame, unless it is the current one.
fn enter_parent(parent: &Parent, bus: &Bus) -> Option<FrameGuard> {
    match parent {
        Parent::AtStart => match &bus.origin {
            Some(origin) if !Frame::is_set() => Some(origin.enter()),
            _ => None,
        },
        Parent::Given(Some(parent)) => Some(parent.enter()),
        Parent::Given(None) => Some(Frame::default().enter()),
    }
}

impl Scope<'_> {
    /// Runs the synchronous listeners and starts the others, each of which asks before it is called.
    fn begin(
        self,
        event: &mut dyn PayloadCell,
        mut options: Options,
        outer_deadline: Option<Deadline>,
        outer: Option<&Arc<Signal>>,
    ) -> Begun {
        let Self { bus, slot, snapshot, waking, .. } = self;
        let own = options.limits.deadline_from_now(waking.mode().clock());
        let deadline = Deadline::earliest(own, outer_deadline);
        let Options { stops, limits, .. } = &mut options;
        let mut context =
            CallContext { shared: event.shared(), deadline, tokens: &limits.tokens, outer, ..CallContext::default() };
        let is_limited = deadline.is_some() || !stops.is_empty();
        // What is nested in this emission ends with it.
        let _limit = is_limited.then(|| {
            let signal = context.signal();
            Frame::limit(deadline, if stops.is_empty() { None } else { Some(signal) })
        });
        let asks = is_limited || !bus.state.interceptors.is_empty();
        let mut run = SyncRun { context, asks, bus: &bus.state, slot, stops: Some(stops), waking };
        event.run(snapshot, &mut run);
        // Check once more behind the last synchronous listener: an emission that is stopped needs no means of waiting.
        if !snapshot.awaited.is_empty() {
            run.stops_now();
        }
        let at = run.context.at;
        let mut context = run.context.detached();
        if context.stopped.is_some() {
            context.set_signal();
            let outcome = context.stopped.map_or(Outcome::Cancelled, Stop::outcome);
            not_run(&mut context, snapshot, at, &outcome);
            return Begun::Over(self.report(&event.subject(), context));
        }
        if snapshot.awaited.is_empty() {
            note_overrun(&mut context, deadline);
            return Begun::Over(self.report(&event.subject(), context));
        }
        self.start(event.take(), context, options, deadline, asks)
    }

    /// Starts the listeners that are awaited. The frame must be set.
    fn start(
        self,
        event: AnyEvent<'static>,
        mut context: CallContext<'static>,
        options: Options,
        deadline: Option<Deadline>,
        asks: bool,
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
        context.deadline = deadline;
        let Options { mut stops, .. } = options;
        let pending = Pending::new(waking.mode(), snapshot.len - snapshot.sync_len);
        let start = StartContext {
            bus: state,
            slot,
            event: &event,
            wait: &wait,
            waking,
            context: &mut context,
            stops: &mut stops,
            asks,
            pending,
        };
        let pending = start_awaited(snapshot, start, &mut cx);
        if context.stopped.is_some() {
            context.set_signal();
            let outcome = context.stopped.map_or(Outcome::Cancelled, Stop::outcome);
            let at = context.at;
            not_run(&mut context, snapshot, at, &outcome);
        }
        if pending.is_empty() {
            note_overrun(&mut context, deadline);
            return Begun::Over(self.report(&subject, context));
        }
        drop(event);
        let stopped = context.stopped;
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
            in_place: wait.in_place,
        });
        match stopped.or_else(|| running.watch(&mut cx)) {
            Some(why) => Begun::Over(running.stop(why)),
            None => Begun::Running(running),
        }
    }

    fn report(self, subject: &Subject, mut context: CallContext<'static>) -> Report {
        let Self { bus, slot, snapshot, emission, .. } = self;
        Report::new(slot.event, subject, Some(emission), snapshot, &mut context, &bus.state.hook)
    }
}

/// Notes that the listeners from index `from` on are not run, those of them that were still to be called.
fn not_run(context: &mut CallContext<'_>, snapshot: &Snapshot, from: usize, outcome: &Outcome) {
    for (index, entry) in snapshot.entries().enumerate().skip(from) {
        if entry.is_off() {
            context.skipped += 1;
        } else {
            context.failures.push((index, outcome.clone()));
        }
    }
}

/// The report of an emission that does not begin.
#[cold]
#[inline(never)]
pub(super) fn refuse(
    bus: &BusState,
    event: &'static EventType,
    subject: &Subject,
    snapshot: &Snapshot,
    stopped: Option<Stop>,
    outcome: &Outcome,
) -> Report {
    let mut context = CallContext { stopped, ..CallContext::default() };
    not_run(&mut context, snapshot, 0, outcome);
    Report::new(event, subject, None, snapshot, &mut context, &bus.hook)
}
