//! Calls that did not end well, by how they ended.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::listener::Outcome;

/// How calls of listeners ended that did not end well: what reports and the failure hook tell, counted by kind. Also what an emission
/// cancels that is dropped, of which there is no report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct FailureStats {
    /// Returned an error.
    pub failed: u64,
    /// Panicked.
    pub panicked: u64,
    /// Stopped, since the listener's time was up, or the emission's.
    pub timed_out: u64,
    /// Stopped, or not started, since the emission was cancelled.
    pub cancelled: u64,
    /// Left behind by an emission that did not wait any longer. One that fails after that is counted again, as failed.
    pub left_running: u64,
    /// Not called: refused, or without what it needs to run.
    pub not_run: u64,
}

impl FailureStats {
    /// All of them.
    pub fn total(&self) -> u64 {
        let Self { failed, panicked, timed_out, cancelled, left_running, not_run } = self;
        failed + panicked + timed_out + cancelled + left_running + not_run
    }

    fn parts(self) -> [(u64, &'static str); 6] {
        let Self { failed, panicked, timed_out, cancelled, left_running, not_run } = self;
        [
            (failed, "failed"),
            (panicked, "panicked"),
            (timed_out, "timed out"),
            (cancelled, "cancelled"),
            (left_running, "left running"),
            (not_run, "not run"),
        ]
    }
}

/// Prints the kinds that occurred, as `2 failed, 1 timed out`; `none` if there were no failures.
impl fmt::Display for FailureStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for (count, kind) in self.parts().into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{comma}{count} {kind}")?;
            comma = ", ";
        }
        if comma.is_empty() { f.write_str("none") } else { Ok(()) }
    }
}

/// The same while it is counted. Failures are rare: all threads write the same numbers.
#[derive(Default)]
pub(super) struct Failures {
    failed: AtomicU64,
    panicked: AtomicU64,
    timed_out: AtomicU64,
    cancelled: AtomicU64,
    left_running: AtomicU64,
    not_run: AtomicU64,
}

impl Failures {
    pub(super) fn add(&self, outcome: &Outcome) {
        let count = match outcome {
            Outcome::Failed(_) => &self.failed,
            Outcome::Panicked(_) => &self.panicked,
            Outcome::TimedOut => &self.timed_out,
            Outcome::Cancelled => &self.cancelled,
            Outcome::StillRunning => &self.left_running,
            Outcome::NotRun(_) => &self.not_run,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> FailureStats {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        FailureStats {
            failed: get(&self.failed),
            panicked: get(&self.panicked),
            timed_out: get(&self.timed_out),
            cancelled: get(&self.cancelled),
            left_running: get(&self.left_running),
            not_run: get(&self.not_run),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FailureStats;

    #[test]
    fn the_total_has_all_of_them() {
        let stats = FailureStats { failed: 1, panicked: 2, timed_out: 4, cancelled: 8, left_running: 16, not_run: 32 };
        assert_eq!(stats.total(), 63);
    }
}
