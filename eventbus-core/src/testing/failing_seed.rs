//! The report of a seed under which a test fails.

use std::{fmt, sync::Arc};

/// A seed under which a test fails; from [`Explorer::try_explore`](super::Explorer::try_explore). [`explore`](super::explore)
/// panics with its `Display`.
#[derive(Clone, Debug, thiserror::Error)]
pub struct FailingSeed {
    seed: u64,
    failure: Arc<str>,
    fails_again: bool,
    passed: usize,
}

impl FailingSeed {
    pub(super) fn new(seed: u64, failure: Arc<str>, fails_again: bool) -> Self {
        Self { seed, failure, fails_again, passed: 0 }
    }

    /// After so many seeds that have passed.
    pub(super) fn after(self, passed: usize) -> Self {
        Self { passed, ..self }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How the test failed: its panic, or its error.
    pub fn failure(&self) -> &str {
        &self.failure
    }

    /// Whether the same choices and the same failure came when the seed was run once more. If not, something decides that the run
    /// does not control.
    pub fn fails_again(&self) -> bool {
        self.fails_again
    }

    /// How many seeds had passed before.
    pub fn passed(&self) -> usize {
        self.passed
    }
}

impl fmt::Display for FailingSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, failure, fails_again, passed } = self;
        writeln!(f, "seed {seed} fails, after {passed} that passed: {failure}")?;
        if *fails_again {
            write!(f, "run again, it fails the same way; to run it alone: EVENTBUS_SEED={seed} cargo test")?;
            // The test harness names its threads after the tests.
            match std::thread::current().name() {
                Some(test) if test != "main" => write!(f, " {test}"),
                _ => Ok(()),
            }
        } else {
            write!(
                f,
                "run again, it does not fail the same way: something decides that the seed does not, such as another thread, \
                 the machine's clock, the order of a `HashMap`, or a `select!` without `biased`"
            )
        }
    }
}
