//! The methods that make streams.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{
    EventStream, Next,
    buffer::Buffer,
    listen::{LagWarning, Writer, is_inside_handler},
};
use crate::{
    bus::{ByPattern, Kind, Listener, Scope, Topic},
    call::AnyEvent,
    call::BusId,
    emission::Bus,
    event::Event,
    pattern::PatternError,
    registry::Subscription,
};

impl Bus {
    /// The events of `E` as a stream, from now on: what is emitted on this bus, also by consumers
    /// ([`to_listeners`](crate::ConsumerBuilder::to_listeners)). What is published and goes to handlers only is not among it.
    ///
    /// See [`EventStream`] for what it does when it is full, and when it ends. Its listener is an async one, called `stream`: a
    /// name of its own and other options (a filter, a scope) come with
    /// [`bus.listener::<E>().named(..).stream()`](crate::Listener::stream).
    ///
    /// An emission that refuses async listeners, as `blocking()` inside an async task does, does not reach streams; its report says so.
    ///
    /// # Panics
    ///
    /// As [`on`](Self::on).
    ///
    /// # Examples
    ///
    /// A stream with the tools of `futures-util`, and the end after the drain:
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct OrderPlaced { id: u64 }
    /// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use futures_util::TryStreamExt;
    ///
    /// let bus = Bus::new();
    /// let orders = bus.stream::<OrderPlaced>();
    /// bus.consumer("intake").to_listeners::<OrderPlaced>().start().await?;
    ///
    /// for id in 1..=3 {
    ///     bus.publish(OrderPlaced { id }).await?;
    /// }
    /// bus.shutdown(Duration::from_secs(5)).await;
    ///
    /// let ids: Vec<_> = orders.map_ok(|order| order.id).try_collect().await?;
    /// assert_eq!(ids, [1, 2, 3]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn stream<E: Event>(&self) -> EventStream<Arc<E>> {
        self.listener::<E>().named("stream").stream()
    }

    /// All events whose names match `pattern` as a stream, from now on: `*` stands for one segment, `**` for any number.
    ///
    /// As [`stream`](Self::stream) otherwise, and [`on_pattern`](Self::on_pattern).
    ///
    /// # Errors
    ///
    /// [`PatternError`] if the pattern is malformed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct OrderPlaced;
    /// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// let mut orders = bus.stream_pattern("order.*")?;
    /// bus.emit(OrderPlaced).blocking();
    /// assert_eq!(orders.try_recv()?.name(), "order.placed");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn stream_pattern(&self, pattern: &str) -> Result<EventStream<AnyEvent<'static>>, PatternError> {
        Ok(self.listener_pattern(pattern)?.named("stream").stream())
    }

    /// The next `E` that is emitted; `None` if the bus shuts down or goes away before.
    ///
    /// It listens from this call on, not from its first poll: what is emitted in between is not missed. Its listener is called
    /// `next`, and runs once; dropping the future takes it off.
    ///
    /// # Panics
    ///
    /// As [`on`](Self::on).
    ///
    /// # Cancel safety
    ///
    /// An event that has come in stays in the future until that gives it out. So in a loop of `select!`, make it before the loop,
    /// and poll it by reference. What is emitted between one `next` and another is missed: to miss nothing, use a
    /// [`stream`](Self::stream).
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct Answered { text: String }
    /// # impl Event for Answered { const NAME: EventName = EventName::new("answered"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// let answer = bus.next::<Answered>(); // before what causes it
    /// bus.emit(Answered { text: "yes".into() }).await;
    /// let answer = answer.await.ok_or("the bus has ended")?;
    /// assert_eq!(answer.text, "yes");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn next<E: Event>(&self) -> Next<E> {
        Next::new(self.listener::<E>().named("next").once().stream())
    }
}

