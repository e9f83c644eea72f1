//! What a bus has counted: as data, as a table, and serialised.

mod gather;
#[cfg(feature = "serde")]
mod serialize;
mod table;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use crate::{
    counting::{FailureStats, Latency},
    emission::DeferredStats,
    event::{Event, EventType},
    listener::ListenerInfo,
    publish::{Deliveries, GroupStats, Published, UnroutedEvent},
    transport::Unrouted,
};

/// What a bus has counted since it was made; given by [`Bus::stats`](crate::Bus::stats).
///
/// Printed, it is a table of at most 100 columns: events with their listeners, listeners by pattern, consumer groups. With the feature
/// `serde` it can be serialised, times as nanoseconds (`mean_ns`).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stats {
    /// When the numbers were read.
    pub taken_at: SystemTime,
    /// Whether emissions are counted: [`BusBuilder::stats`](crate::BusBuilder::stats) is on. If not, there are no events and no
    /// listeners here.
    pub counts_emissions: bool,
    /// The events that were emitted or have listeners, by name, version and Rust type.
    pub events: Vec<EventStats>,
    /// The listeners by pattern, in the order of priority and registration. Their calls for all events are here, and nowhere else.
    pub by_pattern: Vec<ListenerStats>,
    /// Emissions under names that no type claims. The names are not kept.
    pub unclaimed: u64,
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

/// What is counted of the emissions of an event.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EventStats {
    /// The event.
    pub event: &'static EventType,
    /// How often it was emitted, heard or not, in whatever way.
    pub emissions: u64,
    /// Of those the ones that found no listener.
    pub unheard: u64,
    /// Emissions that have begun and not ended.
    pub in_flight: u64,
    /// Calls of listeners, also of those that are gone and of those by pattern.
    pub calls: u64,
    /// How calls ended that did not end well; of all these listeners, too.
    pub failures: FailureStats,
    /// How long emissions took, from their beginning until all that they wait for had ended: of the first 16 on each thread, then of
    /// one of 256.
    pub latency: Latency,
    /// Its listeners that are registered, in the order of calls, without those by pattern.
    pub listeners: Vec<ListenerStats>,
}

/// What is counted of a listener that is registered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListenerStats {
    /// The listener.
    pub listener: ListenerInfo,
    /// How often it was called. A filter that says no prevents a call, one that panics counts as one.
    pub calls: u64,
    /// How calls ended that did not end well, and those that were not made: they count here and not in `calls`.
    pub failures: FailureStats,
    /// Calls that have begun and not ended, also where their emission has left them behind. Of synchronous listeners it is zero:
    /// their emission is [in flight](EventStats::in_flight).
    pub running: u64,
    /// How long calls took: of a synchronous listener in those emissions that are measured, else of each. The time until a thread or a
    /// task is free to run it belongs to it.
    pub latency: Latency,
}

impl Stats {
    /// What is counted of an event; `None` if it was not emitted and has no listeners, or emissions are not counted.
    pub fn event<E: Event>(&self) -> Option<&EventStats> {
        self.events.iter().find(|stats| stats.event.id() == std::any::TypeId::of::<E>())
    }

    /// The first listener of that name, of events first.
    pub fn listener(&self, name: &str) -> Option<&ListenerStats> {
        let all = self.events.iter().flat_map(|event| &event.listeners).chain(&self.by_pattern);
        all.into_iter().find(|stats| stats.listener.name() == Some(name))
    }

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
