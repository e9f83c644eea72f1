//! The events of a bus as a stream, to be read where it suits the reader.

mod buffer;
mod lagged;
mod listen;
mod next;
mod open;
mod recv;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{Stream, stream::FusedStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use self::{
    buffer::{Buffer, ReadResult},
    listen::is_inside_handler,
};
use crate::{call::BusId, listener::ListenerInfo, registry::Subscription, transport::Overflow};
pub use lagged::{Lagged, NoEvent, StreamFull};
pub use next::Next;
pub use recv::Recv;

/// The events that a bus emits, as a [`Stream`]; made by [`Bus::stream`](crate::Bus::stream),
/// [`Bus::stream_pattern`](crate::Bus::stream_pattern) and [`Listener::stream`](crate::Listener::stream).
///
/// A listener puts each event into a buffer; the stream is the end at which they are read: by [`next`](Self::next), or by the
/// methods of `StreamExt`, of `futures-util` or `tokio-stream`, which map, filter and merge streams. It holds events from the
/// moment it is made, also before it is first polled, in the order in which the listener gets them; what one thread emits is in
/// the order of its emissions, except that an event that is emitted inside another one (by a listener before this one) comes
/// first.
///
/// # A full buffer
///
/// A stream holds [`capacity`](Self::capacity) events, 1,024 unless stated. When it is full,
///
/// - the **oldest makes room**, unless [`overflow`](Self::overflow) says otherwise: no emission waits, and the reader gets [`Lagged`]
///   where events are missing, with their number. Events received and events missed are together the events emitted.
/// - with [`Overflow::Wait`], the **emission waits**, and none is missing.
///
/// # The end
///
/// It ends, with `None`, after what is in the buffer has been read:
///
/// - when [`Bus::shutdown`](crate::Bus::shutdown) has drained: what consumers handed to listeners is in the stream by then. What is
///   emitted after that is not;
/// - when its bus is gone, which the stream does not keep alive;
/// - when its listener is off: by [`close`](Self::close), by [`Bus::clear`](crate::Bus::clear), with its scope. An
///   [`Emitter`](crate::Emitter) that has called it before holds it, and so the end, until it emits again or is dropped.
///
/// Dropping the stream takes its listener off.
///
/// # Cancel safety
///
/// [`next`](Self::next) loses nothing if it is dropped before it is ready, as in a lost `select!`: events stay in the buffer.
///
/// # Re-entrancy
///
/// A stream may be made, read, closed and dropped inside any listener or handler. No lock is held while wakers are called or events
/// dropped.
///
/// # Examples
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName, Lagged};
/// # struct OrderPlaced { id: u64 }
/// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Lagged> {
/// let bus = Bus::new();
/// let mut orders = bus.stream::<OrderPlaced>();
///
/// bus.emit(OrderPlaced { id: 1 }).await;
/// bus.emit(OrderPlaced { id: 2 }).await;
/// drop(bus);
///
/// let mut ids = Vec::new();
/// while let Some(order) = orders.next().await {
///     ids.push(order?.id);
/// }
/// assert_eq!(ids, [1, 2]);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping the stream takes its listener off"]
pub struct EventStream<T> {
    buffer: Arc<Buffer<T>>,
    subscription: Subscription,
    bus: Option<BusId>,
    ended: CancellationToken,
    /// Wakes the reader when the bus has shut down; made when a reader first waits.
    ending: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// `None` has been given.
    over: bool,
}

impl<T> EventStream<T> {
    /// How many events it holds for its reader; 1,024 unless stated, and at least 1. Of events that it holds already and has no room
    /// for any more, the oldest are missed, unless it waits ([`overflow`](Self::overflow)).
    pub fn capacity(self, events: usize) -> Self {
        self.buffer.set_capacity(events);
        self
    }

