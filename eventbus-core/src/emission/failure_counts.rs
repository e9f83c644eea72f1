//! Counting the listeners that did not end well, by how they ended.

use std::sync::Arc;

use crate::{
    counting::EventCounts,
    listener::Outcome,
    registry::{Entry, Snapshot},
};

/// Counts how the listeners of a snapshot ended that did not end well.
pub(super) fn count_failures(counts: Option<&EventCounts>, snapshot: &Snapshot, failures: &[(usize, Outcome)]) {
    let Some(counts) = counts else { return };
    let entries: Vec<&Arc<Entry>> = if failures.is_empty() { Vec::new() } else { snapshot.entries().collect() };
    for (index, outcome) in failures {
        if let Some(entry) = entries.get(*index) {
            count_failure(counts, entry, outcome);
        }
    }
}

/// Counts how a listener ended, for it and for its event.
pub(super) fn count_failure(counts: &EventCounts, entry: &Entry, outcome: &Outcome) {
    counts.failed(outcome);
    if let Some(listener) = &entry.counts {
        listener.failed(outcome);
    }
}
