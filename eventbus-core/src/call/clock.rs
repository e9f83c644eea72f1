//! Deadlines, timers, and the limits that an emission is given.

use std::{pin::Pin, task::Context, time::Duration};

use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

use crate::{event::isolate, interleave, listener::Outcome};

/// Which clock counts. An awaited emission follows the runtime's, which tests may pause; one that blocks a thread
/// follows the machine's, since no runtime turns while the thread is parked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Clock {
    Runtime,
    Machine,
}

impl Clock {
    fn now(self) -> Instant {
        match self {
            Self::Runtime => Instant::now(),
            // All wait on one thread, and its clock is simulated.
            Self::Machine if interleave::is_on() => Instant::now(),
            Self::Machine => Instant::from_std(std::time::Instant::now()),
        }
    }

    /// The moment in `time` from now. On overflow there is no deadline.
    pub(crate) fn deadline(self, time: Duration) -> Option<Deadline> {
        Some(Deadline { at: self.now().checked_add(time)?, clock: self })
    }
}

/// A moment on a clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) clock: Clock,
}

impl Deadline {
    pub(crate) fn is_over(self) -> bool {
        self.clock.now() >= self.at
    }

    /// The time that is left.
    pub(crate) fn left(self) -> Duration {
        self.at.saturating_duration_since(self.clock.now())
    }

    /// The earlier of the two.
    pub(crate) fn earliest(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        [one, other].into_iter().flatten().min_by_key(|deadline| deadline.at)
    }
}

/// A timer of a tokio runtime.
pub(crate) type Timer = Pin<Box<Sleep>>;

/// A timer for `deadline`, if a runtime with a timer is at hand.
pub(crate) fn timer(deadline: Deadline) -> Option<Timer> {
    // A runtime that was built without a timer answers with a panic; there is no other way to ask.
    isolate(|| Box::pin(tokio::time::sleep_until(deadline.at))).ok()
}

/// Whether the timer has fired. A timer whose runtime has gone panics and will never fire: it counts as having fired.
pub(crate) fn has_fired(timer: &mut Timer, cx: &mut Context<'_>) -> bool {
    isolate(|| timer.as_mut().poll(cx).is_ready()).unwrap_or(true)
}

/// The limits of an emission that need no polling.
#[derive(Default)]
pub(crate) struct EmissionLimits {
    pub(crate) tokens: Vec<CancellationToken>,
    after: Option<Duration>,
    at: Option<Instant>,
}

impl EmissionLimits {
    /// Of several timeouts the shortest counts.
    pub(crate) fn set_timeout(&mut self, time: Duration) {
        self.after = Some(self.after.map_or(time, |earlier| earlier.min(time)));
    }

    /// Of several deadlines the earliest counts.
    pub(crate) fn set_deadline(&mut self, at: Instant) {
        self.at = Some(self.at.map_or(at, |earlier| earlier.min(at)));
    }

    /// The deadline of an emission that starts now.
    pub(crate) fn deadline_from_now(&self, clock: Clock) -> Option<Deadline> {
        let at = self.at.map(|at| Deadline { at, clock });
        Deadline::earliest(at, self.after.and_then(|time| clock.deadline(time)))
    }
}

/// Why an emission ends before its listeners do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// Its time is up.
    TimedOut,
    /// It has been cancelled.
    Cancelled,
}

impl Stop {
    /// The outcome of a listener that is stopped, or not started, for this reason.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::TimedOut => Outcome::TimedOut,
            Self::Cancelled => Outcome::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Duration};

    #[test]
    fn a_deadline_tells_how_much_time_is_left() {
        let hour = Duration::from_hours(1);
        let left = |time| Clock::Machine.deadline(time).unwrap().left();
        assert!(left(hour) > hour / 2 && left(hour) <= hour);
        assert_eq!(left(Duration::ZERO), Duration::ZERO);
    }
}
