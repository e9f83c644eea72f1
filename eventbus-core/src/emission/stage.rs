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
                let progress = Progress { bus, slot, snapshot, emission: nested.emission, waking };
                if snapshot.awaited.is_empty() {
                    return Begun::Over(progress.report(&event.subject(), context));
                }
                progress.start(event.take(), context, Options::default(), None, false)
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
