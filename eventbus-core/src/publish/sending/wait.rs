//! Waiting for room, or for a transport's answer, with timeout and cancellation.

use std::{pin::Pin, task::Poll};

use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use crate::transport::BoxFuture;

/// What a publisher waits for, and what ends the wait.
pub(super) struct SendingWait<'b> {
    /// Room; `None` while it waits for an answer.
    pub(super) room: Option<BoxFuture<'b, ()>>,
    pub(super) stop: BoxFuture<'b, WaitEnd>,
    /// The shutdown of the bus.
    pub(super) closing: BoxFuture<'b, ()>,
}

/// Why the wait has ended.
pub(super) enum WaitEnd {
    /// The bus shuts down.
    Closing,
    /// A token or a future of the user.
    Cancelled,
    TimedOut,
}

pub(super) enum Timer {
    Never,
    At(Sleep),
    /// There is no runtime to tell the time.
    Now,
}

/// What ends the wait, whichever comes first.
pub(super) fn stop<'b>(
    tokens: &[CancellationToken],
    until: Vec<BoxFuture<'b, ()>>,
    timer: Timer,
) -> BoxFuture<'b, WaitEnd> {
    let tokens = tokens.iter().map(|token| Box::pin(token.clone().cancelled_owned()) as BoxFuture<'b, ()>);
    let mut cancelled = first_of(tokens.chain(until).collect());
    Box::pin(async move {
        let over = async {
            match timer {
                Timer::Never => std::future::pending().await,
                Timer::At(sleep) => sleep.await,
                Timer::Now => {}
            }
        };
        tokio::select! {
            biased;
            () = &mut cancelled => WaitEnd::Cancelled,
            () = over => WaitEnd::TimedOut,
        }
    })
}

/// Ends with the first of them; never, if there is none.
fn first_of(mut futures: Vec<BoxFuture<'_, ()>>) -> impl Future<Output = ()> + Unpin {
    std::future::poll_fn(move |cx| {
        let is_ready = |future: &mut BoxFuture<'_, ()>| Pin::new(future).poll(cx).is_ready();
        if futures.iter_mut().any(is_ready) { Poll::Ready(()) } else { Poll::Pending }
    })
}
