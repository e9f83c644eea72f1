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
    call::{AnyEvent, CallContext, Deadline, EmissionId, Frame, Nested, Signal, Stop, chain, isolate},
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

/// An emission's event, its type erased, until it is taken.
trait PayloadCell {
    fn get(&self) -> &dyn ErasedPayload;
    fn take(&mut self) -> AnyEvent<'static>;
}

/// [`Payload`], as far as it is object-safe.
trait ErasedPayload {
    fn subject(&self) -> Subject;
    fn view(&self) -> AnyEvent<'_>;
    fn shared(&self) -> Option<&dyn crate::call::ShareEvent>;
    fn run(&self, snapshot: &Snapshot, run: &mut SyncRun<'_>);
}
