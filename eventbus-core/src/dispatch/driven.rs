//! A listener's future, with panics contained, and inside of what interceptors put around it.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use super::{ListenerFuture, Pass, isolate, work::Ended};
use crate::listener::Outcome;

/// A listener's future that has not ended. The frame must be set around all of it.
pub(super) struct Driven {
    /// Empty once it has ended.
    future: Option<ListenerFuture>,
    pass: Pass,
}

impl Driven {
    /// Has the future made; or what became of the listener, if that panicked.
    pub(super) fn start(mut pass: Pass, make: impl FnOnce() -> ListenerFuture) -> Result<Self, Outcome> {
        match pass.part(|| isolate(make)) {
            Ok(future) => Ok(Self { future: Some(future), pass }),
            Err(message) => {
                let outcome = Outcome::Panicked(message);
                pass.end(Some(&outcome));
                Err(outcome)
            }
        }
    }

    /// Goes on with it. Not to be called again once it is ready.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let Self { future, pass } = self;
        if pass.is_free() {
            return poll(future, cx);
        }
        let polled = pass.part(|| poll(future, cx));
        if let Poll::Ready(ended) = &polled {
            pass.end(ended.as_ref());
        }
        polled
    }

    /// Ends it before it has ended itself.
    pub(super) fn stop(&mut self, outcome: Outcome) -> Outcome {
        let Self { future, pass } = self;
        let outcome = pass.part(|| discard(future.take())).unwrap_or(outcome);
        pass.end(Some(&outcome));
        outcome
    }

    #[cfg(feature = "tokio")]
    pub(super) fn has_ended(&self) -> bool {
        self.future.is_none()
    }
}

fn poll(future: &mut Option<ListenerFuture>, cx: &mut Context<'_>) -> Poll<Ended> {
    let Some(running) = future else { unreachable!("polled after its end") };
    let ended = match isolate(|| running.as_mut().poll(cx)) {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(Ok(()))) => None,
        Ok(Poll::Ready(Err(error))) => Some(Outcome::Failed(Arc::from(error))),
        Err(message) => Some(Outcome::Panicked(message)),
    };
    // What went wrong first is what is told.
    let dropped = discard(future.take());
    Poll::Ready(ended.or(dropped))
}

/// Drops a listener's future; a panic in there is the listener's.
fn discard(future: Option<ListenerFuture>) -> Option<Outcome> {
    isolate(|| drop(future)).err().map(Outcome::Panicked)
}
