//! The loop over the synchronous listeners of an emission.

use std::{
    any::Any,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{
    admission::{Admission, admit},
    guards::CallGuard,
    handle::{Bus, BusState},
    options::Stops,
    wait::Mode,
    waking::Waking,
};
use crate::{
    call::{AnyEvent, CallContext, Deadline, EmissionId, Injected, NestedPlain, ShareEvent},
    counting::CallTiming,
    event::{Event, IntoEvent, isolate, panic_message},
    listener::Outcome,
    registry::{Chunk, Code, Entry, Member, Slot, Snapshot},
};

/// The synchronous part of an emission, which runs before it awaits anything.
pub(super) struct SyncRun<'a> {
    pub(super) context: CallContext<'a>,
    bus: &'a Arc<BusState>,
    slot: &'a Slot,
    event: &'a dyn SyncEvent,
    /// What each listener asks before it is called. Most emissions have nothing to ask.
    asks: Option<&'a mut Asks<'a>>,
    calls: CallCount,
}

/// The stops and the deadline of an emission, asked between two listeners; the bus may have interceptors as well.
pub(super) struct Asks<'a> {
    pub(super) stops: &'a mut Stops,
    pub(super) deadline: Option<Deadline>,
    pub(super) waking: &'a Waking<'a>,
}

/// Who counts the calls of synchronous listeners, on a bus that counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CallCount {
    /// Their chunks, before the loop. What is then not called is taken back.
    Chunks,
    /// The loop. Whether it measures them, too.
    Each { is_measured: bool },
}

/// The event that synchronous listeners are called with.
pub(super) trait SyncEvent {
    /// The event, for code that takes any.
    fn view(&self) -> AnyEvent<'_>;

    /// The event's `Arc`, if it lies in one.
    fn shared(&self) -> Option<&dyn ShareEvent>
    where
        Self: Sized;

    /// Calls the listeners of a chunk, in order, on this thread. Unwinds when one of them does.
    fn call(&self, chunk: &Chunk, run: &mut SyncRun<'_>)
    where
        Self: Sized;
}

/// How far an emission has come: the listeners that have run.
pub(super) enum Ran {
    /// All listeners, and all finished well.
    All(EmissionId),
    /// The synchronous listeners.
    Sync(NestedPlain, CallContext<'static>),
    /// Nothing: the emission has something to ask.
    Nothing,
}

/// Runs the synchronous listeners of an emission, unless it has something to ask: it is nested in one with limits, is to be measured,
/// or interceptors of its bus have something to do.
///
/// This is all that is compiled for each event type of the way from an emission to its listeners.
#[inline(never)]
pub(super) fn run_plain<V: SyncEvent>(event: &V, bus: &Bus, slot: &Slot, snapshot: &Snapshot) -> Ran {
    let Some(nested) = bus.push_plain(slot, snapshot) else { return Ran::Nothing };
    let context = CallContext::of_event(event.shared());
    let mut run = SyncRun { context, bus: &bus.state, slot, event, asks: None, calls: CallCount::Chunks };
    // Isolation costs one landing pad for all listeners, not one for each.
    let all = || snapshot.sync.each(|chunk| event.call(chunk, &mut run));
    if let Err(payload) = catch_unwind(AssertUnwindSafe(all)) {
        run.go_on_after(payload, snapshot);
    }
    if snapshot.ends_with_sync && run.context.is_clean() {
        return Ran::All(nested.emission);
    }
    end_sync(slot, snapshot, nested, run.context.detached())
}

/// Ends the synchronous part of an emission that may not have ended with it, or whose end is counted.
#[inline(never)]
fn end_sync(slot: &Slot, snapshot: &Snapshot, nested: NestedPlain, context: CallContext<'static>) -> Ran {
    if snapshot.awaited.is_empty() && context.is_clean() {
        if let Some(counts) = &slot.counts {
            counts.end();
        }
        return Ran::All(nested.emission);
    }
    Ran::Sync(nested, context)
}

impl<I: IntoEvent> SyncEvent for I {
    fn view(&self) -> AnyEvent<'_> {
        AnyEvent::borrowed(I::Event::TYPE, self.get(), self.shared())
    }

    #[inline]
    fn shared(&self) -> Option<&dyn ShareEvent> {
        self.as_arc().map(|event| event as &dyn ShareEvent)
    }

