//! One attempt under way: a handler's future, isolated, and polled inside the frame of its delivery.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::AttemptError;
use crate::{
    call::{Cause, Frame, IsolatedFuture, ListenerFuture},
    listener::Outcome,
};

pub(super) struct Run {
    future: IsolatedFuture,
    cause: Cause,
}

impl Run {
    pub(super) fn new(future: ListenerFuture, cause: Cause) -> Self {
        Self { future: IsolatedFuture::new(future), cause }
    }
}

impl Future for Run {
    type Output = Result<(), AttemptError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { future, cause } = &mut *self;
        let _frame = Frame::enter_handler(cause);
        let outcome = ready!(future.poll_only(cx));
        // A panic in the drop of a future that has ended changes nothing: its handler has answered.
        let _ = future.discard();
        Poll::Ready(match outcome {
            None => Ok(()),
            Some(Outcome::Failed(error)) => Err(AttemptError::Failed(error)),
            Some(Outcome::Panicked(message)) => Err(AttemptError::Panicked(message)),
            Some(_) => unreachable!("a future returns an error or panics"),
        })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.future.is_done() {
            let _frame = Frame::enter_handler(&self.cause);
            // The attempt was stopped: a panic of the future's drop has no report to go to.
            let _ = self.future.discard();
        }
    }
}
