//! The options of an emission: limits and stops.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio_util::sync::CancellationToken;

use super::waking::Waking;
use crate::{
    call::{Deadline, EmissionLimits, Signal, Stop},
    event::isolate,
};

/// What an emission may be given before it begins. Most are given nothing.
#[derive(Default)]
pub(super) struct EmitOptions {
    pub(super) stops: Stops,
    pub(super) limits: EmissionLimits,
}

impl EmitOptions {
    pub(super) fn cancel_on(&mut self, token: &CancellationToken) {
        self.stops.push(token.clone().cancelled_owned());
        self.limits.tokens.push(token.clone());
    }
}

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

    #[cold]
    fn clear(&mut self) {
        for stop in self.0.drain(..) {
            // User code: its panic shall not reach whoever drops the emission.
            let _ = isolate(|| drop(stop));
        }
    }

    /// Adds the signal of the emission around this one.
    pub(super) fn push_signal(&mut self, signal: Arc<Signal>) {
        let waits = Arc::clone(&signal);
        let mut waiting = Box::pin(async move { waits.wait().await });
        // Checked directly as well: while a synchronous listener runs, the outer emission is not polled.
        self.push(poll_fn(move |cx| if signal.is_set() { Poll::Ready(()) } else { waiting.as_mut().poll(cx) }));
    }

    /// Whether one of them is ready; not to be called again once it was. One that panics cancels: it will never be
    /// ready.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Option<Stop> {
        let is_ready = |stop: &mut Pin<Box<dyn Future<Output = ()> + Send>>| {
            isolate(|| stop.as_mut().poll(cx).is_ready()).unwrap_or(true)
        };
        self.0.iter_mut().any(is_ready).then_some(Stop::Cancelled)
    }

    /// Whether a stop or the deadline ends the emission now. A waker is made only if there is something to poll.
    pub(super) fn stop_now(&mut self, deadline: Option<Deadline>, waking: &Waking<'_>) -> Option<Stop> {
        let stopped = if self.is_empty() { None } else { self.poll(&mut waking.context()) };
        stopped.or_else(|| deadline.is_some_and(Deadline::is_over).then_some(Stop::TimedOut))
    }
}

impl Drop for Stops {
    #[inline]
    fn drop(&mut self) {
        if !self.is_empty() {
            self.clear();
        }
    }
}
