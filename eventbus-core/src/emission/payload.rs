//! The event of an emission, by type or erased.

use std::sync::Arc;

use super::{
    handle::{Bus, BusState},
    run::{Ran, SyncEvent, SyncRun, call_erased, run_plain},
};
use crate::{
    call::{AnyEvent, ShareEvent},
    event::{Event, IntoEvent},
    listener::Subject,
    registry::{Chunk, Slot, Snapshot},
};

/// The event of an emission. All that an emission needs to know of its type.
pub(super) trait Payload: SyncEvent + Send {
    /// What messages say of the event.
    fn subject(&self) -> Subject;

    /// Whether no type claims the event's name.
    fn is_unclaimed(&self) -> bool;

    /// The listeners of an event whose name no type claims, if it has some. Other events have theirs in the slot of their type.
    fn unclaimed(&self, bus: &BusState) -> Option<Arc<Snapshot>>;

    /// Moves the event into an `Arc`, unless it lies in one.
    fn into_shared(self) -> AnyEvent<'static>;
}

impl<I: IntoEvent> Payload for I {
    fn subject(&self) -> Subject {
        Subject::Typed(I::Event::TYPE)
    }

    #[inline]
    fn is_unclaimed(&self) -> bool {
        false
    }

    #[inline]
    fn unclaimed(&self, _bus: &BusState) -> Option<Arc<Snapshot>> {
        None
    }

    fn into_shared(self) -> AnyEvent<'static> {
        AnyEvent::shared(I::Event::TYPE, self.into_arc())
    }
}

/// An event whose type is known at run time only: emitted by name, spawned, or released.
pub(super) struct ErasedEvent(pub(super) AnyEvent<'static>);

impl SyncEvent for ErasedEvent {
    fn view(&self) -> AnyEvent<'_> {
        self.0.clone()
    }

    fn shared(&self) -> Option<&dyn ShareEvent> {
        None
    }

    fn call(&self, chunk: &Chunk, run: &mut SyncRun<'_>) {
        call_erased(chunk, &self.0, run);
    }
}

impl Payload for ErasedEvent {
    fn subject(&self) -> Subject {
        self.0.subject().clone()
    }

    fn is_unclaimed(&self) -> bool {
        self.0.event_type().is_none()
    }

    fn unclaimed(&self, bus: &BusState) -> Option<Arc<Snapshot>> {
        let members = if self.is_unclaimed() { bus.registry.matching(self.0.name()) } else { Vec::new() };
        if members.is_empty() { None } else { Some(Arc::new(Snapshot::of_members(members))) }
    }

    fn into_shared(self) -> AnyEvent<'static> {
        self.0
    }
}

/// An emission's event until it is taken, object-safe: what is rare is compiled once.
pub(super) trait PayloadCell {
    fn get(&self) -> &dyn SyncEvent;
    fn subject(&self) -> Subject;
    fn unclaimed(&self, bus: &BusState) -> Option<Arc<Snapshot>>;
    fn run_plain(&self, bus: &Bus, slot: &Slot, snapshot: &Snapshot) -> Ran;
    fn take(&mut self) -> AnyEvent<'static>;
}

impl<P: Payload> PayloadCell for Option<P> {
    fn get(&self) -> &dyn SyncEvent {
        let event: &P = expect_event(self.as_ref());
        event
    }

    fn subject(&self) -> Subject {
        expect_event(self.as_ref()).subject()
    }

    fn unclaimed(&self, bus: &BusState) -> Option<Arc<Snapshot>> {
        expect_event(self.as_ref()).unclaimed(bus)
    }

    fn run_plain(&self, bus: &Bus, slot: &Slot, snapshot: &Snapshot) -> Ran {
        run_plain(expect_event(self.as_ref()), bus, slot, snapshot)
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
