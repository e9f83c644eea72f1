//! The counters of an event's emissions.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    failures::{FailureStats, Failures},
    latency::{Latencies, Latency},
    sharded::{Counter, Sharded, Thread, sum},
};
use crate::listener::Outcome;

/// The first emissions of each thread are all measured: those of a program that emits little.
const FIRST: u64 = 16;

/// Of the others one of so many. Reading the clock costs as much as calling several listeners.
const ONE_OF: u64 = 256;

/// The counters of an event's emissions.
pub(crate) struct EventCounts {
    cells: Sharded<EmissionCell>,
    failures: Failures,
    latencies: Latencies,
}

/// What a thread counts of the emissions of an event.
#[derive(Default)]
pub(crate) struct EmissionCell {
    /// Emissions that listeners were called for.
    begun: Counter,
    ended: Counter,
    unheard: Counter,
    calls: Counter,
}

impl EmissionCell {
    /// Whether the next emission of this thread is one of those that are measured.
    #[inline]
    pub(crate) fn measures_next(&self) -> bool {
        let begun = self.begun.get();
        begun < FIRST || begun.is_multiple_of(ONE_OF)
    }

    /// Counts an emission that begins, and calls that it is to make.
    #[inline]
    pub(crate) fn begin(&self, thread: Thread, calls: usize) {
        self.begun.add(thread, 1);
        self.calls.add(thread, calls as u64);
    }
}

/// The counts of an event's emissions, as they were at one moment.
#[derive(Clone, Copy)]
pub(crate) struct EventNumbers {
    pub(crate) emissions: u64,
    pub(crate) unheard: u64,
    pub(crate) in_flight: u64,
    pub(crate) calls: u64,
    pub(crate) failures: FailureStats,
    pub(crate) latency: Latency,
}

impl EventCounts {
    pub(crate) fn new() -> Self {
        Self { cells: Sharded::new(), failures: Failures::default(), latencies: Latencies::default() }
    }

    /// The part of a thread.
    #[inline]
    pub(crate) fn cell(&self, thread: Thread) -> &EmissionCell {
        self.cells.cell(thread)
    }

    /// Counts an emission that has ended.
    #[inline]
    pub(crate) fn end(&self) {
        let thread = Thread::current();
        self.cell(thread).ended.add(thread, 1);
    }

    pub(crate) fn unheard(&self) {
        let thread = Thread::current();
        self.cell(thread).unheard.add(thread, 1);
    }

    pub(crate) fn called(&self) {
        let thread = Thread::current();
        self.cell(thread).calls.add(thread, 1);
    }

    /// Takes a call back that was counted and not made.
    pub(crate) fn not_called(&self) {
        let thread = Thread::current();
        self.cell(thread).calls.add(thread, 1_u64.wrapping_neg());
    }

    pub(crate) fn failed(&self, outcome: &Outcome) {
        self.failures.add(outcome);
    }

    pub(crate) fn now(&self) -> EventNumbers {
        let all = |counter: fn(&EmissionCell) -> &Counter| sum(self.cells.iter().map(|cell| counter(cell).get()));
        // The ends first: an emission that ends meanwhile is in flight, and none has ended before it began.
        let ended = all(|cell| &cell.ended);
        let (unheard, begun) = (all(|cell| &cell.unheard), all(|cell| &cell.begun));
        EventNumbers {
            emissions: begun + unheard,
            unheard,
            in_flight: begun.saturating_sub(ended),
            calls: all(|cell| &cell.calls),
            failures: self.failures.now(),
            latency: self.latencies.now(),
        }
    }
}

/// An emission that counts as in flight until this is dropped.
pub(crate) struct EmissionCount {
    counts: Arc<EventCounts>,
    /// When it began, if it is measured.
    started: Option<Instant>,
}

impl EmissionCount {
    /// Counts an emission that begins, and measures it if it is its turn.
    pub(crate) fn begin(counts: &Arc<EventCounts>) -> Self {
        let thread = Thread::current();
        let cell = counts.cell(thread);
        let started = cell.measures_next().then(Instant::now);
        cell.begin(thread, 0);
        Self { counts: Arc::clone(counts), started }
    }

    /// Of an emission that has been counted when it began, and is not measured.
    pub(crate) fn begun(counts: &Arc<EventCounts>) -> Self {
        Self { counts: Arc::clone(counts), started: None }
    }

    pub(crate) fn is_measured(&self) -> bool {
        self.started.is_some()
    }

    pub(crate) fn counts(&self) -> &EventCounts {
        &self.counts
    }
}

impl Drop for EmissionCount {
    fn drop(&mut self) {
        if let Some(started) = self.started {
            self.counts.latencies.record_since(started);
        }
        self.counts.end();
    }
}
