//! Awaiting what a transport answers: its panics go no further, and its silence has an end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::sleep;

use crate::{event::isolate, transport::BoxFuture};

/// How long a transport may take to answer, before it counts as silent.
const ANSWER: Duration = Duration::from_secs(30);

/// A transport's future. A panic ends it as an error, and one in its drop goes no further.
pub(crate) struct Contained<'a, T>(Option<BoxFuture<'a, T>>);

impl<'a, T> Contained<'a, T> {
    pub(crate) fn new(future: BoxFuture<'a, T>) -> Self {
        Self(Some(future))
    }

    fn end(&mut self) {
        let future = self.0.take();
        let _ = isolate(|| drop(future));
    }
}

/// Asks a transport, and awaits what it returns; see [`isolated`].
pub(crate) async fn asked<'a, T>(ask: impl FnOnce() -> BoxFuture<'a, T>) -> Result<T, Arc<str>> {
    isolated(isolate(ask)?).await
}

/// Awaits what a transport has returned; its panic is an error, and so is its silence.
pub(crate) fn isolated<T>(answer: BoxFuture<'_, T>) -> impl Future<Output = Result<T, Arc<str>>> {
    // Before the first poll: it may be dropped without one.
    let mut answer = Contained::new(answer);
    let mut timer = None;
    std::future::poll_fn(move |cx| {
        if let Poll::Ready(answer) = Pin::new(&mut answer).poll(cx) {
            return Poll::Ready(answer);
        }
        // Most answer at once; and the end of a bus may come where nobody can tell the time.
        let timer = timer.get_or_insert_with(|| isolate(|| Box::pin(sleep(ANSWER))).ok());
        match timer.as_mut().map(|timer| timer.as_mut().poll(cx)) {
            Some(Poll::Ready(())) => Poll::Ready(Err("the transport has not answered for 30 seconds".into())),
            _ => Poll::Pending,
        }
    })
}

impl<T> Future for Contained<'_, T> {
    type Output = Result<T, Arc<str>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else { return Poll::Ready(Err("its answer has been given before".into())) };
        let answer = match isolate(|| future.as_mut().poll(cx)) {
            Ok(polled) => Ok(ready!(polled)),
            Err(panic) => Err(panic),
        };
        self.end();
        Poll::Ready(answer)
    }
}

impl<T> Drop for Contained<'_, T> {
    fn drop(&mut self) {
        self.end();
    }
}
