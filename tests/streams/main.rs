//! What is claimed of event streams.

#![forbid(unsafe_code)]
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod consumers;
mod ends;
mod full;
mod next;
mod reading;
mod threads;
mod wakers;

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use eventbus::{Event, EventStream, stream::Lagged};
use futures_util::Stream;

#[derive(Debug, Event)]
pub(crate) struct Tick(pub(crate) u64);

#[derive(Debug, Event)]
pub(crate) struct Tock;

/// Counts how often it is woken.
#[derive(Default)]
pub(crate) struct Woken(AtomicUsize);

impl Woken {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let woken = Arc::new(Self::default());
        let waker = Waker::from(Arc::clone(&woken));
        (woken, waker)
    }

    pub(crate) fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls once, without a waker.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a stream once.
pub(crate) fn poll_next<T>(stream: &mut EventStream<T>, waker: &Waker) -> Poll<Option<Result<T, Lagged>>> {
    pin!(stream).poll_next(&mut Context::from_waker(waker))
}

/// What is in the stream, and does not wait for more: numbers, and `Err` with the number of those that are missing.
pub(crate) fn buffered(stream: &mut EventStream<Arc<Tick>>) -> Vec<Result<u64, u64>> {
    let next = || match poll_next(stream, Waker::noop()) {
        Poll::Ready(Some(item)) => Some(item.map(|tick| tick.0).map_err(|lagged| lagged.missed)),
        Poll::Ready(None) | Poll::Pending => None,
    };
    std::iter::from_fn(next).collect()
}
