//! Collects the counts of publishing for `bus.stats()`.

use std::collections::BTreeMap;

use super::{
    Publishing,
    counts::{GroupStats, Published},
    stats::Stats,
};

pub(super) fn publishing(publishing: &Publishing, stats: &mut Stats) {
    let intake = &publishing.intake;
    stats.published = Published {
        accepted: intake.accepted.get(),
        rejected: intake.rejected.get(),
        unknown: intake.unknown.get(),
        // Last: what is offered meanwhile is not missing elsewhere.
        offered: intake.offered.get(),
    };
    stats.unrouted = publishing.unrouted();
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
        group.created = ledger.received.get().saturating_sub(given_back);
        group.in_flight = group.created.saturating_sub(ended);
    }
    for state in publishing.groups_now() {
        let group = groups.entry(state.name.clone()).or_default();
        group.name = state.name;
        group.waiting = state.depth;
        group.delayed = state.delayed;
        group.in_flight += state.depth.unwrap_or(0) + state.delayed;
        group.overflowed = state.dropped;
        if let Some(created) = state.created {
            group.created = created;
        }
    }
    stats.groups = groups.into_values().collect();
    stats.transport_errors = publishing.notices.transport_errors.get();
}
