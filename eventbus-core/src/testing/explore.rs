//! Runs of a test under schedules that are drawn from seeds.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use tokio::runtime::{Builder, Handle};

use super::{failing_seed::FailingSeed, sim::Sim};
use crate::{
    event::{isolate, panic_message},
    interleave::{self, SeededSchedule},
    listener::{ErrorText, Return},
};

/// The variable of the environment that names the only seed to run.
const VARIABLE: &str = "EVENTBUS_SEED";

#[doc = include_str!("explore.md")]
#[track_caller]
pub fn explore<T, F>(seeds: impl IntoIterator<Item = u64>, test: T) -> Explored
where
    T: Fn(Sim) -> F,
    F: Future<Output: Return>,
{
    match Explorer::new().try_explore(seeds, &test) {
        Ok(explored) => explored,
        Err(failing) => panic!("{failing}"),
    }
}

/// Explores the schedules of a test with settings of its own; [`explore`] has the default ones.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use eventbus_core::{Bus, testing::Explorer};
///
/// let year = Duration::from_hours(365 * 24);
/// Explorer::new().time_limit(2 * year).explore(0..10, |_| async move {
///     tokio::time::sleep(year).await; // passes at once
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Explorer {
    time_limit: Duration,
}

impl Default for Explorer {
    fn default() -> Self {
        Self::new()
    }
}

impl Explorer {
    /// With the default settings.
    pub fn new() -> Self {
        Self { time_limit: Duration::from_hours(1) }
    }

    /// How much simulated time a run may take: one hour unless stated. A test that waits for something that never comes fails
    /// then; since time passes only when nothing can run, that is at once.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// As [`explore`].
    ///
    /// # Panics
    ///
    /// With the first seed that fails.
    #[track_caller]
    pub fn explore<T, F>(&self, seeds: impl IntoIterator<Item = u64>, test: T) -> Explored
    where
        T: Fn(Sim) -> F,
        F: Future<Output: Return>,
    {
        match self.try_explore(seeds, &test) {
            Ok(explored) => explored,
            Err(failing) => panic!("{failing}"),
        }
    }

    /// Explores, and returns the first seed that fails instead of panicking.
    ///
    /// # Errors
    ///
    /// [`FailingSeed`].
    ///
    /// # Panics
    ///
    /// Inside a runtime, and if `EVENTBUS_SEED` is set to something other than a seed.
    #[track_caller]
    pub fn try_explore<T, F>(&self, seeds: impl IntoIterator<Item = u64>, test: &T) -> Result<Explored, FailingSeed>
    where
        T: Fn(Sim) -> F,
        F: Future<Output: Return>,
    {
        assert!(
            Handle::try_current().is_err(),
            "`explore` makes a runtime for each run: call it in a plain `#[test]`, not in a `#[tokio::test]`"
        );
        let mut schedules = HashSet::new();
        let mut explore = |seed| {
            let run = self.run(seed, test);
            schedules.insert(run.schedule);
            run.failure.map_or(Ok(()), |failure| Err(self.failing(seed, failure, run.schedule, test)))
        };
        let mut count = 0;
        match only_seed() {
            Some(seed) => {
                explore(seed)?;
                count = 1;
            }
            None => {
                for seed in seeds {
                    explore(seed).map_err(|failing| failing.after(count))?;
                    count += 1;
                }
            }
        }
        Ok(Explored { seeds: count, schedules: schedules.len() })
    }

    /// A seed that has failed; it is run once more, to see whether it does so again.
    fn failing<T, F>(&self, seed: u64, failure: Arc<str>, schedule: SeededSchedule, test: &T) -> FailingSeed
    where
        T: Fn(Sim) -> F,
        F: Future<Output: Return>,
    {
        let again = self.run(seed, test);
        let is_same = again.schedule == schedule && again.failure.as_ref() == Some(&failure);
        FailingSeed::new(seed, failure, is_same)
    }

    fn run<T, F>(&self, seed: u64, test: &T) -> Run
    where
        T: Fn(Sim) -> F,
        F: Future<Output: Return>,
    {
        let runtime = match Builder::new_current_thread().enable_all().start_paused(true).build() {
            Ok(runtime) => runtime,
            Err(error) => {
                return Run {
                    failure: Some(format!("there is no runtime: {error}").into()),
                    schedule: SeededSchedule::NONE,
                };
            }
        };
        let entered = runtime.enter();
        let exploring = interleave::begin(seed);
        let sim = Sim::new(seed);
        drop(entered);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let test = interleave::paced(test(sim.clone()));
                tokio::time::timeout(self.time_limit, test).await.map(Return::into_result)
            })
        }));
        let failure = sim.task_panic().or_else(|| match ended {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(error))) => Some(ErrorText::with_sources(&*error).to_string().into()),
            Ok(Err(_)) => Some(never_ends(self.time_limit)),
            Err(payload) => Some(panic_message(payload)),
        });
        let schedule = exploring.schedule();
        // What is left of the run ends inside of it. It is foreign code.
        let _ = isolate(|| drop(runtime));
        drop(exploring);
        Run { failure, schedule }
    }
}

/// How a run ended.
struct Run {
    failure: Option<Arc<str>>,
    schedule: SeededSchedule,
}

fn never_ends(limit: Duration) -> Arc<str> {
    let limit = humantime::format_duration(limit);
    format!("the test has not ended after {limit} of simulated time: it waits for something that does not come").into()
}

/// The seed that the environment names.
#[track_caller]
fn only_seed() -> Option<u64> {
    let seed = std::env::var_os(VARIABLE)?;
    match seed.to_str().map(str::parse) {
        Some(Ok(seed)) => Some(seed),
        _ => panic!("{VARIABLE} is to be a number from 0 to 2^64 - 1, not `{}`", seed.display()),
    }
}

/// What [`explore`] has seen: no seed has failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Explored {
    /// How many seeds were run.
    pub seeds: usize,
    /// How many different schedules they gave. One alone means that in this test there is nothing to choose.
    pub schedules: usize,
}
