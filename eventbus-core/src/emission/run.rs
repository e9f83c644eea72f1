//! The loop over the synchronous listeners of an emission.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{
    admission::{Admission, admit},
    guards::CallGuard,
    handle::BusState,
    options::Stops,
    waking::Waking,
};
use crate::{
    call::{AnyEvent, CallContext, Deadline, ShareEvent},
    event::Event,
    event::{isolate, panic_message},
    listener::Outcome,
    registry::{Code, Entry, Member, Slot, Snapshot, SyncItem},
};

/// The synchronous part of an emission, which runs before it awaits anything.
pub(super) struct SyncRun<'a> {
    pub(super) context: CallContext<'a>,
    pub(super) bus: &'a Arc<BusState>,
    pub(super) slot: &'a Slot,
    /// What each listener asks before it is called. Most emissions have nothing to ask.
    pub(super) asks: Option<&'a mut Asks<'a>>,
}

/// What ends an emission between two listeners; the bus may have interceptors as well.
pub(super) struct Asks<'a> {
    pub(super) stops: &'a mut Stops,
    pub(super) deadline: Option<Deadline>,
    pub(super) waking: &'a Waking<'a>,
}

/// Calls the synchronous listeners of a snapshot with an event of type `E`, in order, on this thread.
pub(super) fn run_sync<'r, E: Event>(snapshot: &Snapshot, event: &'r E, run: &mut SyncRun<'r>) {
    for chunk in &snapshot.sync {
        let call = |item: &SyncItem<E>, context: &mut CallContext<'_>| item.code.call(event, context);
        run_chunk(chunk.sync_items::<E>(), run, call, |shared| AnyEvent::borrowed(E::TYPE, event, shared));
    }
}

/// The same for an event whose type is known at run time only.
pub(super) fn run_erased(snapshot: &Snapshot, event: &AnyEvent<'static>, run: &mut SyncRun<'_>) {
    for chunk in &snapshot.sync {
        let call = |member: &Member, context: &mut CallContext<'_>| {
            if let Code::Sync(code) = member.code() {
                code.call(event, context);
            }
        };
        run_chunk(&chunk.members, run, call, |_| event.clone());
    }
}

/// A listener of a chunk.
trait Item {
    fn entry(&self) -> &Entry;
}

impl<E> Item for SyncItem<E> {
    #[inline]
    fn entry(&self) -> &Entry {
        &self.entry
    }
}

impl Item for Member {
    fn entry(&self) -> &Entry {
        &self.entry
    }
}

/// Calls each listener of a chunk that is still to be called.
///
/// Isolation costs one landing pad for the loop, not one for each listener: after a panic the loop goes on behind the
/// listener that panicked. Its index is kept where the unwinding does not reach; the loop itself only writes it.
#[inline]
fn run_chunk<'r, I: Item>(
    items: &[I],
    run: &mut SyncRun<'r>,
    call: impl Fn(&I, &mut CallContext<'_>),
    event: impl Fn(Option<&'r dyn ShareEvent>) -> AnyEvent<'r>,
) {
    let first = run.context.at;
    let mut rest = items;
    loop {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            for item in rest {
                run.context.at += 1;
                if item.entry().is_plain() && run.asks.is_none() {
                    call(item, &mut run.context);
                } else {
                    let event = event(run.context.shared);
                    match run.admit(item.entry(), &event) {
                        None => return,
                        Some(Admission::Call(guard)) => run.call_guarded(guard, &|context| call(item, context)),
                        Some(_) => {}
                    }
                }
            }
        }));
        let Err(payload) = ended else { return };
        run.context.add(Outcome::Panicked(panic_message(payload)));
        rest = items.get(run.context.at - first..).unwrap_or_default();
    }
}

impl SyncRun<'_> {
    /// Whether a listener that asks is called; `None` if the emission stops before it.
    #[cold]
    #[inline(never)]
    fn admit(&mut self, entry: &Entry, event: &AnyEvent<'_>) -> Option<Admission> {
        if self.context.stopped().is_some() || self.stops_now() {
            self.context.at -= 1;
            return None;
        }
        let admission = admit(self.bus, self.slot, entry, event, || Ok(()));
        match &admission {
            Admission::Call(_) => {}
            Admission::Skip => self.context.skipped += 1,
            Admission::Refused(why) => self.context.add(Outcome::NotRun(why.clone())),
        }
        Some(admission)
    }

    /// Whether a stop or the deadline ends the emission now.
    pub(super) fn stops_now(&mut self) -> bool {
        if let (Some(asks), None) = (&mut self.asks, self.context.stopped()) {
            self.context.notes().stopped = asks.stops.stop_now(asks.deadline, asks.waking);
        }
        self.context.stopped().is_some()
    }

    #[cold]
    #[inline(never)]
    fn call_guarded(&mut self, guard: CallGuard, call: &dyn Fn(&mut CallContext<'_>)) {
        if guard.is_none() {
            call(&mut self.context);
        } else {
            call_isolated(guard, &mut self.context, call);
        }
    }
}

/// Calls a listener on this thread inside of its guard, and notes how it ended if not well.
pub(super) fn call_isolated(
    mut guard: CallGuard,
    context: &mut CallContext<'_>,
    call: impl FnOnce(&mut CallContext<'_>),
) {
    let before = context.failures().len();
    if let Err(message) = guard.part(|| isolate(|| call(context))) {
        context.add(Outcome::Panicked(message));
    }
    let failure = context.failures().get(before).map(|(_, outcome)| outcome);
    guard.end(failure);
}
