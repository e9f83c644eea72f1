//! Time, as an emission sees it. Without the `tokio` feature there are no deadlines, and the compiler knows it.

#[cfg(feature = "tokio")]
pub(crate) use with_timer::{Clock, Deadline, Timer, has_fired, timer};
#[cfg(not(feature = "tokio"))]
pub(crate) use without::{Clock, Deadline, Timer, has_fired};

#[cfg(feature = "tokio")]
mod with_timer {
    use std::{pin::Pin, task::Context, time::Duration};

    use tokio::time::{Instant, Sleep};

    use crate::dispatch::isolate;

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
                Self::Machine => Instant::from_std(std::time::Instant::now()),
            }
        }

        /// The moment in `time` from now; `None` if it is too far away to be told.
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

        /// How long it is till then.
        pub(crate) fn left(self) -> Duration {
            self.at.saturating_duration_since(self.clock.now())
        }
    }

    /// A timer of the runtime's.
    pub(crate) type Timer = Pin<Box<Sleep>>;

    /// A timer for `deadline`, if a runtime with a timer is at hand.
    pub(crate) fn timer(deadline: Deadline) -> Option<Timer> {
        // A runtime that was built without a timer answers with a panic; there is no other way to ask.
        isolate(|| Box::pin(tokio::time::sleep_until(deadline.at))).ok()
    }

    /// Whether it has fired. A timer whose runtime has gone panics, and will never fire: it counts as having fired.
    pub(crate) fn has_fired(timer: &mut Timer, cx: &mut Context<'_>) -> bool {
        isolate(|| timer.as_mut().poll(cx).is_ready()).unwrap_or(true)
    }
}

#[cfg(not(feature = "tokio"))]
mod without {
    use std::{task::Context, time::Duration};

    /// There is nothing to time.
    #[derive(Clone, Copy)]
    pub(crate) enum Clock {
        Runtime,
        Machine,
    }

    /// A timer that cannot be had.
    pub(crate) enum Timer {}

    pub(crate) fn has_fired(timer: &mut Timer, _cx: &mut Context<'_>) -> bool {
        match *timer {}
    }

    /// A moment that cannot be named.
    #[derive(Clone, Copy)]
    pub(crate) enum Deadline {}

    impl Deadline {
        pub(crate) fn is_over(self) -> bool {
            match self {}
        }

        pub(crate) fn left(self) -> Duration {
            match self {}
        }
    }
}