    /// What happens to an event for which there is no room; unless stated, [`Overflow::DropOldest`].
    ///
    /// - [`DropOldest`](Overflow::DropOldest), [`DropNewest`](Overflow::DropNewest): an event is missing, and the reader gets
    ///   [`Lagged`] in its place.
    /// - [`Fail`](Overflow::Fail): the stream's listener fails with [`StreamFull::NoRoom`], which the report tells.
    /// - [`Wait`](Overflow::Wait): the listener waits for room, and with it the emission: what awaits that goes at the pace of the
    ///   reader.
    ///
    /// What waits may be a consumer's worker, by [`to_listeners`](crate::ConsumerBuilder::to_listeners): the group's queue then
    /// fills, and `publish` waits. Emissions that wait get room in the order in which they came. An emission's timeout says how
    /// long it may wait, or one of the listener (`bus.listener::<E>().timeout(..).stream()`): one that is stopped takes its
    /// event back, and its report says so. Spawned ones wait in their tasks, which
    /// [`max_spawned`](crate::BusBuilder::max_spawned) bounds. A shutdown waits for them, and for handlers that wait here,
    /// until its deadline: read on while it drains.
    ///
    /// Read such a stream in a task of its own: a task that emits to it and is its only reader waits for itself, as it would with any
    /// bounded channel. Among handlers the bus sees that: an emission inside a handler of this bus does not wait for a stream that
    /// was made, or read the last time, inside one, too. It could be the same handler, or need the same worker. Its listener
    /// then fails with [`StreamFull::WaitsForItself`], and the event is not in the stream.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName, Overflow};
    /// # struct Tick(u64);
    /// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// let mut ticks = bus.stream::<Tick>().capacity(1).overflow(Overflow::Wait);
    /// let clock = tokio::spawn(async move {
    ///     for tick in 0..100 {
    ///         bus.emit(Tick(tick)).await; // at the pace of the reader
    ///     }
    /// });
    ///
    /// let mut next = 0;
    /// while let Some(tick) = ticks.next().await {
    ///     assert_eq!(tick?.0, next);
    ///     next += 1;
    /// }
    /// assert_eq!(next, 100);
    /// clock.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn overflow(self, policy: Overflow) -> Self {
        self.buffer.set_overflow(policy);
        self
    }

    /// The next event; `None` at the end of the stream. It needs no trait in scope, and is what `StreamExt::next` is.
    ///
    /// # Errors
    ///
    /// [`Lagged`] if events are missing before the next one.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, as in a lost `select!`, it loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName, Lagged};
    /// # struct Tick(u64);
    /// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Lagged> {
    /// let bus = Bus::new();
    /// let mut ticks = bus.stream::<Tick>();
    /// bus.emit(Tick(1)).await;
    /// drop(bus);
    ///
    /// while let Some(tick) = ticks.next().await {
    ///     println!("{}", tick?.0);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[expect(clippy::should_implement_trait, reason = "it is the word of streams, too")]
    pub fn next(&mut self) -> Recv<'_, T> {
        Recv(self)
    }

    /// The same as [`next`](Self::next), under the name that channels have for it, beside [`try_recv`](Self::try_recv).
    pub fn recv(&mut self) -> Recv<'_, T> {
        self.next()
    }

    /// The next event if there is one, without waiting. If there is none, [`NoEvent`] tells why: it is a Go program's `select`
    /// with `default`, and its `v, ok := <-ch`, in one.
    ///
    /// # Errors
    ///
    /// [`NoEvent::Empty`] if there is none yet, [`NoEvent::Lagged`] if events are missing before the next one, [`NoEvent::Ended`] if
    /// the stream has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName, NoEvent};
    /// # struct Tick(u64);
    /// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
    /// # fn main() -> Result<(), NoEvent> {
    /// let bus = Bus::new();
    /// let mut ticks = bus.stream::<Tick>();
    /// assert_eq!(ticks.try_recv().err(), Some(NoEvent::Empty));
    ///
    /// bus.emit(Tick(1)).blocking();
    /// assert_eq!(ticks.try_recv()?.0, 1);
    ///
    /// drop(bus);
    /// assert_eq!(ticks.try_recv().err(), Some(NoEvent::Ended));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_recv(&mut self) -> Result<T, NoEvent> {
        match self.find(None) {
            ReadResult::Event(event) => event.map_err(NoEvent::Lagged),
            ReadResult::Empty => Err(NoEvent::Empty),
            ReadResult::Ended => Err(NoEvent::Ended),
        }
    }

    /// Takes the listener off: no event comes in any more, and the stream ends after those that have. Emissions that wait for room
    /// are let in, whatever the capacity.
    pub fn close(&mut self) {
        self.subscription.off();
        // An emission that has begun may still call it.
        self.buffer.close();
    }

    /// Who its listener is, as in [`Bus::listener_infos`](crate::Bus::listener_infos).
    pub fn info(&self) -> &ListenerInfo {
        self.subscription.info()
    }

    /// Looks for an event; `cx` is woken when there is one, or the end.
    fn find(&mut self, cx: Option<&mut Context<'_>>) -> ReadResult<T> {
        if self.over {
            return ReadResult::Ended;
        }
        let inside = is_inside_handler(self.bus);
        let waker = cx.as_ref().map(|cx| cx.waker().clone());
        let mut found = self.buffer.take(waker.as_ref(), inside);
        if matches!(found, ReadResult::Empty) && self.has_ended(cx) {
            self.close();
            // What came in before it was closed is still given.
            found = self.buffer.take(None, inside);
        }
        self.over = matches!(found, ReadResult::Ended);
        found
    }

    /// Whether the bus has shut down; `cx` is woken when it has.
    fn has_ended(&mut self, cx: Option<&mut Context<'_>>) -> bool {
        let Some(cx) = cx else { return self.ended.is_cancelled() };
        let ended = &self.ended;
        let ending = self.ending.get_or_insert_with(|| Box::pin(ended.clone().cancelled_owned()));
        ending.as_mut().poll(cx).is_ready()
    }
}

impl<T> Stream for EventStream<T> {
    type Item = Result<T, Lagged>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.find(Some(cx)) {
            ReadResult::Event(event) => Poll::Ready(Some(event)),
            ReadResult::Empty => Poll::Pending,
            ReadResult::Ended => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.buffer.len(), None)
    }
}

impl<T> FusedStream for EventStream<T> {
    fn is_terminated(&self) -> bool {
        self.over
    }
}

/// Nothing in it is pinned in place.
impl<T> Unpin for EventStream<T> {}

impl<T> Drop for EventStream<T> {
    fn drop(&mut self) {
        self.subscription.off();
        self.buffer.abandon();
    }
}

impl<T> fmt::Debug for EventStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("listener", self.info())
            .field("buffered", &self.buffer.len())
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
