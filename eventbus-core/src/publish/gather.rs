//! Collects the counts of publishing.

use std::collections::BTreeMap;

use super::{
    Publishing,
    counts::{GroupStats, Published},
    unrouted::UnroutedEvent,
};
use crate::transport::{Durability, Unrouted};

/// What is counted of publishing, at one moment.
pub(crate) struct PublishCounts {
    pub(crate) published: Published,
    pub(crate) groups: Vec<GroupStats>,
    pub(crate) unrouted: Unrouted,
    pub(crate) unrouted_events: Vec<UnroutedEvent>,
    pub(crate) dead_letters_evicted: u64,
    pub(crate) transport_errors: u64,
}

impl Publishing {
    pub(crate) fn counts(&self) -> PublishCounts {
        PublishCounts {
            published: self.published(),
            unrouted: self.unrouted(),
            unrouted_events: self.notices.unrouted.all(),
            dead_letters_evicted: self.dead.evicted(),
            groups: self.group_stats(),
            transport_errors: self.notices.transport_errors.get(),
        }
    }

    fn published(&self) -> Published {
        let (intake, at_once) = (&self.intake, self.accepted_at_once());
        Published {
            accepted: at_once + intake.accepted.get(),
            rejected: intake.rejected.get(),
            unknown: intake.unknown.get(),
            duplicates: intake.duplicates.get(),
            // Last: what is offered meanwhile is not missing elsewhere.
            offered: at_once + intake.offered.get(),
        }
    }

    fn group_stats(&self) -> Vec<GroupStats> {
        let mut groups: BTreeMap<_, GroupStats> = BTreeMap::new();
        for (name, ledger) in self.ledgers() {
            let group = groups.entry(name.clone()).or_default();
            group.name = name;
            group.handled = ledger.handled.get();
            group.ignored = ledger.ignored.get();
            group.retried = ledger.retried.get();
            group.dead_lettered = ledger.dead_lettered.get();
            let failed = (group.retried + group.dead_lettered).saturating_sub(ledger.unattempted.get());
            group.attempts = group.handled + failed;
            group.latency = ledger.latencies.now();
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
        let is_in_process = self.capabilities.durability == Durability::Process;
        for state in self.groups_now() {
            let group = groups.entry(state.name.clone()).or_default();
            group.name = state.name;
            group.waiting = state.depth;
            group.delayed = state.delayed;
            group.oldest_age = state.oldest_age;
            group.in_flight += state.depth.unwrap_or(0) + state.delayed;
            group.overflowed = state.dropped;
            match state.created {
                // Counted by this process, as all the rest.
                Some(created) if is_in_process && state.depth.is_some() => group.created = created,
                _ => group.created += state.depth.unwrap_or(0) + state.delayed + state.dropped,
            }
        }
        groups.into_values().collect()
    }
}
