//! One emission from its start to its report.
//!
//! An emission is new until it is first polled, blocked on, or its task runs. Beginning it runs the synchronous listeners
//! and starts the others; if one of those is pending, the emission is running until they have ended or something ends it.

use std::{
    cell::OnceCell,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    cached::Cached,
    guards::GuardStack,
    handle::{Bus, BusState, EmissionInfo},
    options::{Options, Parent},
    payload::Payload,
    pending::Pending,
    report::Report,
    run::{Asks, SyncRun},
    running::{Running, Until, note_overrun},
    start::{StartContext, start_awaited},
    wait::Wait,
    waking::Waking,
};
use crate::{
    call::{AnyEvent, CallContext, Deadline, EmissionId, Frame, FrameGuard, Nested, NestedPlain, Signal, Stop,
        chain},
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
enum Begun {
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

    /// The options of an emission that has not begun.
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

    pub(super) fn running(&mut self) -> Option<&mut Running> {
        match &mut self.stage {
            Stage::Running(running) => Some(running),
            Stage::New(_) | Stage::Done => None,
        }
    }

    /// Runs the emission and waits for it on this thread.
    #[inline]
    pub(super) fn block(&mut self, bus: &Bus, slot: &Slot, cached: Option<&mut Cached>) -> Report {
        self.stage.block(bus, slot, cached, &mut self.payload)
    }

    /// Begins the emission, or polls its listeners.
    #[inline]
    pub(super) fn poll(
        &mut self,
        bus: &Bus,
        slot: &Slot,
        cached: Option<&mut Cached>,
        cx: &mut Context<'_>,
    ) -> Poll<Report> {
        self.stage.poll(bus, slot, cached, &mut self.payload, cx)
    }
}

impl Stage {
    #[inline(never)]
    fn block(
        &mut self,
        bus: &Bus,
        slot: &Slot,
        cached: Option<&mut Cached>,
        event: &mut dyn PayloadCell,
    ) -> Report {
        let waking = Waking::Thread(OnceCell::new());
        match self.begin(bus, slot, cached, event, &waking) {
            Begun::Over(report) => report,
            Begun::Running(running) => running.block(&waking),
        }
    }

    #[inline(never)]
    fn poll(
        &mut self,
        bus: &Bus,
        slot: &Slot,
        cached: Option<&mut Cached>,
        event: &mut dyn PayloadCell,
        cx: &mut Context<'_>,
    ) -> Poll<Report> {
        let polled = match self {
            Self::Running(running) => {
                let _runtime = bus.state.enter_runtime();
                running.poll(cx)
            }
            Self::New(_) | Self::Done => match self.begin(bus, slot, cached, event, &Waking::Task(cx.waker())) {
                Begun::Over(report) => Poll::Ready(report),
                Begun::Running(running) => {
                    *self = Self::Running(running);
                    Poll::Pending
                }
            },
        };
        if polled.is_ready() {
            *self = Self::Done;
        }
        polled
    }

    /// Runs the synchronous listeners and starts the others.
    #[inline]
    fn begin(
        &mut self,
        bus: &Bus,
        slot: &Slot,
        cached: Option<&mut Cached>,
        event: &mut dyn PayloadCell,
        waking: &Waking<'_>,
    ) -> Begun {
        let Self::New(options) = self else { panic!("{POLLED_BEFORE}") };
        match cached {
            Some(cached) => begin(bus, slot, cached.load(slot), event, options, waking),
            None => match event.unclaimed(&bus.state) {
                Some(snapshot) => begin(bus, slot, &snapshot, event, options, waking),
                None => begin(bus, slot, slot.load().snapshot(), event, options, waking),
            },
        }
    }
}

/// Begins an emission. Its event stays where it is unless a listener needs it shared.
#[inline]
fn begin(
    bus: &Bus,
    slot: &Slot,
    snapshot: &Arc<Snapshot>,
    event: &mut dyn PayloadCell,
    options: &mut Option<Box<Options>>,
    waking: &Waking<'_>,
) -> Begun {
    slot.note_emitted();
    let state = &bus.state;
    if options.is_none()
        && bus.is_plain()
        && let Some((_nested, emission)) = NestedPlain::push(state.registry.id(), slot.event, state.recursion_limit)
    {
        let mut run = SyncRun { context: CallContext::default(), bus: state, slot, asks: None };
        event.run(snapshot, &mut run);
        let context = run.context;
        if snapshot.awaited.is_empty() && context.is_clean() && !event.is_unclaimed() {
            return Begun::Over(Report::plain(slot.event, Some(emission), snapshot.len));
        }
        let context = context.detached();
        return finish_plain(Scope { bus, slot, snapshot, emission, waking }, event, context);
    }
    begin_asking(bus, slot, snapshot, event, options.take(), waking)
}

/// An emission's event until it is taken, object-safe: what is rare is compiled once.
trait PayloadCell {
    fn subject(&self) -> Subject;
    fn view(&self) -> AnyEvent<'_>;
    fn is_unclaimed(&self) -> bool;
    fn unclaimed(&self, bus: &BusState) -> Option<Arc<Snapshot>>;
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

    fn is_unclaimed(&self) -> bool {
        expect_event(self.as_ref()).is_unclaimed()
    }

    fn unclaimed(&self, bus: &BusState) -> Option<Arc<Snapshot>> {
        expect_event(self.as_ref()).unclaimed(bus)
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
fn finish_plain(scope: Scope<'_>, event: &mut dyn PayloadCell, context: CallContext<'static>) -> Begun {
    if scope.snapshot.awaited.is_empty() {
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
        let is_limited = deadline.is_some() || !stops.is_empty();
        let mut context = CallContext::default();
        // What is nested in this emission ends with it.
        let _limit = is_limited.then(|| {
            let signal = Arc::new(Signal::new(deadline, limits.tokens.clone(), outer.map(Arc::clone)));
            context.signal = Some(Arc::clone(&signal));
            Frame::limit(deadline, if stops.is_empty() { None } else { Some(signal) })
        });
        let asks = is_limited || !bus.state.interceptors.is_empty();
        let asked = asks.then_some(Asks { stops, deadline, waking });
        let mut run = SyncRun { context, bus: &bus.state, slot, asks: asked };
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
            deadline,
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
