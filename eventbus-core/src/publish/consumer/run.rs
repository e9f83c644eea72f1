//! One attempt under way: a handler's future, isolated, and polled inside the frame of its delivery.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use super::AttemptError;
use crate::call::{Cause, Frame, ListenerFuture};
use crate::event::isolate;

pub(super) struct Run {
    future: Option<ListenerFuture>,
    cause: Cause,
}

impl Run {
    pub(super) fn new(future: ListenerFuture, cause: Cause) -> Self {
        Self { future: Some(future), cause }
    }

    fn inside<T>(&mut self, code: impl FnOnce(&mut Option<ListenerFuture>) -> T) -> T {
        let _frame = Frame::enter_handler(&self.cause);
        code(&mut self.future)
    }
}

impl Future for Run {
    type Output = Result<(), AttemptError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.inside(|slot| {
            let Some(future) = slot else { unreachable!("polled after its end") };
            let polled = isolate(|| future.as_mut().poll(cx));
            let result = match polled {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(Ok(()))) => Ok(()),
                Ok(Poll::Ready(Err(error))) => Err(AttemptError::Failed(error.into())),
                Err(message) => Err(AttemptError::Panicked(message)),
            };
            let done = slot.take();
            // A panic in the drop of a future that has ended changes nothing: its handler has had its say.
            let _ = isolate(|| drop(done));
            Poll::Ready(result)
        })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.future.is_some() {
            self.inside(|slot| {
                let stopped = slot.take();
                let _ = isolate(|| drop(stopped));
            });
        }
    }
}
