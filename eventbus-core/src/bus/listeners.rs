//! Where an emission finds its listeners.

use std::{ops::Deref, sync::Arc};

use arc_swap::Guard;

use super::Bus;
use crate::{
    dispatch::{EventSlot, EventSnapshot},
    event::Event,
};

/// The listeners of an event: those in its slot, or, for a name that no type claims, those that match it.
pub(super) struct Listeners<E: Event> {
    pub(super) slot: Arc<EventSlot<E>>,
    matching: Option<Match<E>>,
}

type Match<E> = fn(&Bus, &E) -> Arc<EventSnapshot<E>>;

/// A snapshot, on loan or for keeps.
pub(super) struct Found<E: Event>(Guard<Option<Arc<EventSnapshot<E>>>>);

impl<E: Event> Listeners<E> {
    pub(super) fn of(slot: Arc<EventSlot<E>>) -> Self {
        Self { slot, matching: None }
    }

    pub(super) fn matching(slot: Arc<EventSlot<E>>, matching: Match<E>) -> Self {
        Self { slot, matching: Some(matching) }
    }

    /// The listeners that there are now.
    #[inline]
    pub(super) fn now(&self, bus: &Bus, event: &E) -> Found<E> {
        Found(match self.matching {
            Some(matching) => Guard::from_inner(Some(matching(bus, event))),
            None if self.slot.len() == 0 => Guard::from_inner(None),
            None => self.slot.snapshot(),
        })
    }
}

impl<E: Event> Clone for Listeners<E> {
    fn clone(&self) -> Self {
        Self { slot: Arc::clone(&self.slot), matching: self.matching }
    }
}

impl<E: Event> Deref for Found<E> {
    type Target = Option<Arc<EventSnapshot<E>>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
