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
    call::{AnyEvent, CallContext, Deadline, EmissionId, Frame, FrameGuard, Nested, NestedPlain, Signal, Stop, chain},
    event::EventType,
    event::isolate,
    listener::{NotRun, Outcome, Subject},
    registry::{Loan, Slot, Snapshot},
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
    /// Runs the emission and waits for it on this thread.
    #[inline(never)]
    fn block(&mut self, bus: &Bus, slot: &Slot, cached: Option<&mut Cached>, event: &mut dyn PayloadCell) -> Report {
        let found = Found::new(bus, slot, cached, event);
        let snapshot = found.snapshot();
        let (nested, context) = match self.push_plain(bus, slot) {
            None => (None, CallContext::default()),
            Some(nested) => {
                let context = run_plain(bus, slot, snapshot, event);
                if is_over(bus, slot, snapshot, &context) {
                    return Report::plain(slot.event, Some(nested.emission), snapshot.len);
                }
                (Some(nested), context.detached())
            }
        };
        let waking = Waking::Thread(OnceCell::new());
        match self.go_on(bus, slot, snapshot, event, nested, context, &waking) {
            Begun::Over(report) => report,
            Begun::Running(running) => running.block(&waking),
        }
    }

    /// Begins the emission, or polls its listeners.
    #[inline(never)]
    fn poll(
        &mut self,
        bus: &Bus,
        slot: &Slot,
        cached: Option<&mut Cached>,
        event: &mut dyn PayloadCell,
        cx: &mut Context<'_>,
    ) -> Poll<Report> {
        if let Self::Running(running) = self {
            let _runtime = bus.state.enter_runtime();
            let polled = running.poll(cx);
            if polled.is_ready() {
                *self = Self::Done;
            }
            return polled;
        }
        let found = Found::new(bus, slot, cached, event);
        let snapshot = found.snapshot();
        let (nested, context) = match self.push_plain(bus, slot) {
            None => (None, CallContext::default()),
            Some(nested) => {
                let context = run_plain(bus, slot, snapshot, event);
                if is_over(bus, slot, snapshot, &context) {
                    *self = Self::Done;
                    return Poll::Ready(Report::plain(slot.event, Some(nested.emission), snapshot.len));
                }
                (Some(nested), context.detached())
            }
        };
        let begun = self.go_on(bus, slot, snapshot, event, nested, context, &Waking::Task(cx.waker()));
        match begun {
            Begun::Over(report) => Poll::Ready(report),
            Begun::Running(running) => {
                *self = Self::Running(running);
                Poll::Pending
            }
        }
    }

    /// Pushes an emission that has nothing to ask: without options, outside of limits, on a bus without interceptors.
    #[inline]
    fn push_plain(&self, bus: &Bus, slot: &Slot) -> Option<NestedPlain> {
        slot.note_emitted();
        let Self::New(options) = self else { panic!("{POLLED_BEFORE}") };
        let state = &bus.state;
        if options.is_some() || !bus.is_plain() {
            return None;
        }
        NestedPlain::push(state.registry.id(), slot.event, state.recursion_limit)
    }

    /// Goes on with an emission whose synchronous listeners have run, if it is `nested` already, or begins it.
    #[inline(never)]
    #[expect(clippy::too_many_arguments, reason = "they are what an emission is made of")]
    fn go_on(
        &mut self,
        bus: &Bus,
        slot: &Slot,
        snapshot: &Arc<Snapshot>,
        event: &mut dyn PayloadCell,
        nested: Option<NestedPlain>,
        context: CallContext<'static>,
        waking: &Waking<'_>,
    ) -> Begun {
        let Self::New(options) = std::mem::replace(self, Self::Done) else { panic!("{POLLED_BEFORE}") };
        match nested {
            Some(nested) => {
                let scope = Scope { bus, slot, snapshot, emission: nested.emission, waking };
                if snapshot.awaited.is_empty() {
                    return Begun::Over(scope.report(&event.subject(), context));
                }
                scope.start(event.take(), context, Options::default(), None, false)
            }
            None => begin_asking(bus, slot, snapshot, event, options, waking),
        }
    }
}

/// Runs the synchronous listeners of an emission that has nothing to ask.
#[inline]
fn run_plain<'e>(bus: &'e Bus, slot: &'e Slot, snapshot: &Snapshot, event: &'e dyn PayloadCell) -> CallContext<'e> {
    let mut run = SyncRun { context: CallContext::default(), bus: &bus.state, slot, asks: None };
    event.run(snapshot, &mut run);
    run.context
}

/// Whether nothing is left to do and nothing to tell.
#[inline]
fn is_over(bus: &Bus, slot: &Slot, snapshot: &Snapshot, context: &CallContext<'_>) -> bool {
    snapshot.awaited.is_empty() && context.is_clean() && !is_unclaimed(bus, slot)
}

/// Whether no type claims the event's name.
#[inline]
fn is_unclaimed(bus: &Bus, slot: &Slot) -> bool {
    std::ptr::eq(slot, Arc::as_ptr(&bus.state.unclaimed))
}

/// The snapshot of an emission.
enum Found<'c> {
    Cached(&'c Arc<Snapshot>),
    Loan(Loan),
    Own(Arc<Snapshot>),
}

impl<'c> Found<'c> {
    #[inline]
    fn new(bus: &Bus, slot: &Slot, cached: Option<&'c mut Cached>, event: &dyn PayloadCell) -> Self {
        match cached {
            Some(cached) => Self::Cached(cached.load(slot)),
            None if is_unclaimed(bus, slot) => match event.unclaimed(&bus.state) {
                Some(snapshot) => Self::Own(snapshot),
                None => Self::Own(Arc::default()),
            },
            None => Self::Loan(slot.load()),
        }
    }

    #[inline]
    fn snapshot(&self) -> &Arc<Snapshot> {
        match self {
            Self::Cached(snapshot) => snapshot,
            Self::Loan(loan) => loan.snapshot(),
            Self::Own(snapshot) => snapshot,
        }
    }
}

/// An emission's event until it is taken, object-safe: what is rare is compiled once.
trait PayloadCell {
    fn subject(&self) -> Subject;
    fn view(&self) -> AnyEvent<'_>;
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
        let why = Outcome::NotRun(NotRun::RecursionLimit(chain(slot.event, state.recursion_limit)));
        return Begun::Over(refuse(state, slot.event, &event.subject(), snapshot, None, &why));
    };
    let scope = Scope { bus, slot, snapshot, emission: nested.emission, waking };
    let (outer_deadline, outer) = if nested.is_limited { Frame::outer_limits() } else { (None, None) };
    if let Some(outer) = outer.clone() {
        options.stops.push_signal(outer);
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
            context.notes().signal = Some(Arc::clone(&signal));
            Frame::limit(deadline, if stops.is_empty() { None } else { Some(signal) })
        });
        let asks = is_limited || !bus.state.interceptors.is_empty();
        let mut asked = Asks { stops, deadline, waking };
        let mut run = SyncRun { context, bus: &bus.state, slot, asks: asks.then_some(&mut asked) };
        event.run(snapshot, &mut run);
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
        if context.stopped().is_some() {
            context.set_signal();
            let outcome = context.stopped().map_or(Outcome::Cancelled, Stop::outcome);
            let at = context.at;
            not_run(&mut context, snapshot, at, &outcome);
        }
        if pending.is_empty() {
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
            context.notes().failures.push((index, outcome.clone()));
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
    let mut context = CallContext::default();
    context.notes().stopped = stopped;
    not_run(&mut context, snapshot, 0, outcome);
    Report::new(event, subject, None, snapshot, &mut context, &bus.hook)
}
