//! What a bus has counted.

use super::{
    counts::{GroupStats, Published},
    gather,
};
use crate::{
    emission::{Bus, DeferredStats},
    transport::Unrouted,
};

/// What a bus has counted since it was made; given by [`Bus::stats`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stats {
    /// Events kept by [`Bus::deferred`].
    pub deferred: DeferredStats,
    /// Events that were to be published.
    pub published: Published,
    /// The consumer groups, by name.
    pub groups: Vec<GroupStats>,
    /// Published events that no group handles.
    pub unrouted: Unrouted,
    /// Dead letters that have made room for newer ones.
    pub dead_letters_evicted: u64,
    /// Errors of the transport; [`BusBuilder::on_transport_error`](crate::BusBuilder::on_transport_error) hears each.
    pub transport_errors: u64,
}

impl Bus {
    /// What the bus has counted so far.
    ///
    /// The numbers are read one after the other while the bus goes on: they may be apart by what happens meanwhile. When nothing
    /// happens they are exact.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// let bus = Bus::new();
    /// let pending = bus.deferred();
    /// pending.emit(UserCreated);
    /// assert_eq!(bus.stats().deferred.pending, 1);
    ///
    /// drop(pending);
    /// assert_eq!(bus.stats().deferred.discarded, 1);
    /// ```
    pub fn stats(&self) -> Stats {
        let mut stats = Stats {
            deferred: self.state.kept_events.now(),
            published: Published::default(),
            groups: Vec::new(),
            unrouted: Unrouted::default(),
            dead_letters_evicted: 0,
            transport_errors: 0,
        };
        gather::publishing(self.publishing(), &mut stats);
        stats
    }
}
