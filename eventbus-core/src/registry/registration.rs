//! Where a listener is registered, and how it leaves.

use std::sync::{Arc, Weak};

use super::{departure::Departure, entry::Key, registry::Registry, slot::Slot};

/// A registered listener, seen from its subscription.
#[derive(Clone)]
pub(crate) struct Registration {
    key: Key,
    place: Place,
    departure: Arc<Departure>,
}

/// What holds the listener. Held weakly, so that a subscription keeps no bus alive.
#[derive(Clone)]
pub(crate) enum Place {
    /// The bus was gone when it was registered.
    Nowhere,
    /// The slot of its event type.
    Slot(Weak<Slot>),
    /// It listens by pattern.
    Patterns(Weak<Registry>),
}

impl Registration {
    pub(crate) fn new(key: Key, place: Place, departure: Arc<Departure>) -> Self {
        Self { key, place, departure }
    }

    /// Ends the listener; whether it was registered.
    pub(crate) fn off(&self) -> bool {
        match &self.place {
            Place::Nowhere => false,
            Place::Slot(slot) => slot.upgrade().is_some_and(|slot| slot.remove(self.key).is_some()),
            Place::Patterns(registry) => {
                registry.upgrade().is_some_and(|registry| registry.remove_by_pattern(self.key))
            }
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        match &self.place {
            Place::Nowhere => false,
            Place::Slot(slot) => slot.upgrade().is_some_and(|slot| slot.contains(self.key)),
            Place::Patterns(registry) => registry.upgrade().is_some_and(|registry| registry.has_by_pattern(self.key)),
        }
    }

    /// Tells when the listener is gone for good.
    pub(crate) fn departure(&self) -> &Arc<Departure> {
        &self.departure
    }
}
