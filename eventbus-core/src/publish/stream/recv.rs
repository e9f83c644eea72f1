//! The future of a stream's next item.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{Stream, future::FusedFuture, stream::FusedStream};

use super::{EventStream, Lagged};

/// The next event of a stream; made by [`EventStream::next`] and [`EventStream::recv`].
#[must_use = "nothing is read until it is awaited"]
pub struct Recv<'s, T>(pub(super) &'s mut EventStream<T>);

impl<T> Future for Recv<'_, T> {
    type Output = Option<Result<T, Lagged>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut *self.0).poll_next(cx)
    }
}

impl<T> FusedFuture for Recv<'_, T> {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recv").field(&self.0).finish()
    }
}
