//! A listener's future inside of what interceptors put around it.

use std::task::{Context, Poll};

use super::guards::CallGuard;
use crate::{
    call::{IsolatedFuture, ListenerFuture, panicked},
    event::isolate,
    listener::Outcome,
};

/// How a listener ended: `None` is success.
pub(crate) type Ended = Option<Outcome>;

/// A listener's future that has not ended. The frame must be set around every use.
pub(super) struct ListenerTask {
    future: IsolatedFuture,
    guard: CallGuard,
}

impl ListenerTask {
    /// Calls the listener for its future; its outcome, if that panics.
    pub(super) fn start(mut guard: CallGuard, make: impl FnOnce() -> ListenerFuture) -> Result<Self, Outcome> {
        let injected = guard.take_injected();
        let make = || match injected {
            None => make(),
            Some(injected) => injected.around(make),
        };
        match guard.part(|| isolate(make)) {
            Ok(future) => Ok(Self { future: IsolatedFuture::new(future), guard }),
            Err(message) => {
                let outcome = panicked(&message);
                guard.end(Some(&outcome));
                Err(outcome)
            }
        }
    }

    /// A future that nothing is around and that has been polled before.
    pub(super) fn polled(future: ListenerFuture) -> Self {
        Self { future: IsolatedFuture::new(future), guard: CallGuard::none() }
    }

    /// Polls the future. Not to be called again once it was ready.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let Self { future, guard } = self;
        if guard.is_none() {
            return future.poll(cx);
        }
        let polled = guard.part(|| future.poll(cx));
        if let Poll::Ready(ended) = &polled {
            guard.end(ended.as_ref());
        }
        polled
    }

    /// Drops the future before it has ended.
    pub(super) fn stop(&mut self, outcome: Outcome) -> Outcome {
        let Self { future, guard } = self;
        let outcome = guard.part(|| future.discard()).unwrap_or(outcome);
        guard.end(Some(&outcome));
        outcome
    }

    pub(super) fn has_ended(&self) -> bool {
        self.future.is_done()
    }
}
