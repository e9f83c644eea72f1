//! What can end an emission before its listeners do.

use std::{pin::Pin, task::Context};

#[cfg(feature = "tokio")]
use std::time::Duration;

#[cfg(feature = "tokio")]
use tokio::time::Instant;
#[cfg(feature = "tokio")]
use tokio_util::sync::CancellationToken;

use crate::dispatch::{Clock, Deadline, Signal, Stop, isolate};

/// Futures that cancel the emission when they are ready.
#[derive(Default)]
pub(super) struct Stops(Vec<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Stops {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, stop: impl Future<Output = ()> + Send + 'static) {
        self.0.push(Box::pin(stop));
    }

    /// Whether one of them is ready; not to be called again once it was. One that panics cancels: nobody can say any more
    /// when it would have been ready.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Option<Stop> {
        let is_ready = |stop: &mut Pin<Box<dyn Future<Output = ()> + Send>>| {
            isolate(|| stop.as_mut().poll(cx).is_ready()).unwrap_or(true)
        };
        self.0.iter_mut().any(is_ready).then_some(Stop::Cancelled)
    }
}

impl Drop for Stops {
    fn drop(&mut self) {
        for stop in self.0.drain(..) {
            // Foreign code: its panic shall not reach whoever drops the emission.
            let _ = isolate(|| drop(stop));
        }
    }
}

/// The limits that need no polling.
#[derive(Default)]
pub(super) struct Limits {
    #[cfg(feature = "tokio")]
    pub(super) tokens: Vec<CancellationToken>,
    #[cfg(feature = "tokio")]
    after: Option<Duration>,
    #[cfg(feature = "tokio")]
    at: Option<Instant>,
}

#[cfg(feature = "tokio")]
impl Limits {
    /// The shorter one counts.
    pub(super) fn timeout(&mut self, time: Duration) {
        self.after = Some(self.after.map_or(time, |earlier| earlier.min(time)));
    }

    /// The earlier one counts.
    pub(super) fn deadline(&mut self, at: Instant) {
        self.at = Some(self.at.map_or(at, |earlier| earlier.min(at)));
    }

    /// The deadline of an emission that starts now.
    pub(super) fn deadline_from_now(&self, clock: Clock) -> Option<Deadline> {
        let at = self.at.map(|at| Deadline { at, clock });
        let after = self.after.and_then(|time| clock.deadline(time));
        [at, after].into_iter().flatten().min_by_key(|deadline| deadline.at)
    }

    /// The signal for listeners that ask whether they are cancelled.
    pub(super) fn signal(&self, deadline: Option<Deadline>) -> Signal {
        Signal::new(deadline, self.tokens.clone())
    }
}

#[cfg(not(feature = "tokio"))]
#[expect(clippy::unused_self, reason = "as with the feature `tokio`")]
impl Limits {
    pub(super) fn deadline_from_now(&self, _clock: Clock) -> Option<Deadline> {
        None
    }

    pub(super) fn signal(&self, _deadline: Option<Deadline>) -> Signal {
        Signal::default()
    }
}