    #[inline]
    fn call(&self, chunk: &Chunk, run: &mut SyncRun<'_>) {
        let event = self.get();
        // In a register: read back from memory, it would be what each call waits for.
        let mut at = run.context.at;
        for item in chunk.sync_items::<I::Event>() {
            at += 1;
            run.context.at = at;
            if item.entry.is_plain() {
                item.code.call(event, &mut run.context);
            } else {
                // It does not stop the emission, which has nothing to ask itself.
                let _ = run.ask(&item.entry, &|context| item.code.call(event, context));
            }
        }
    }
}

/// The same for an event whose type is known at run time only.
pub(super) fn call_erased(chunk: &Chunk, event: &AnyEvent<'_>, run: &mut SyncRun<'_>) {
    let _ = call_members(&mut chunk.members.iter(), event, run);
}

/// Calls listeners by their erased code. Breaks where the emission stops.
fn call_members(
    members: &mut dyn Iterator<Item = &Member>,
    event: &AnyEvent<'_>,
    run: &mut SyncRun<'_>,
) -> ControlFlow<()> {
    for member in members {
        run.context.at += 1;
        let Code::Sync(code) = member.code() else { continue };
        if run.calls != CallCount::Chunks {
            run.slot.count_call(&member.entry);
        }
        if member.entry.is_plain() && run.asks.is_none() && !run.is_measured() {
            code.call(event, &mut run.context);
        } else {
            run.ask(&member.entry, &|context| code.call(event, context))?;
        }
    }
    ControlFlow::Continue(())
}

impl<'a> SyncRun<'a> {
    /// Of an emission that may have something to ask.
    pub(super) fn asking(
        bus: &'a Arc<BusState>,
        slot: &'a Slot,
        event: &'a dyn SyncEvent,
        context: CallContext<'a>,
        asks: Option<&'a mut Asks<'a>>,
        is_measured: bool,
    ) -> Self {
        Self { context, bus, slot, event, asks, calls: CallCount::Each { is_measured } }
    }

    fn is_measured(&self) -> bool {
        self.calls == CallCount::Each { is_measured: true }
    }

    /// Notes a panic, and goes on behind the listener that panicked.
    #[cold]
    #[inline(never)]
    fn go_on_after(&mut self, payload: Box<dyn Any + Send>, snapshot: &Snapshot) {
        self.panicked(payload);
        self.run_rest(snapshot);
    }

    /// Calls the listeners that have not been called, by their erased code: this is compiled once.
    ///
    /// After a panic the loop goes on behind the listener that panicked. Its index is kept where the unwinding does not
    /// reach.
    pub(super) fn run_rest(&mut self, snapshot: &Snapshot) {
        let event = self.event.view();
        loop {
            let mut rest = snapshot.sync_members().skip(self.context.at);
            match catch_unwind(AssertUnwindSafe(|| call_members(&mut rest, &event, self))) {
                Ok(_) => return,
                Err(payload) => self.panicked(payload),
            }
        }
    }

    fn panicked(&mut self, payload: Box<dyn Any + Send>) {
        self.context.add(Outcome::Panicked(panic_message(payload)));
    }

    /// Calls a listener that has something to ask, if it may be called. Breaks if the emission stops before it.
    #[cold]
    #[inline(never)]
    fn ask(&mut self, entry: &Entry, call: &dyn Fn(&mut CallContext<'_>)) -> ControlFlow<()> {
        if self.context.stopped().is_some() || self.stops_now() {
            self.context.at -= 1;
            self.slot.take_call_back(entry);
            return ControlFlow::Break(());
        }
        // Without interceptors nobody wants to know.
        let mode = self.asks.as_ref().map_or(Mode::Thread, |asks| asks.waking.mode());
        match admit(self.bus, self.slot, entry, &self.event.view(), mode, || Ok(())) {
            Admission::Call(guard) => {
                let counts = entry.counts.as_ref().filter(|_| self.is_measured());
                let _timing = counts.map(CallTiming::here);
                if guard.is_none() {
                    call(&mut self.context);
                } else {
                    call_isolated(guard, &mut self.context, call);
                }
                return ControlFlow::Continue(());
            }
            Admission::Skip => self.context.skipped += 1,
            Admission::Refused(why) => self.context.add(Outcome::NotRun(why)),
        }
        self.slot.take_call_back(entry);
        ControlFlow::Continue(())
    }

    /// Whether a stop or the deadline ends the emission now.
    pub(super) fn stops_now(&mut self) -> bool {
        if let (Some(asks), None) = (&mut self.asks, self.context.stopped()) {
            self.context.notes().stopped = asks.stops.stop_now(asks.deadline, asks.waking);
        }
        self.context.stopped().is_some()
    }
}

/// Calls a listener on this thread inside of its guard, and notes how it ended if not well.
pub(super) fn call_isolated(
    mut guard: CallGuard,
    context: &mut CallContext<'_>,
    call: impl FnOnce(&mut CallContext<'_>),
) {
    let before = context.failures().len();
    let injected = guard.take_injected();
    let call = |context: &mut CallContext<'_>| match injected.and_then(Injected::end_at_once) {
        None => call(context),
        Some(Ok(())) => {}
        Some(Err(error)) => context.failed(error),
    };
    if let Err(message) = guard.part(|| isolate(|| call(context))) {
        context.add(Outcome::Panicked(message));
    }
    let failure = context.failures().get(before).map(|(_, outcome)| outcome);
    guard.end(failure);
}
