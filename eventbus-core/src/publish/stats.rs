//! What a bus has counted.

use super::{
    counts::{Deliveries, GroupStats, Published},
    unrouted::UnroutedEvent,
};
use crate::{emission::DeferredStats, transport::Unrouted};

/// What a bus has counted since it was made; given by [`Bus::stats`](crate::Bus::stats).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stats {
    /// Events kept by [`Bus::deferred`](crate::Bus::deferred).
    pub deferred: DeferredStats,
    /// Events that were to be published.
    pub published: Published,
    /// The consumer groups, by name.
    pub groups: Vec<GroupStats>,
    /// Published events that no group handles.
    pub unrouted: Unrouted,
    /// The same by event, the most frequent first, as far as the transport tells. 1,024 events are told apart.
    pub unrouted_events: Vec<UnroutedEvent>,
    /// Dead letters that have made room for newer ones.
    pub dead_letters_evicted: u64,
    /// Errors of the transport; [`BusBuilder::on_transport_error`](crate::BusBuilder::on_transport_error) hears each.
    pub transport_errors: u64,
}

impl Stats {
    /// The deliveries of all groups together.
    pub fn deliveries(&self) -> Deliveries {
        self.groups.iter().map(GroupStats::deliveries).fold(Deliveries::default(), |one, other| Deliveries {
            created: one.created + other.created,
            in_flight: one.in_flight + other.in_flight,
            handled: one.handled + other.handled,
            dead_lettered: one.dead_lettered + other.dead_lettered,
            dropped: one.dropped + other.dropped,
            returned: one.returned + other.returned,
        })
    }

    /// The group of that name.
    pub fn group(&self, name: &str) -> Option<&GroupStats> {
        self.groups.iter().find(|group| &*group.name == name)
    }
}
