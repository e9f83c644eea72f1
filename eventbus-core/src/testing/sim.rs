//! The handle that a test gets while its schedules are explored: choices, tasks and time.

use std::{
    fmt,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, SystemTime},
};

use tokio::{
    task::JoinHandle,
    time::{Instant, advance},
};

use crate::{
    event::panic_message,
    interleave::{self, Rng},
    sync::{Mutex, lock},
};

/// One run of a test, whose schedule is drawn from a seed; see [`explore`](super::explore).
///
/// It is needed only for what the bus does not know of: choices and tasks of the test's own. A clone is another handle to the
/// same run.
#[derive(Clone)]
pub struct Sim {
    shared: Arc<SimState>,
}

struct SimState {
    seed: u64,
    start: Instant,
    rng: Mutex<Rng>,
    panic: Mutex<Option<Arc<str>>>,
}

impl Sim {
    pub(super) fn new(seed: u64) -> Self {
        let rng = Mutex::new(Rng::with_seed(!seed));
        Self { shared: Arc::new(SimState { seed, start: Instant::now(), rng, panic: Mutex::default() }) }
    }

    /// The seed of this run.
    pub fn seed(&self) -> u64 {
        self.shared.seed
    }

    /// How much simulated time has passed since the run began.
    pub fn elapsed(&self) -> Duration {
        self.shared.start.elapsed()
    }

    /// The simulated time of day, which messages get and schedules go by: that of the machine when the process explored for the first
    /// time, in whole seconds, and what has passed of the run.
    pub fn system_time(&self) -> SystemTime {
        interleave::system_time()
    }

    /// Lets simulated time pass at once, whether or not something could still run.
    ///
    /// Rarely needed: when nothing can run, time moves to the next timer by itself, so a `tokio::time::sleep` passes as soon as all
    /// that was to happen has happened.
    pub async fn advance(&self, time: Duration) {
        advance(time).await;
    }

    /// A number below `count`; 0 if that is 0. It is drawn from the seed, but apart from the schedule.
    pub fn below(&self, count: usize) -> usize {
        lock(&self.shared.rng).below(count)
    }

    /// `true` once in so many times: `one_in(2)` tosses a coin.
    pub fn one_in(&self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of the items.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn pick<'a, T>(&self, items: &'a [T]) -> &'a T {
        assert!(!items.is_empty(), "`pick` was given no items");
        &items[self.below(items.len())]
    }

    /// Puts the items in a drawn order.
    pub fn shuffle<T>(&self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Spawns a task whose place among the tasks of the bus is drawn, too; `tokio::spawn` gives it the natural one.
    ///
    /// If it panics, the run fails, also if nobody awaits the handle.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let sim = self.clone();
        tokio::spawn(interleave::paced(async move {
            let mut future = pin!(future);
            let polled = poll_fn(|cx| {
                let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
                polled.map_or_else(|payload| Poll::Ready(Err(payload)), |polled| polled.map(Ok))
            });
            match polled.await {
                Ok(output) => output,
                Err(payload) => {
                    let message = panic_message(payload);
                    lock(&sim.shared.panic).get_or_insert_with(|| Arc::clone(&message));
                    resume_unwind(Box::new(message.to_string()));
                }
            }
        }))
    }

    /// Lets others run, a drawn number of times: none, one, or more.
    pub async fn pause(&self) {
        interleave::point().await;
    }

    /// The panic of the first task that has panicked.
    pub(super) fn task_panic(&self) -> Option<Arc<str>> {
        lock(&self.shared.panic).clone()
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("seed", &self.seed()).finish_non_exhaustive()
    }
}
