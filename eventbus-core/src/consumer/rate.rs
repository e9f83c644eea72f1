//! The rate limit: how many deliveries a consumer may begin in a given time.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use tokio::time::Instant;

use crate::sync::{AtomicU64, Ordering};

/// A rate: so many in a time, of which so many at once.
///
/// The limit is a token bucket, as the generic cell rate algorithm keeps one
/// ([GCRA](https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm)).
///
/// # Examples
///
/// ```
/// # use eventbus_core as eventbus;
/// use eventbus::Rate;
///
/// let rate = Rate::per_second(50).burst(10);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate(Quota);

impl Rate {
    /// So many a second, at least 1; as many at once, unless [`burst`](Self::burst) says otherwise.
    pub fn per_second(count: u32) -> Self {
        Self(Quota::per_second(at_least_one(count)))
    }

    /// So many a minute, at least 1; as many at once, unless [`burst`](Self::burst) says otherwise.
    pub fn per_minute(count: u32) -> Self {
        Self(Quota::per_minute(at_least_one(count)))
    }

    /// How many at once, after a pause; at least 1, and at most as many as come in a hundred years of the rate.
    #[must_use]
    pub fn burst(self, count: u32) -> Self {
        // The limiter counts in nanoseconds, of which a `u64` holds some 584 years; a larger bucket is not told from a full one.
        let each = self.0.replenish_interval().as_nanos().max(1);
        let most = u32::try_from(LONGEST_PAUSE.as_nanos() / each).unwrap_or(u32::MAX);
        Self(self.0.allow_burst(at_least_one(count.min(most))))
    }
}

/// How long a pause may be for which a rate saves up.
const LONGEST_PAUSE: Duration = Duration::from_hours(100 * 365 * 24);

fn at_least_one(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}

/// Keeps a rate, on the clock of the runtime, which tests may pause.
pub(super) struct Limiter {
    limiter: RateLimiter<NotKeyed, InMemoryState, RuntimeClock, NoOpMiddleware<Duration>>,
    next_in: AtomicU64,
}

#[derive(Clone)]
struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Limiter {
    pub(super) fn new(Rate(quota): Rate) -> Self {
        let limiter = RateLimiter::direct_with_clock(quota, RuntimeClock(Instant::now()));
        Self { limiter, next_in: AtomicU64::new(0) }
    }

    /// Takes a permit, or says how long it is until the next one.
    pub(super) fn take(&self) -> Result<(), Duration> {
        self.limiter.check().map_err(|not_yet| {
            let wait = not_yet.wait_time_from(self.limiter.clock().now());
            self.next_in.store(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
            wait
        })
    }

    /// How long it was until the next permit when the last one was refused.
    pub(super) fn wait(&self) -> Duration {
        Duration::from_nanos(self.next_in.load(Ordering::Relaxed))
    }
}
