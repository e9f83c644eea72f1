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
    options::EmitOptions,
    payload::{Payload, PayloadCell},
    report::Report,
    run::{Ran, run_plain},
    running::Running,
    waking::Waking,
};
use crate::registry::{Loan, Slot, Snapshot};

/// An emission: its event, until it is shared or dropped, and how far it has come.
pub(super) struct Emission<P> {
    pub(super) payload: Option<P>,
    stage: EmissionStage,
}

/// How far an emission has come. `poll`, `blocking` and `spawn` share it.
enum EmissionStage {
    New(Option<Box<EmitOptions>>),
    Running(Box<Running>),
    Done,
}

const POLLED_BEFORE: &str = "this emission has been polled before; it can only be awaited";

impl<P: Payload> Emission<P> {
    #[inline]
    pub(super) fn new(payload: P) -> Self {
        Self { payload: Some(payload), stage: EmissionStage::New(None) }
    }

    pub(super) fn with_options(payload: P, options: Option<Box<EmitOptions>>) -> Self {
        Self { payload: Some(payload), stage: EmissionStage::New(options) }
    }

    /// Takes out everything, to be dropped.
    pub(super) fn take(&mut self) -> Self {
        Self { payload: self.payload.take(), stage: std::mem::replace(&mut self.stage, EmissionStage::Done) }
    }

    /// The options of an emission that has not begun.
    pub(super) fn options(&mut self) -> Option<&mut EmitOptions> {
        match &mut self.stage {
            EmissionStage::New(options) => Some(options.get_or_insert_default()),
            EmissionStage::Running(_) | EmissionStage::Done => None,
        }
    }

    /// Takes the emission as it was before it began.
    pub(super) fn take_new(&mut self) -> (P, Option<Box<EmitOptions>>) {
        match (std::mem::replace(&mut self.stage, EmissionStage::Done), self.payload.take()) {
            (EmissionStage::New(options), Some(payload)) => (payload, options),
            _ => panic!("{POLLED_BEFORE}"),
        }
    }

    #[inline]
    pub(super) fn is_new(&self) -> bool {
        matches!(self.stage, EmissionStage::New(_))
    }

    pub(super) fn running(&mut self) -> Option<&mut Running> {
        match &mut self.stage {
            EmissionStage::Running(running) => Some(running),
            EmissionStage::New(_) | EmissionStage::Done => None,
        }
    }

    /// Runs the emission and waits for it on this thread.
    #[expect(clippy::inline_always, reason = "the event is then not moved")]
    #[inline(always)]
    pub(super) fn block(self, bus: &Bus, slot: &Slot, cached: Option<&mut Cached>) -> Report {
        let Self { mut payload, stage: EmissionStage::New(options) } = self else { panic!("{POLLED_BEFORE}") };
        let Some(event) = &payload else { panic!("{POLLED_BEFORE}") };
        let found = FoundSnapshot::new(slot, cached, || event.unclaimed(&bus.state));
        let snapshot = found.snapshot();
        let asks = options.is_some() || event.is_unclaimed();
        match if asks { Ran::Nothing } else { run_plain(event, bus, slot, snapshot) } {
            Ran::All(emission) => Report::plain(slot.event, Some(emission), snapshot.len),
            ran => block_on(ran, bus, slot, snapshot, &mut payload, options),
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

/// Blocks on the rest of an emission.
#[cold]
#[inline(never)]
fn block_on(
    ran: Ran,
    bus: &Bus,
    slot: &Slot,
    snapshot: &Arc<Snapshot>,
    event: &mut dyn PayloadCell,
    options: Option<Box<EmitOptions>>,
) -> Report {
    let waking = Waking::Thread(OnceCell::new());
    match begin(ran, bus, slot, snapshot, event, options, &waking) {
        Begun::Over(report) => report,
        Begun::Running(running) => running.block(&waking),
    }
}

/// Goes on with an emission behind what has run of it.
fn begin(
    ran: Ran,
    bus: &Bus,
    slot: &Slot,
    snapshot: &Arc<Snapshot>,
    event: &mut dyn PayloadCell,
    options: Option<Box<EmitOptions>>,
    waking: &Waking<'_>,
) -> Begun {
    match ran {
        Ran::All(emission) => Begun::Over(Report::plain(slot.event, Some(emission), snapshot.len)),
        Ran::Sync(nested, context) => {
            Progress { bus, slot, snapshot, emission: nested.emission, waking }.go_on(event, context)
        }
        Ran::Nothing => begin_asking(bus, slot, snapshot, event, options, waking),
    }
}

impl EmissionStage {
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
        // Before user code runs: whatever happens, it does not begin twice.
        *self = Self::Done;
        let is_unclaimed = std::ptr::eq(slot, Arc::as_ptr(&bus.state.unclaimed));
        let found = FoundSnapshot::new(slot, cached, || if is_unclaimed { event.unclaimed(&bus.state) } else { None });
        let snapshot = found.snapshot();
        let asks = options.is_some() || is_unclaimed;
        let ran = if asks { Ran::Nothing } else { event.run_plain(bus, slot, snapshot) };
        match begin(ran, bus, slot, snapshot, event, options, &Waking::Task(cx.waker())) {
            Begun::Over(report) => Poll::Ready(report),
            Begun::Running(running) => {
                *self = Self::Running(running);
                Poll::Pending
            }
        }
    }
}

/// The snapshot of an emission.
enum FoundSnapshot<'c> {
    Cached(&'c Arc<Snapshot>),
    Loan(Loan),
    Own(Arc<Snapshot>),
}

impl<'c> FoundSnapshot<'c> {
    #[inline]
    fn new(slot: &Slot, cached: Option<&'c mut Cached>, unclaimed: impl FnOnce() -> Option<Arc<Snapshot>>) -> Self {
        match cached {
            Some(cached) => Self::Cached(cached.load(slot)),
            None => unclaimed().map_or_else(|| Self::Loan(slot.load()), Self::Own),
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
