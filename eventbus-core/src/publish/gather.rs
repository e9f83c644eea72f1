//! Collects the counts of publishing for `bus.stats()`.

use std::collections::BTreeMap;

use super::{
    Publishing,
    counts::{GroupStats, Published},
    stats::Stats,
};
use crate::{
    emission::Bus,
    transport::{Durability, Unrouted},
};

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
            unrouted_events: Vec::new(),
            dead_letters_evicted: 0,
            transport_errors: 0,
        };
        publishing(self.publishing(), &mut stats);
        stats
    }
}

fn publishing(publishing: &Publishing, stats: &mut Stats) {
    let intake = &publishing.intake;
    let at_once = publishing.accepted_at_once();
    stats.published = Published {
        accepted: at_once + intake.accepted.get(),
        rejected: intake.rejected.get(),
        unknown: intake.unknown.get(),
        duplicates: intake.duplicates.get(),
        // Last: what is offered meanwhile is not missing elsewhere.
        offered: at_once + intake.offered.get(),
    };
    stats.unrouted = publishing.unrouted();
    stats.unrouted_events = publishing.notices.unrouted.all();
    stats.dead_letters_evicted = publishing.dead.evicted();
    let mut groups: BTreeMap<_, GroupStats> = BTreeMap::new();
    for (name, ledger) in publishing.ledgers() {
        let group = groups.entry(name.clone()).or_default();
        group.name = name;
        group.handled = ledger.handled.get();
        group.ignored = ledger.ignored.get();
        group.retried = ledger.retried.get();
        group.dead_lettered = ledger.dead_lettered.get();
        group.returned = ledger.returned.get();
        group.read_errors = ledger.read_errors.get();
        group.settle_errors = ledger.settle_errors.get();
        group.lost_leases = ledger.lost_leases.get();
        let ended = group.handled + group.ignored + group.dead_lettered;
        let given_back = ledger.given_back.get();
        // Last: what is received meanwhile is not missing elsewhere.
        let kept = ledger.received.get().saturating_sub(given_back);
        group.created = kept + group.returned;
        group.in_flight = kept.saturating_sub(ended);
    }
    let is_in_process = publishing.capabilities.durability == Durability::Process;
    for state in publishing.groups_now() {
        let group = groups.entry(state.name.clone()).or_default();
        group.name = state.name;
        group.waiting = state.depth;
        group.delayed = state.delayed;
        group.in_flight += state.depth.unwrap_or(0) + state.delayed;
        group.overflowed = state.dropped;
        match state.created {
            // Counted by this process, as all the rest.
            Some(created) if is_in_process && state.depth.is_some() => group.created = created,
            _ => group.created += state.depth.unwrap_or(0) + state.delayed + state.dropped,
        }
    }
    stats.groups = groups.into_values().collect();
    stats.transport_errors = publishing.notices.transport_errors.get();
}
