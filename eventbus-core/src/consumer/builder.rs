//! How a consumer is wired.

use std::{any::TypeId, collections::HashMap, fmt, panic::Location, sync::Arc, time::Duration};

#[cfg(feature = "rate-limit")]
use super::Rate;
use super::{
    BatchHandlerFn, ConsumerError, Delivery, FailedAttempt, Handler, HandlerFn, KeyFn, PatternHandlerFn, Retry,
    handler::{WiredHandler, of_value},
    keys::{self, MessageKey},
    routes::Unhandled,
    state::AttemptHook,
};
use crate::{
    call::Isolated,
    emission::Bus,
    event::{Event, EventType},
    listener::BoxError,
    transport::{GroupSpec, Overflow, Start},
};

impl Bus {
    /// Starts wiring a consumer: the handlers of a group.
    ///
    /// Each group gets the events that it has handlers for; each event goes to one worker of the group, and to the one handler
    /// that the group has for it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated { email: String }
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # async fn smtp(email: &str) -> Result<(), std::io::Error> { Ok(()) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use eventbus::Retry;
    ///
    /// let bus = Bus::new();
    /// let mailer = bus
    ///     .consumer("mailer")
    ///     .handle::<UserCreated>(|e, _| async move { smtp(&e.email).await })
    ///     .workers(8)
    ///     .timeout(Duration::from_secs(10))
    ///     .retry(Retry::exponential(Duration::from_millis(100)).max_attempts(5))
    ///     .start()
    ///     .await?;
    ///
    /// bus.publish(UserCreated { email: "ada@example.org".into() }).await?;
    ///
    /// let report = bus.shutdown(Duration::from_secs(5)).await;
    /// assert_eq!(report.stats().deliveries().handled, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn consumer(&self, group: &str) -> ConsumerBuilder {
        ConsumerBuilder {
            bus: self.clone(),
            state: NoHandlerState(()),
            location: Location::caller(),
            group: GroupSpec::new(group),
            handlers: Vec::new(),
            keys: HashMap::new(),
            is_ordered_within_process: false,
            error: None,
            timeout: None,
            retry: Retry::default(),
            #[cfg(feature = "rate-limit")]
            rate: None,
            unhandled: Unhandled::default(),
            on_attempt_failed: None,
        }
    }
}

/// The handlers that are given next get no state.
#[derive(Debug)]
pub struct NoHandlerState(pub(super) ());

/// The handlers that are given next get a clone of this state first.
#[derive(Debug)]
pub struct WithState<S>(pub(super) Isolated<S>);

/// Wires a consumer; made by [`Bus::consumer`](crate::Bus::consumer). What is wrong with it, [`start`](Self::start) returns.
#[must_use = "handles nothing until `.start().await`"]
pub struct ConsumerBuilder<S = NoHandlerState> {
    pub(super) bus: Bus,
    pub(super) state: S,
    pub(super) location: &'static Location<'static>,
    pub(super) group: GroupSpec,
    pub(super) handlers: Vec<WiredHandler>,
    pub(super) keys: HashMap<TypeId, (&'static EventType, MessageKey)>,
    pub(super) is_ordered_within_process: bool,
    /// The first mistake.
    pub(super) error: Option<ConsumerError>,
    pub(super) timeout: Option<Duration>,
    pub(super) retry: Retry,
    #[cfg(feature = "rate-limit")]
    pub(super) rate: Option<Rate>,
    pub(super) unhandled: Unhandled,
    pub(super) on_attempt_failed: Option<AttemptHook>,
}

impl ConsumerBuilder {
    /// Handles deliveries of `E` with a closure.
    ///
    /// It gets the event and the [`Delivery`], and returns a future that ends with `()` or a `Result`. An error, a panic or a
    /// time-out fails the attempt; [`retry`](Self::retry) says what comes then. A group has one handler for an event: for
    /// a second one, use a second group.
    #[track_caller]
    pub fn handle<E: Event>(self, handler: impl HandlerFn<E>) -> Self {
        self.typed::<E, _>(handler, Location::caller())
    }

    /// Handles deliveries by the name of their event; see [`Pattern`](crate::Pattern) for what a pattern may be.
    ///
    /// An event may match one handler of the group only: a pattern that matches what another handler handles is an error.
    #[track_caller]
    pub fn handle_pattern(self, pattern: &str, handler: impl PatternHandlerFn) -> Self {
        self.named(pattern, handler, Location::caller())
    }

    /// Handles everything that no other handler of the group handles. The group is given every event then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::Bus;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// let audit = bus.consumer("audit").handle_rest(|e, delivery| async move { println!("{} {}", delivery.id(), e.name()) });
    /// audit.start().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn handle_rest(self, handler: impl PatternHandlerFn) -> Self {
        self.rest(handler, Location::caller())
    }
}

impl<S> ConsumerBuilder<S> {
    /// Handles deliveries of `E` with a value; see [`Handler`].
    #[track_caller]
    pub fn handle_with<E: Event>(self, handler: Arc<dyn Handler<E>>) -> Self {
        self.typed::<E, _>(of_value(handler), Location::caller())
    }

    /// Hands deliveries of `E` to the listeners of this bus: it is emitted, and handled when its report is all well.
    ///
    /// When it is tried again, all listeners are called again, those that did well, too.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName};
    /// # struct UserCreated { email: String }
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus::BoxError> {
    /// use std::time::Duration;
    /// use eventbus::Bus;
    ///
    /// let bus = Bus::new();
    /// bus.on::<UserCreated>(|e| println!("welcome, {}", e.email));
    /// bus.consumer("listeners").to_listeners::<UserCreated>().start().await?;
    ///
    /// bus.publish(UserCreated { email: "ada@example.org".into() }).await?; // from this or another process
    /// bus.drained(Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn to_listeners<E: Event>(self) -> Self {
        let call = |event: Arc<E>, delivery: Delivery| async move {
            match delivery.bus() {
                Some(bus) => bus.emit(event).await.into_result().map(drop).map_err(BoxError::from),
                None => Err("the bus is gone".into()),
            }
        };
        let mut builder = self.typed::<E, _>(call, Location::caller());
        if let Some(wired) = builder.handlers.last_mut() {
            wired.route.to_listeners = true;
        }
        builder
    }

