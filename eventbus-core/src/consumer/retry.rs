//! When a delivery that failed is tried again.

use std::{fmt, sync::Arc, time::Duration};

use crate::publish::AttemptError;

type Predicate = Arc<dyn Fn(&AttemptError) -> bool + Send + Sync>;

/// When, and how often, a delivery that failed is tried again.
///
/// The delays grow exponentially and are drawn at random between nothing and their length ([full jitter]), so that what failed
/// together does not come back together. While a delivery waits for its next attempt it holds no worker.
///
/// [full jitter]: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
///
/// # Examples
///
/// ```
/// # mod eventbus { pub use eventbus_core::*; pub mod consumer { pub use eventbus_core::*; } }
/// use std::{io, time::Duration};
/// use eventbus::{Retry, consumer::AttemptError};
///
/// let retry = Retry::exponential(Duration::from_millis(100))
///     .cap(Duration::from_secs(30))
///     .max_attempts(5)
///     // What is malformed today is malformed tomorrow.
///     .when(|error: &AttemptError| error.error().is_none_or(|error| !error.is::<std::num::ParseIntError>()));
/// ```
#[derive(Clone)]
pub struct Retry {
    first: Duration,
    grows: bool,
    cap: Duration,
    max_attempts: u32,
    jitter: bool,
    when: Option<Predicate>,
}

impl Retry {
    /// How many attempts are made unless stated.
    pub const DEFAULT_MAX_ATTEMPTS: u32 = 5;

    /// How long a delay grows unless stated: 30 seconds.
    pub const DEFAULT_CAP: Duration = Duration::from_secs(30);

    /// Delays that double with each attempt: about `first`, twice that, four times that ..
    pub fn exponential(first: Duration) -> Self {
        Self {
            first,
            grows: true,
            cap: Self::DEFAULT_CAP,
            max_attempts: Self::DEFAULT_MAX_ATTEMPTS,
            jitter: true,
            when: None,
        }
    }

    /// The same delay each time, without jitter.
    pub fn fixed(delay: Duration) -> Self {
        Self { grows: false, jitter: false, cap: delay, ..Self::exponential(delay) }
    }

    /// One attempt, and no other.
    pub fn never() -> Self {
        Self::fixed(Duration::ZERO).max_attempts(1)
    }

    /// The longest delay.
    #[must_use]
    pub fn cap(mut self, longest: Duration) -> Self {
        self.cap = longest;
        self
    }

    /// How many attempts are made, the first one included; at least 1. After the last one the delivery is a dead letter.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Takes the delays at their full length.
    #[must_use]
    pub fn without_jitter(mut self) -> Self {
        self.jitter = false;
        self
    }

    /// Tries again only where `retryable` says so; else the delivery is a dead letter at once. Its panic counts as a no.
    #[must_use]
    pub fn when(mut self, retryable: impl Fn(&AttemptError) -> bool + Send + Sync + 'static) -> Self {
        self.when = Some(Arc::new(retryable));
        self
    }

    pub(crate) fn most_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// How often a delivery may be handed out before it is a dead letter without another attempt: twice for each attempt, since a process
    /// may die between them; and at least three times, since what has run out twice is handed out alone (T27).
    pub(super) fn most_deliveries(&self) -> u32 {
        self.max_attempts.saturating_mul(2).max(3)
    }

    /// The first delay, and the longest, without jitter.
    pub(crate) fn delays(&self) -> (Duration, Duration) {
        (self.first.min(self.cap), self.cap)
    }

    /// How long to wait after attempt number `attempt`, from 1; `None` if it was the last one.
    pub(super) fn delay(&self, attempt: u32, error: &AttemptError) -> Option<Duration> {
        if attempt >= self.max_attempts || !error.may_pass() {
            return None;
        }
        if let Some(when) = &self.when
            && crate::event::isolate(|| when(error)) != Ok(true)
        {
            return None;
        }
        let factor = if self.grows { 2_u32.saturating_pow(attempt.saturating_sub(1)) } else { 1 };
        let longest = self.first.saturating_mul(factor).min(self.cap);
        Some(if self.jitter { longest.mul_f64(fastrand::f64()) } else { longest })
    }
}

impl Default for Retry {
    /// Exponential from 100 ms, with the default cap and number of attempts.
    fn default() -> Self {
        Self::exponential(Duration::from_millis(100))
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("first", &self.first)
            .field("cap", &self.cap)
            .field("max_attempts", &self.max_attempts)
            .finish_non_exhaustive()
    }
}
