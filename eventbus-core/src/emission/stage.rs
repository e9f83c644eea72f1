//! How far an emission has come: new, running, or done.
//!
//! An emission is new until it is first polled, blocked on, or its task runs. Beginning it runs the synchronous listeners
//! and starts the others; if one of those is pending, it is running until they have ended or something ends it.

use std::{
    cell::OnceCell,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    begin::{Begun, Progress, begin_asking},
    cached::Cached,
    handle::Bus,
    options::Options,
    payload::{Payload, PayloadCell},
    report::Report,
    run::SyncRun,
    running::Running,
    waking::Waking,
};
use crate::{
    call::{CallContext, NestedPlain},
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
    #[expect(clippy::inline_always, reason = "the event is then not moved")]
    #[inline(always)]
    pub(super) fn block(self, bus: &Bus, slot: &Slot, cached: Option<&mut Cached>) -> Report {
        let Self { mut payload, stage: Stage::New(options) } = self else { panic!("{POLLED_BEFORE}") };
        let is_plain = options.is_none() && payload.as_ref().is_some_and(|event| !event.is_unclaimed());
        match cached {
            Some(cached) if is_plain => block_cached(bus, slot, cached.load(slot), &mut payload),
            None if is_plain => block_loan(bus, slot, &mut payload),
            cached => block_asking(Found::new(bus, slot, cached, &payload), bus, slot, &mut payload, options),
        }
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

/// Blocks on an emission of an [`Emitter`](super::Emitter).
#[inline(never)]
fn block_cached(bus: &Bus, slot: &Slot, snapshot: &Arc<Snapshot>, event: &mut dyn PayloadCell) -> Report {
    block(bus, slot, snapshot, event)
}

/// Blocks on any other emission without options.
#[inline(never)]
fn block_loan(bus: &Bus, slot: &Slot, event: &mut dyn PayloadCell) -> Report {
    block(bus, slot, slot.load().snapshot(), event)
}

#[expect(clippy::inline_always, reason = "there is one for each way to a snapshot")]
#[inline(always)]
fn block(bus: &Bus, slot: &Slot, snapshot: &Arc<Snapshot>, event: &mut dyn PayloadCell) -> Report {
    match run_plain(bus, slot, snapshot, event) {
        Ran::All(report) => report,
        Ran::Sync(nested, context) => block_rest(bus, slot, snapshot, event, nested, context),
        Ran::Nothing => block_asking(Found::Borrowed(snapshot), bus, slot, event, None),
    }
}

/// Blocks on an emission whose synchronous listeners have run.
#[inline(never)]
fn block_rest(
    bus: &Bus,
    slot: &Slot,
    snapshot: &Arc<Snapshot>,
    event: &mut dyn PayloadCell,
    nested: NestedPlain,
    context: CallContext<'static>,
) -> Report {
    let waking = Waking::Thread(OnceCell::new());
    let progress = Progress { bus, slot, snapshot, emission: nested.emission, waking: &waking };
    let begun = progress.go_on(event, context);
    drop(nested);
    begun.block(&waking)
}

/// Blocks on an emission that has something to ask.
#[cold]
#[inline(never)]
fn block_asking(
    found: Found<'_>,
    bus: &Bus,
    slot: &Slot,
    event: &mut dyn PayloadCell,
    options: Option<Box<Options>>,
) -> Report {
    let waking = Waking::Thread(OnceCell::new());
    begin_asking(bus, slot, found.snapshot(), event, options, &waking).block(&waking)
}

impl Begun {
    fn block(self, waking: &Waking<'_>) -> Report {
        match self {
            Self::Over(report) => report,
            Self::Running(running) => running.block(waking),
        }
    }
}

impl Stage {
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
        let options = match self {
            Self::Running(running) => {
                let _runtime = bus.state.enter_runtime();
                let polled = running.poll(cx);
                if polled.is_ready() {
                    *self = Self::Done;
                }
                return polled;
            }
            Self::New(options) => options.take(),
            Self::Done => panic!("{POLLED_BEFORE}"),
        };
        // Also if the event panics.
        *self = Self::Done;
        let found = Found::new(bus, slot, cached, event);
        let snapshot = found.snapshot();
        let waking = Waking::Task(cx.waker());
        let asks = options.is_some() || is_unclaimed(bus, slot);
        let begun = match if asks { Ran::Nothing } else { run_plain(bus, slot, snapshot, event) } {
            Ran::All(report) => return Poll::Ready(report),
            Ran::Sync(nested, context) => {
                let progress = Progress { bus, slot, snapshot, emission: nested.emission, waking: &waking };
                progress.go_on(event, context)
            }
            Ran::Nothing => begin_asking(bus, slot, snapshot, event, options, &waking),
        };
        match begun {
            Begun::Over(report) => Poll::Ready(report),
            Begun::Running(running) => {
                *self = Self::Running(running);
                Poll::Pending
            }
        }
    }
}

/// What has run of an emission.
enum Ran {
    /// All listeners, and all finished well.
    All(Report),
    /// The synchronous listeners.
    Sync(NestedPlain, CallContext<'static>),
    /// Nothing: the emission is nested in one with limits, or its bus has interceptors.
    Nothing,
}

/// Runs the synchronous listeners of an emission without options, if it has nothing to ask.
#[expect(clippy::inline_always, reason = "no part of its result is then moved")]
#[inline(always)]
fn run_plain(bus: &Bus, slot: &Slot, snapshot: &Snapshot, event: &dyn PayloadCell) -> Ran {
    let state = &bus.state;
    if bus.origin.is_some() {
        return Ran::Nothing;
    }
    let Some(nested) = NestedPlain::push(state.registry.id(), slot.event, state.plain_depth) else {
        return Ran::Nothing;
    };
    let mut run = SyncRun::plain(state, slot, event);
    run.run(snapshot);
    if snapshot.awaited.is_empty() && run.context.is_clean() {
        return Ran::All(Report::plain(slot.event, Some(nested.emission), snapshot.len));
    }
    Ran::Sync(nested, run.context.detached())
}

/// Whether no type claims the event's name.
#[inline]
fn is_unclaimed(bus: &Bus, slot: &Slot) -> bool {
    std::ptr::eq(slot, Arc::as_ptr(&bus.state.unclaimed))
}

/// The snapshot of an emission.
enum Found<'c> {
    Borrowed(&'c Arc<Snapshot>),
    Loan(Loan),
    Own(Arc<Snapshot>),
}

impl<'c> Found<'c> {
    #[inline]
    fn new(bus: &Bus, slot: &Slot, cached: Option<&'c mut Cached>, event: &dyn PayloadCell) -> Self {
        match cached {
            Some(cached) => Self::Borrowed(cached.load(slot)),
            None if is_unclaimed(bus, slot) => Self::Own(event.unclaimed(&bus.state).unwrap_or_default()),
            None => Self::Loan(slot.load()),
        }
    }

    #[inline]
    fn snapshot(&self) -> &Arc<Snapshot> {
        match self {
            Self::Borrowed(snapshot) => snapshot,
            Self::Loan(loan) => loan.snapshot(),
            Self::Own(snapshot) => snapshot,
        }
    }
}