    /// Handles deliveries of `E` in batches: up to `max` at once, which wait for `wait` at the longest for more to come.
    ///
    /// The closure gets a [`Batch`](super::Batch), a slice of `Arc<E>`, and returns a future that ends with `()`, with a
    /// `Result` for the whole batch, or with a `Vec` of results, one for each event in order: those that failed are tried
    /// again, each by itself or with others. A panic or a time-out fails them all. A worker handles one batch at a time.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct PageViewed { url: String }
    /// # impl Event for PageViewed { const NAME: EventName = EventName::new("page.viewed"); }
    /// # async fn insert(rows: Vec<String>) -> Result<(), std::io::Error> { Ok(()) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let bus = Bus::new();
    /// let rows = bus.consumer("rows").handle_batch::<PageViewed>(500, Duration::from_millis(100), |views| async move {
    ///     insert(views.iter().map(|view| view.url.clone()).collect()).await
    /// });
    /// rows.start().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn handle_batch<E: Event>(self, max: usize, wait: Duration, handler: impl BatchHandlerFn<E>) -> Self {
        self.batched::<E, _>(handler, (max.max(1), wait), Location::caller())
    }

    /// Keeps the order of deliveries of `E` that have the same key: they are handled one after the other, in the order of
    /// publishing, by whichever worker. A delivery that waits for its next attempt holds up its own key only.
    ///
    /// Without it, the [`key`](crate::Publish::key) that the event was published with counts.
    ///
    /// That the group handles `E` by its type, and that the transport keeps order over all processes of the group, is checked
    /// by [`start`](Self::start); for order within one process see [`order_within_process`](Self::order_within_process).
    ///
    /// A consumer holds at most about 16,000 deliveries that are behind others of their key, or wait for their next attempt;
    /// while it holds so many, it reads no more.
    pub fn key<E: Event>(mut self, key: impl KeyFn<E>) -> Self {
        self.keys.insert(TypeId::of::<E>(), (E::TYPE, keys::key_of(key)));
        self
    }

    /// Is content with the order of keys among the workers of this process: several processes of the group may mix the
    /// deliveries of a key.
    pub fn order_within_process(mut self) -> Self {
        self.is_ordered_within_process = true;
        self
    }

    /// How many deliveries are handled side by side; 1 unless stated, and at least 1. More than
    /// [`MAX_WORKERS`](Self::MAX_WORKERS) are an error of [`start`](Self::start).
    pub fn workers(mut self, workers: usize) -> Self {
        self.group.workers = workers.max(1);
        self
    }

    /// How long an attempt may take; for ever unless stated. Its handler is then stopped, at its next await.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// When deliveries that failed are tried again; see [`Retry`]. Unless stated, five attempts, with delays that grow from about
    /// 100 ms.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// How many attempts may begin in a given time; without limit unless stated.
    #[cfg(feature = "rate-limit")]
    pub fn rate_limit(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// ```compile_fail,E0277
    /// let consumer = eventbus_core::Bus::new().consumer("mailer").rate_limit(50);
    /// ```
    #[cfg(not(feature = "rate-limit"))]
    #[doc(hidden)]
    pub fn rate_limit<R: crate::event::FeatureRateLimit>(self, _: R) -> Self {
        self
    }

    /// What happens to an event that finds the group's queue full; the transport's own policy unless stated.
    pub fn overflow(mut self, policy: Overflow) -> Self {
        self.group.overflow = Some(policy);
        self
    }

    /// How many events the group's queue holds; the transport's own bound unless stated.
    pub fn capacity(mut self, events: usize) -> Self {
        self.group.max_events = Some(events);
        self
    }

    /// How many bytes the group's queue holds; without bound unless stated. Events that a transport carries as they are count
    /// with the size of their struct; see [`Message::counted_bytes`](crate::Message::counted_bytes).
    pub fn capacity_bytes(mut self, bytes: usize) -> Self {
        self.group.max_bytes = Some(bytes);
        self
    }

    /// How many events published with one [`key`](crate::Publish::key) the group's queue holds: a key that floods waits for
    /// itself, and leaves room for others. Without bound unless stated.
    pub fn max_per_key(mut self, events: usize) -> Self {
        self.group.max_per_key = Some(events.max(1));
        self
    }

    /// Where the group begins to read, if it is new.
    pub fn start_at(mut self, start: Start) -> Self {
        self.group.start = start;
        self
    }

    /// What happens to events for which the group has no handler; it is not given them unless stated.
    pub fn unknown(mut self, policy: Unhandled) -> Self {
        self.unhandled = policy;
        self
    }

    /// Calls a hook for each attempt that fails; besides the bus's
    /// [failure hook](crate::BusBuilder::on_failure), and instead of a line on stderr. It runs on the worker, which waits for it.
    pub fn on_attempt_failed(mut self, hook: impl Fn(&FailedAttempt) + Send + Sync + 'static) -> Self {
        self.on_attempt_failed = Some(Isolated::new(Box::new(hook)));
        self
    }
}

impl<S> fmt::Debug for ConsumerBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handlers: Vec<_> = self.handlers.iter().map(|handler| handler.route.what.to_string()).collect();
        f.debug_struct("ConsumerBuilder")
            .field("group", &self.group)
            .field("handlers", &handlers)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
