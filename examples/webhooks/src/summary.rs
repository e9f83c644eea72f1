//! The summary of a run: what `--json` prints, and what [`output`](crate::output) puts into words.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::{
    bounded::Durations,
    failures::{FailedDelivery, FailureKind},
    ledger::Ledger,
    modules::{AuditSummary, StatisticsSummary, TriageSummary},
    run::Tally,
    tables::Tables,
};

/// Everything there is to say at the end. `deliveries = typed + unclaimed + failed`.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) deliveries: usize,
    pub(crate) typed: usize,
    pub(crate) unclaimed: usize,
    pub(crate) failed: usize,
    /// Most deliveries first.
    pub(crate) events: Vec<EventLine>,
    /// Most deliveries first; the first hundred, and all others together.
    pub(crate) unclaimed_kinds: Vec<(String, usize)>,
    pub(crate) modules: Modules,
    /// The first hundred of each kind.
    pub(crate) failures: Vec<FailedDelivery>,
    /// How many there are of each kind besides those.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) failures_unlisted: BTreeMap<FailureKind, usize>,
    /// Absent without `--workers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ledger: Option<Ledger>,
    /// Absent if nothing was emitted, or all of it by workers.
    pub(crate) emit_us: Option<Latency>,
    /// Absent without `--stats`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stats: Option<Tables>,
}

/// A type of event that arrived.
#[derive(Debug, Serialize)]
pub(crate) struct EventLine {
    pub(crate) name: &'static str,
    pub(crate) deliveries: usize,
    pub(crate) listeners: usize,
}

/// What each module did.
#[derive(Debug, Serialize)]
pub(crate) struct Modules {
    pub(crate) audit: AuditSummary,
    pub(crate) triage: TriageSummary,
    pub(crate) statistics: StatisticsSummary,
}

/// How long the emits took, in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Latency {
    pub(crate) emits: usize,
    pub(crate) median: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Summary {
    pub(crate) fn new(tally: &Tally, unclaimed_kinds: Vec<(String, usize)>, modules: Modules) -> Self {
        let mut events: Vec<_> = tally
            .events
            .iter()
            .map(|(name, event)| EventLine {
                name: name.as_str(),
                deliveries: event.deliveries,
                listeners: event.listeners,
            })
            .collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.deliveries));
        Self {
            deliveries: tally.deliveries,
            typed: tally.typed,
            unclaimed: unclaimed_kinds.iter().map(|(_, deliveries)| deliveries).sum(),
            failed: tally.failures.len(),
            events,
            unclaimed_kinds,
            modules,
            failures: tally.failures.listed(),
            failures_unlisted: tally.failures.unlisted(),
            ledger: None,
            emit_us: Latency::of(&tally.emits),
            stats: None,
        }
    }
}

impl Latency {
    fn of(emits: &Durations) -> Option<Self> {
        let (median, p99) = (emits.percentile(50)?, emits.percentile(99)?);
        Some(Self { emits: emits.count(), median: micros(median), p99: micros(p99), max: micros(emits.max()) })
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
