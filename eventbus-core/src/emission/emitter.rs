//! A local handle for one event type.

use std::{fmt, marker::PhantomData, sync::Arc};

use super::{cached::Cached, emit::Emit, handle::Bus};
use crate::{
    event::{Event, IntoEvent},
    registry::Slot,
};

/// A local handle for emitting `E`; made by [`Bus::emitter`].
///
/// It keeps the event's slot and its last snapshot, so that an emit looks nothing up and writes nothing that other threads
/// read: the fastest way to emit in a loop. Its emissions are those of the bus in every respect.
///
/// It keeps its bus alive, and it may keep the closure of a listener that has been removed until its next emit or its drop.
///
/// # Examples
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct Tick;
/// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
/// let bus = Bus::new();
/// bus.on::<Tick>(|_| println!("tick"));
///
/// let mut ticks = bus.emitter::<Tick>();
/// for _ in 0..3 {
///     assert!(ticks.emit(Tick).blocking().is_ok());
/// }
/// ```
pub struct Emitter<E: Event> {
    bus: Bus,
    slot: Arc<Slot>,
    cached: Cached,
    event: PhantomData<fn(E)>,
}

impl<E: Event> Emitter<E> {
    pub(crate) fn new(bus: Bus, slot: Arc<Slot>) -> Self {
        Self { bus, slot, cached: Cached::default(), event: PhantomData }
    }

    /// Emits an event, as [`Bus::emit`] does.
    #[inline]
    pub fn emit<I: IntoEvent<Event = E>>(&mut self, event: I) -> Emit<'_, I> {
        Emit::cached(&self.bus, &self.slot, &mut self.cached, event)
    }

    /// The bus.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }
}

impl<E: Event> Clone for Emitter<E> {
    fn clone(&self) -> Self {
        Self::new(self.bus.clone(), Arc::clone(&self.slot))
    }
}

impl<E: Event> fmt::Debug for Emitter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter").field("event", &E::NAME).finish_non_exhaustive()
    }
}
