//! The future of the next event of a type.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{Stream, future::FusedFuture, stream::FusedStream};

use super::EventStream;
use crate::event::Event;

/// The next event of a type; made by [`Bus::next`](crate::Bus::next).
#[must_use = "listens until it is dropped; `.await` it"]
pub struct Next<E: Event> {
    events: EventStream<Arc<E>>,
    over: bool,
}

impl<E: Event> Next<E> {
    /// `events` brings one event at most.
    pub(super) fn new(events: EventStream<Arc<E>>) -> Self {
        Self { events, over: false }
    }
}

impl<E: Event> Future for Next<E> {
    type Output = Option<Arc<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let found = match Pin::new(&mut self.events).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                // One event does not make the next one late.
                Poll::Ready(Some(Err(_))) => continue,
                Poll::Ready(Some(Ok(event))) => Some(event),
                Poll::Ready(None) => None,
            };
            self.over = true;
            return Poll::Ready(found);
        }
    }
}

impl<E: Event> FusedFuture for Next<E> {
    fn is_terminated(&self) -> bool {
        self.over || self.events.is_terminated()
    }
}

impl<E: Event> fmt::Debug for Next<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("listener", self.events.info()).field("over", &self.over).finish_non_exhaustive()
    }
}
