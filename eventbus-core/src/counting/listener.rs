//! The counters of a listener's calls.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::time::Instant;

use super::{
    failures::{FailureStats, Failures},
    latency::{Latencies, Latency},
};
use crate::listener::Outcome;

/// The counters of a listener's calls, in all slots that it is in. They outlive the listener as long as a list of runs needs them.
#[derive(Default)]
pub(crate) struct ListenerCounts {
    /// Calls that were counted one by one, and those of chunks that are gone; less those that a chunk has counted and that were
    /// not made. It wraps below zero as long as the runs of the chunks that are left are not added.
    calls: AtomicU64,
    running: AtomicU64,
    failures: Failures,
    latencies: Latencies,
}

/// The same at one moment, without the runs of the chunks that the listener is in.
#[derive(Clone, Copy)]
pub(crate) struct ListenerNumbers {
    pub(crate) calls: u64,
    pub(crate) running: u64,
    pub(crate) failures: FailureStats,
    pub(crate) latency: Latency,
}

impl ListenerCounts {
    pub(crate) fn called(&self) {
        self.add_calls(1);
    }

    /// Takes a call back that was counted and not made.
    pub(crate) fn not_called(&self) {
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn add_calls(&self, calls: u64) {
        self.calls.fetch_add(calls, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, outcome: &Outcome) {
        self.failures.add(outcome);
    }

    pub(crate) fn now(&self) -> ListenerNumbers {
        ListenerNumbers {
            calls: self.calls.load(Ordering::Relaxed),
            running: self.running.load(Ordering::Acquire),
            failures: self.failures.now(),
            latency: self.latencies.now(),
        }
    }
}

/// A call that is measured, until this is dropped.
pub(crate) struct CallTiming {
    counts: Arc<ListenerCounts>,
    started: Instant,
    /// Whether the call counts as running: it may outlast the code that has started it.
    is_running: bool,
}

impl CallTiming {
    /// Of a call on this thread, which ends before anything else runs here.
    pub(crate) fn here(counts: &Arc<ListenerCounts>) -> Self {
        Self { counts: Arc::clone(counts), started: Instant::now(), is_running: false }
    }

    /// Of a call that is awaited, or left behind.
    pub(crate) fn awaited(counts: &Arc<ListenerCounts>) -> Self {
        counts.running.fetch_add(1, Ordering::AcqRel);
        let mut timing = Self::here(counts);
        timing.is_running = true;
        timing
    }
}

impl Drop for CallTiming {
    fn drop(&mut self) {
        self.counts.latencies.record_since(self.started);
        if self.is_running {
            self.counts.running.fetch_sub(1, Ordering::AcqRel);
        }
    }
}
