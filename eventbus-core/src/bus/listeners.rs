//! Where an emission finds its listeners.

use std::{ops::Deref, sync::Arc};

use arc_swap::Guard;

use super::Bus;
use crate::{
    dispatch::{EventSlot, EventSnapshot},
    event::Event,
};

/// The listeners of an event: those in its slot, or, for a name that no type claims, those that match it.
pub(super) struct Listeners<'b, E: Event> {
    pub(super) slot: Place<'b, E>,
    matching: Option<Match<E>>,
}

/// A slot, on loan from its bus or for keeps.
pub(super) enum Place<'b, E: Event> {
    Lent(&'b EventSlot<E>),
    Kept(Arc<EventSlot<E>>),
}

type Match<E> = fn(&Bus, &E) -> Arc<EventSnapshot<E>>;

/// A snapshot, on loan or for keeps.
pub(super) struct Found<E: Event>(Guard<Option<Arc<EventSnapshot<E>>>>);

impl<'b, E: Event> Listeners<'b, E> {
    #[inline]
    pub(super) fn found(slot: &'b EventSlot<E>) -> Self {
        Self { slot: Place::Lent(slot), matching: None }
    }

    #[inline]
    pub(super) fn of(slot: Arc<EventSlot<E>>) -> Self {
        Self { slot: Place::Kept(slot), matching: None }
    }

    pub(super) fn matching(slot: Arc<EventSlot<E>>, matching: Match<E>) -> Self {
        Self { slot: Place::Kept(slot), matching: Some(matching) }
    }

    /// Whether nobody listens, as far as one look can tell.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.matching.is_none() && self.slot.len() == 0
    }

    /// The listeners that there are now.
    #[inline]
    pub(super) fn now(&self, bus: &Bus, event: &E) -> Found<E> {
        Found(match self.matching {
            Some(matching) => Guard::from_inner(Some(matching(bus, event))),
            None => self.slot.load(),
        })
    }

    /// The same for keeps.
    #[cfg(feature = "tokio")]
    pub(super) fn keep(&self, bus: &Bus) -> Listeners<'static, E> {
        let slot = match &self.slot {
            Place::Lent(_) => match bus.inner.registry.get(E::TYPE) {
                Some(slot) => slot,
                None => unreachable!("the bus has lent it"),
            },
            Place::Kept(slot) => Arc::clone(slot),
        };
        Listeners { slot: Place::Kept(slot), matching: self.matching }
    }
}

impl<E: Event> Deref for Place<'_, E> {
    type Target = EventSlot<E>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        match self {
            Self::Lent(slot) => slot,
            Self::Kept(slot) => slot,
        }
    }
}

impl<E: Event> Deref for Found<E> {
    type Target = Option<Arc<EventSnapshot<E>>>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
