//! The listener of a stream: what it does with an event.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use tokio_util::sync::CancellationToken;

use super::{
    StreamFull,
    buffer::{Buffer, Put},
};
use crate::{
    call::{BusId, Frame},
    emission::Warnings,
    listener::ListenerInfo,
    sync::{AtomicBool, Ordering},
};

/// The end of a stream at which events come in: what its listener holds. With the last one, the stream ends: the listener is off,
/// or its bus is gone.
pub(super) struct Writer<T> {
    pub(super) buffer: Arc<Buffer<T>>,
    pub(super) bus: Option<BusId>,
    pub(super) ended: CancellationToken,
    pub(super) lag: Arc<LagWarning>,
}

/// Warns once that a stream has lost an event.
pub(super) struct LagWarning {
    warnings: Option<Arc<Warnings>>,
    /// The stream's listener, once that is registered.
    listener: OnceLock<ListenerInfo>,
    is_told: AtomicBool,
}

impl LagWarning {
    pub(super) fn of(warnings: Option<&Arc<Warnings>>) -> Self {
        Self { warnings: warnings.cloned(), listener: OnceLock::new(), is_told: AtomicBool::new(false) }
    }

    pub(super) fn set_listener(&self, listener: &ListenerInfo) {
        let _ = self.listener.set(listener.clone());
    }

    #[cold]
    fn tell(&self) {
        if let (Some(warnings), Some(listener)) = (&self.warnings, self.listener.get())
            && !self.is_told.swap(true, Ordering::Relaxed)
        {
            warnings.stream_lagged(listener);
        }
    }
}

impl<T> Writer<T> {
    /// A listener's future for one event.
    pub(super) fn write(self: &Arc<Self>, event: T) -> Write<T> {
        Write { writer: Arc::clone(self), step: PushStep::Has(event) }
    }
}

impl<T> Drop for Writer<T> {
    fn drop(&mut self) {
        self.buffer.close();
    }
}

/// Whether the code that runs now is called by a handler of the bus.
pub(super) fn is_inside_handler(bus: Option<BusId>) -> bool {
    let cause = Frame::current().and_then(|frame| frame.cause());
    cause.is_some_and(|cause| Some(cause.bus) == bus)
}

/// Brings an event into a stream; pending while it has no room and waits.
pub(super) struct Write<T> {
    writer: Arc<Writer<T>>,
    step: PushStep<T>,
}

enum PushStep<T> {
    Has(T),
    Waits(u64),
    Done,
}

// The event is moved out, never pinned.
impl<T> Unpin for Write<T> {}

impl<T> Future for Write<T> {
    type Output = Result<(), StreamFull>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let writer = &this.writer;
        match std::mem::replace(&mut this.step, PushStep::Done) {
            // A stream ends with the shutdown of its bus, also if nobody has read it since.
            PushStep::Has(_) if writer.ended.is_cancelled() => Poll::Ready(Ok(())),
            PushStep::Has(event) => match writer.buffer.put(event, cx.waker(), is_inside_handler(writer.bus)) {
                Ok(Put::Done) => Poll::Ready(Ok(())),
                Ok(Put::Lost) => {
                    writer.lag.tell();
                    Poll::Ready(Ok(()))
                }
                Ok(Put::Waits(ticket)) => {
                    this.step = PushStep::Waits(ticket);
                    Poll::Pending
                }
                Err(full) => Poll::Ready(Err(full)),
            },
            PushStep::Waits(ticket) if writer.buffer.is_in(ticket, cx.waker()) => Poll::Ready(Ok(())),
            PushStep::Waits(ticket) => {
                this.step = PushStep::Waits(ticket);
                Poll::Pending
            }
            PushStep::Done => Poll::Ready(Ok(())),
        }
    }
}

impl<T> Drop for Write<T> {
    fn drop(&mut self) {
        if let PushStep::Waits(ticket) = self.step {
            self.writer.buffer.take_back(ticket);
        }
    }
}
