//! A listener's or handler's future whose panics are contained.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::event::isolate;
use crate::listener::{BoxError, Outcome};

/// The future of a listener or handler, its type erased.
pub(crate) type ListenerFuture = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// The outcome of a listener that panicked. Where it asked for a timer or a socket of tokio's without a runtime, the message
/// says how to give it one.
pub(crate) fn panicked(message: &Arc<str>) -> Outcome {
    if message.contains("there is no reactor running") {
        let hint = "give the bus a runtime: `Bus::builder().runtime(..)`";
        return Outcome::Panicked(format!("{message} ({hint})").into());
    }
    Outcome::Panicked(Arc::clone(message))
}

/// A listener's or handler's future. A panic in a poll or in the drop becomes its outcome.
///
/// Async, spawned and blocking listeners and handlers share it. The caller sets the frame around every use.
pub(crate) struct IsolatedFuture(Option<ListenerFuture>);

impl IsolatedFuture {
    pub(crate) fn new(future: ListenerFuture) -> Self {
        Self(Some(future))
    }

    /// Polls the future and drops it when it is ready. `None` is success. Not to be called again after it was ready.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        self.poll_only(cx).map(|outcome| {
            let dropped = self.discard();
            // The first failure counts.
            outcome.or(dropped)
        })
    }

    /// Polls the future and leaves its drop to the caller.
    pub(crate) fn poll_only(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let Some(future) = &mut self.0 else { unreachable!("polled after it was ready") };
        match isolate(|| future.as_mut().poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(()))) => Poll::Ready(None),
            Ok(Poll::Ready(Err(error))) => Poll::Ready(Some(Outcome::Failed(Arc::from(error)))),
            Err(message) => Poll::Ready(Some(panicked(&message))),
        }
    }

    /// Drops the future; a panic of its `Drop` is returned.
    pub(crate) fn discard(&mut self) -> Option<Outcome> {
        let future = self.0.take()?;
        isolate(|| drop(future)).err().map(Outcome::Panicked)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.0.is_none()
    }
}