impl Scope {
    /// The events of `E` as a stream, as [`Bus::stream`]; it ends with the scope.
    ///
    /// Through a scope that is closed, or whose bus is gone, it has ended.
    ///
    /// # Panics
    ///
    /// As [`on`](Self::on).
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName, Lagged};
    /// # struct Moved(i32);
    /// # impl Event for Moved { const NAME: EventName = EventName::new("moved"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Lagged> {
    /// let bus = Bus::new();
    /// let window = bus.scope("window");
    /// let mut moves = window.stream::<Moved>();
    /// bus.emit(Moved(7)).await;
    /// window.close();
    ///
    /// while let Some(moved) = moves.next().await {
    ///     println!("to {}", moved?.0);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn stream<E: Event>(&self) -> EventStream<Arc<E>> {
        self.listener::<E>().named("stream").stream()
    }

    /// All events whose names match `pattern` as a stream, as [`Bus::stream_pattern`]; it ends with the scope.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if the pattern is malformed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName};
    /// # struct OrderPlaced;
    /// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus::BoxError> {
    /// use eventbus::Bus;
    ///
    /// let bus = Bus::new();
    /// let page = bus.scope("orders page");
    /// let mut orders = page.stream_pattern("order.*")?;
    /// bus.emit(OrderPlaced).await;
    /// page.close();
    ///
    /// while let Some(order) = orders.recv().await {
    ///     println!("{}", order?.name());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn stream_pattern(&self, pattern: &str) -> Result<EventStream<AnyEvent<'static>>, PatternError> {
        Ok(self.listener_pattern(pattern)?.named("stream").stream())
    }

    /// The next `E` that is emitted, as [`Bus::next`]; `None` if the scope ends before.
    ///
    /// # Panics
    ///
    /// As [`on`](Self::on).
    ///
    /// # Cancel safety
    ///
    /// As [`Bus::next`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName};
    /// # struct Confirmed;
    /// # impl Event for Confirmed { const NAME: EventName = EventName::new("confirmed"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus::BoxError> {
    /// use eventbus::Bus;
    ///
    /// let bus = Bus::new();
    /// let dialog = bus.scope("dialog");
    /// let confirmed = dialog.next::<Confirmed>();
    /// dialog.close(); // nobody has confirmed
    /// assert!(confirmed.await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn next<E: Event>(&self) -> Next<E> {
        Next::new(self.listener::<E>().named("next").once().stream())
    }
}

impl<E: Event, K: Kind> Listener<'_, E, K> {
    /// Registers a listener that puts the events into a stream; see [`Bus::stream`].
    ///
    /// # Panics
    ///
    /// Panics if another type with `E`'s name and version has been used on this bus.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct OrderPlaced { cents: u64 }
    /// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// let mut large = bus.listener::<OrderPlaced>().named("large orders").filter(|e| e.cents > 10_000).stream();
    /// bus.emit(OrderPlaced { cents: 99 }).blocking();
    /// bus.emit(OrderPlaced { cents: 12_000 }).blocking();
    /// assert_eq!(large.try_recv()?.cents, 12_000);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn stream(self) -> EventStream<Arc<E>> {
        let opening = Opening::new(&self);
        let writer = opening.writer();
        opening.stream(self.on_async(move |event| writer.write(event)))
    }
}

impl<K: Kind> Listener<'_, ByPattern, K> {
    /// Registers a listener that puts the events into a stream; see [`Bus::stream_pattern`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName};
    /// # struct OrderPlaced;
    /// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
    /// # fn main() -> Result<(), eventbus::BoxError> {
    /// use eventbus::Bus;
    ///
    /// let bus = Bus::new();
    /// let mut orders = bus.listener_pattern("order.*")?.named("orders page").stream();
    /// bus.emit(OrderPlaced).blocking();
    /// assert_eq!(orders.try_recv()?.name(), "order.placed");
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(self) -> EventStream<AnyEvent<'static>> {
        let opening = Opening::new(&self);
        let writer = opening.writer();
        opening.stream(self.on_async(move |event| writer.write(event)))
    }
}

/// A stream whose listener is still to be registered.
struct Opening<T> {
    buffer: Arc<Buffer<T>>,
    bus: Option<BusId>,
    ended: CancellationToken,
    lag: Arc<LagWarning>,
}

impl<T> Opening<T> {
    fn new<L: Topic, K>(listener: &Listener<'_, L, K>) -> Self {
        let bus = listener.bus();
        // Of a bus that is gone there is no end to wait for: the listener is dropped at once, and that is the end.
        let ended = bus.map_or_else(CancellationToken::new, |bus| bus.publishing().ended.clone());
        let lag = Arc::new(LagWarning::of(bus.map(|bus| &bus.state.warnings)));
        let bus = bus.map(Bus::id);
        Self { buffer: Arc::new(Buffer::new(is_inside_handler(bus))), bus, ended, lag }
    }

    fn writer(&self) -> Arc<Writer<T>> {
        let (buffer, lag) = (Arc::clone(&self.buffer), Arc::clone(&self.lag));
        Arc::new(Writer { buffer, bus: self.bus, ended: self.ended.clone(), lag })
    }

    fn stream(self, subscription: Subscription) -> EventStream<T> {
        let Self { buffer, bus, ended, lag } = self;
        lag.set_listener(subscription.info());
        EventStream { buffer, subscription, bus, ended, ending: None, over: false }
    }
}
