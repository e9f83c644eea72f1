//! The event of an emission, by type or erased.

use std::sync::Arc;

use super::{
    handle::BusState,
    run::{SyncEvent, SyncRun, call_erased, call_typed},
};
use crate::{
    call::{AnyEvent, ShareEvent},
    event::{Event, IntoEvent},
    listener::Subject,
    registry::{Chunk, Snapshot},
};

/// The event of an emission. All that an emission needs to know of its type.
pub(super) trait Payload: Send {
    /// What messages say of the event.
    fn subject(&self) -> Subject;

    /// The event, for code that takes any.
    fn view(&self) -> AnyEvent<'_>;

    /// The event's `Arc`, if it lies in one.
    fn shared(&self) -> Option<&dyn ShareEvent>;

    /// Calls the synchronous listeners of a chunk, as [`SyncEvent::call`] does.
    fn call<'a>(&'a self, chunk: &Chunk, run: &mut SyncRun<'a>);

    /// Whether no type claims the event's name.
    fn is_unclaimed(&self) -> bool;

    /// The listeners of an event whose name no type claims. Other events have theirs in the slot of their type.
    fn unclaimed(&self, bus: &BusState) -> Option<Arc<Snapshot>>;

    /// Moves the event into an `Arc`, unless it lies in one.
    fn into_shared(self) -> AnyEvent<'static>;
}

impl<I: IntoEvent> Payload for I {
    fn subject(&self) -> Subject {
        Subject::Typed(I::Event::TYPE)
    }

    fn view(&self) -> AnyEvent<'_> {
        AnyEvent::borrowed(I::Event::TYPE, self.get(), Payload::shared(self))
    }

    #[inline]
    fn shared(&self) -> Option<&dyn ShareEvent> {
        self.as_arc().map(|event| event as &dyn ShareEvent)
    }

    #[inline]
    fn call<'a>(&'a self, chunk: &Chunk, run: &mut SyncRun<'a>) {
        if let Some(shared) = Payload::shared(self) {
            run.context.shared = Some(shared);
        }
        call_typed(chunk, self.get(), run);
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

impl Payload for ErasedEvent {
    fn subject(&self) -> Subject {
        self.0.subject().clone()
    }

    fn view(&self) -> AnyEvent<'_> {
        self.0.clone()
    }

    fn shared(&self) -> Option<&dyn ShareEvent> {
        None
    }

    fn call<'a>(&'a self, chunk: &Chunk, run: &mut SyncRun<'a>) {
        call_erased(chunk, &self.0, run);
    }

    fn is_unclaimed(&self) -> bool {
        self.0.event_type().is_none()
    }

    fn unclaimed(&self, bus: &BusState) -> Option<Arc<Snapshot>> {
        self.is_unclaimed().then(|| Arc::new(Snapshot::of_members(bus.registry.by_name(self.0.name()))))
    }

    fn into_shared(self) -> AnyEvent<'static> {
        self.0
    }
}

/// An emission's event until it is taken, object-safe: what is rare is compiled once.
pub(super) trait PayloadCell: SyncEvent {
    fn subject(&self) -> Subject;
    fn unclaimed(&self, bus: &BusState) -> Option<Arc<Snapshot>>;
    fn take(&mut self) -> AnyEvent<'static>;
}

impl<P: Payload> SyncEvent for Option<P> {
    fn view(&self) -> AnyEvent<'_> {
        expect_event(self.as_ref()).view()
    }

    fn call<'a>(&'a self, chunk: &Chunk, run: &mut SyncRun<'a>) {
        expect_event(self.as_ref()).call(chunk, run);
    }
}

impl<P: Payload> PayloadCell for Option<P> {
    fn subject(&self) -> Subject {
        expect_event(self.as_ref()).subject()
    }

    fn unclaimed(&self, bus: &BusState) -> Option<Arc<Snapshot>> {
        expect_event(self.as_ref()).unclaimed(bus)
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
