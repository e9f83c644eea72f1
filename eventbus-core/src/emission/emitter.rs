//! A local handle for one event type.

use std::{fmt, ops::Deref, sync::Arc};

use arc_swap::{ArcSwapOption, Guard, cache::Cache};

use super::{Bus, Emit, emit::Source};
use crate::{
    dispatch::{EventSlot, EventSnapshot},
    event::{Event, IntoEvent},
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
    cached: Cached<E>,
}

impl<E: Event> Emitter<E> {
    pub(super) fn new(bus: Bus, slot: Arc<EventSlot<E>>) -> Self {
        Self { bus, cached: Cached::new(slot) }
    }

    /// Emits an event, as [`Bus::emit`] does.
    #[inline]
    pub fn emit<I: IntoEvent<Event = E>>(&mut self, event: I) -> Emit<'_, I> {
        Emit::new(&self.bus, event, Source::Cached(&mut self.cached))
    }

    /// The bus.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }
}

impl<E: Event> Clone for Emitter<E> {
    fn clone(&self) -> Self {
        Self::new(self.bus.clone(), Arc::clone(&self.cached.slot))
    }
}

impl<E: Event> fmt::Debug for Emitter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter").field("event", &E::NAME).finish_non_exhaustive()
    }
}

pub(super) type Published<E> = Option<Arc<EventSnapshot<E>>>;

/// A slot and the last snapshot seen of it.
pub(super) struct Cached<E: Event> {
    pub(super) slot: Arc<EventSlot<E>>,
    cache: Cache<CellOf<E>, Published<E>>,
}

impl<E: Event> Cached<E> {
    fn new(slot: Arc<EventSlot<E>>) -> Self {
        Self { cache: Cache::new(CellOf(Arc::clone(&slot))), slot }
    }

    /// The slot and its current snapshot, `None` where nobody listens. A stale snapshot is built anew and put into
    /// `rebuilt`: it may be stale again before the cache sees it, and with it one would miss listeners that are there.
    #[inline]
    pub(super) fn load<'a>(
        &'a mut self,
        rebuilt: &'a mut Published<E>,
    ) -> (&'a EventSlot<E>, Option<&'a Arc<EventSnapshot<E>>>) {
        match self.cache.load() {
            None if self.slot.len() > 0 => {
                *rebuilt = Guard::into_inner(self.slot.snapshot());
                (&self.slot, rebuilt.as_ref())
            }
            snapshot => (&self.slot, snapshot.as_ref()),
        }
    }
}

/// Lets the cache reach the cell in which the slot publishes its snapshots.
struct CellOf<E: Event>(Arc<EventSlot<E>>);

impl<E: Event> Deref for CellOf<E> {
    type Target = ArcSwapOption<EventSnapshot<E>>;

    fn deref(&self) -> &Self::Target {
        self.0.cell()
    }
}
