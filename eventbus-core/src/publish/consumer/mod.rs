//! Consumers: groups of handlers, and how they are wired.

mod control;
mod delivery;
mod error;
mod handler;
mod held;
mod keys;
#[cfg(feature = "rate-limit")]
mod rate;
mod retry;
mod routes;
mod run;
mod scheduler;
mod shared;
mod tasks;

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    panic::Location,
    sync::Arc,
    time::Duration,
};

pub(super) use control::Control;
pub use control::{Consumer, StopReport};
pub use delivery::Delivery;
pub use error::ConsumerError;
pub use handler::{Handler, HandlerFn, NameHandlerFn};
pub use keys::KeyFn;
#[cfg(feature = "rate-limit")]
pub use rate::Rate;
pub use retry::{AttemptError, Retry};
pub use shared::Unfinished;

use super::{Group, Overflow, TransportOrdering, has_codec};
use crate::{
    call::Isolated,
    emission::Bus,
    event::{Event, EventType},
    listener::BoxError,
    pattern::Pattern,
};
use handler::{AnyHandler, Named, Typed};
use keys::Key;
use routes::{Handles, Route, Routes};

/// What happens to an event that no handler of the group handles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Unhandled {
    /// It is passed over, and counted as ignored.
    #[default]
    Ignore,
    /// It is a dead letter at once: "unknown event type".
    Fail,
}

impl Bus {
    /// Starts wiring a consumer: the handlers of a group.
    ///
    /// Each group gets every event that is published; each event goes to one worker of the group, and to the one handler that the
    /// group has for it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated { email: String }
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # async fn smtp(email: &str) -> Result<(), std::io::Error> { Ok(()) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use eventbus_core::Retry;
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
    pub fn consumer(&self, group: &str) -> ConsumerBuilder {
        ConsumerBuilder {
            bus: self.clone(),
            group: Group::new(group),
            handlers: Vec::new(),
            keys: HashMap::new(),
            error: None,
            workers: 1,
            timeout: None,
            retry: Retry::default(),
            #[cfg(feature = "rate-limit")]
            rate: None,
            unhandled: Unhandled::default(),
        }
    }
}

/// Wires a consumer; made by [`Bus::consumer`](crate::Bus::consumer). What is wrong with it, [`start`](Self::start) says.
#[must_use = "handles nothing until `.start().await`"]
pub struct ConsumerBuilder {
    bus: Bus,
    group: Group,
    handlers: Vec<Pending>,
    keys: HashMap<TypeId, (&'static EventType, AnyKey)>,
    /// The first mistake.
    error: Option<ConsumerError>,
    workers: usize,
    timeout: Option<Duration>,
    retry: Retry,
    #[cfg(feature = "rate-limit")]
    rate: Option<Rate>,
    unhandled: Unhandled,
}

/// A handler that is not built yet: the key of its event may still be given.
struct Pending {
    what: Handles,
    location: &'static Location<'static>,
    build: Build,
}

/// A [`Key`], its event's type forgotten.
type AnyKey = Box<dyn Any + Send + Sync>;

type Build = Box<dyn FnOnce(Option<AnyKey>) -> Box<dyn AnyHandler> + Send>;

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

    /// Handles deliveries of `E` with a value; see [`Handler`].
    #[track_caller]
    pub fn handler<E: Event>(self, handler: Arc<dyn Handler<E>>) -> Self {
        let call = move |event, delivery| {
            let handler = Arc::clone(&handler);
            async move { handler.handle(event, delivery).await }
        };
        self.typed::<E, _>(call, Location::caller())
    }

    /// Hands deliveries of `E` to the listeners of this bus: it is emitted, and handled when its report is all well.
    ///
    /// When it is tried again, all listeners are called again, those that did well, too.
    #[track_caller]
    pub fn to_listeners<E: Event>(self) -> Self {
        let call = |event: Arc<E>, delivery: Delivery| async move {
            match delivery.bus() {
                Some(bus) => bus.emit(event).await.into_result().map(drop).map_err(BoxError::from),
                None => Err("the bus is gone".into()),
            }
        };
        self.typed::<E, _>(call, Location::caller())
    }

    /// Handles deliveries by the name of their event; see [`Pattern`] for what a pattern may be.
    ///
    /// An event may match one handler of the group only: a pattern that matches what another handler handles is an error.
    #[track_caller]
    pub fn handle_name(mut self, pattern: &str, handler: impl NameHandlerFn) -> Self {
        let location = Location::caller();
        match Pattern::new(pattern) {
            Ok(pattern) => {
                let code = Isolated::new(handler);
                let build = Box::new(|_| -> Box<dyn AnyHandler> { Box::new(Named(code)) });
                self.handlers.push(Pending { what: Handles::Pattern(pattern), location, build });
            }
            Err(error) => {
                self.mistake(error.into());
                drop(Isolated::new(handler));
            }
        }
        self
    }

    /// Keeps the order of deliveries of `E` that have the same key: they are handled one after the other, in the order of
    /// publishing, by whichever worker. A delivery that waits for its next attempt holds up its own key only.
    ///
    /// Without it, the [`key`](super::Publish::key) that the event was published with counts.
    ///
    /// That the group handles `E` by its type, and that the transport keeps order, is checked by [`start`](Self::start).
    ///
    /// A consumer holds at most about a thousand deliveries that are behind others of their key, or wait for their next attempt;
    /// while it holds so many, it reads no more.
    pub fn key<E: Event>(mut self, key: impl KeyFn<E>) -> Self {
        let key: Key<E> = keys::key_of(key);
        self.keys.insert(TypeId::of::<E>(), (E::TYPE, Box::new(key)));
        self
    }

    /// How many deliveries are handled side by side; 1 unless stated, and at least 1.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
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

    /// How many attempts begin in a time; as many as there are unless stated.
    #[cfg(feature = "rate-limit")]
    pub fn rate_limit(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// What happens to an event that finds the group's queue full; the transport's own policy unless stated.
    pub fn overflow(mut self, policy: Overflow) -> Self {
        self.group.overflow = Some(policy);
        self
    }

    /// How many events the group's queue holds; the transport's own bound unless stated.
    pub fn capacity(mut self, events: usize) -> Self {
        self.group.capacity = Some(events);
        self
    }

    /// What happens to events for which the group has no handler; they are ignored unless stated.
    pub fn unknown(mut self, policy: Unhandled) -> Self {
        self.unhandled = policy;
        self
    }

    fn typed<E: Event, F: HandlerFn<E>>(mut self, code: F, location: &'static Location<'static>) -> Self {
        if let Err(error) = self.bus.declare_at::<E>(location) {
            self.mistake(error.into());
        }
        let code = Isolated::new(code);
        let build = Box::new(|key: Option<AnyKey>| -> Box<dyn AnyHandler> {
            let key = key.and_then(|key| key.downcast::<Key<E>>().ok()).map(|key| *key);
            Box::new(Typed::<E, F>::new(code, key))
        });
        self.handlers.push(Pending { what: Handles::Type(E::TYPE), location, build });
        self
    }

    fn mistake(&mut self, error: ConsumerError) {
        self.error.get_or_insert(error);
    }

    /// Builds the table of handlers, which finds those that overlap.
    fn routes(&mut self) -> Result<Routes, ConsumerError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let mut routes = Routes::default();
        for Pending { what, location, build } in self.handlers.drain(..) {
            let handler = match &what {
                Handles::Type(event) => build(self.keys.remove(&event.id()).map(|(_, key)| key)),
                Handles::Pattern(_) => build(None),
            };
            if let Err((first, second)) = routes.add(Route { handler, what, location }) {
                return Err(ConsumerError::HandlerTaken {
                    group: Arc::clone(&self.group.name),
                    first: first.what.to_string(),
                    first_location: first.location,
                    second: second.what.to_string(),
                    second_location: second.location,
                });
            }
        }
        if routes.all.is_empty() {
            return Err(ConsumerError::NoHandlers { group: Arc::clone(&self.group.name) });
        }
        // What is left has found no handler. Of several the same one is told each time.
        let left = self.keys.values().map(|(event, _)| *event);
        if let Some(event) = left.min_by_key(|event| (event.name().as_str(), event.version())) {
            return Err(ConsumerError::KeyWithoutHandler { group: Arc::clone(&self.group.name), event });
        }
        Ok(routes)
    }

    /// Checks the wiring, opens the group, and begins to handle deliveries, on the runtime that this code runs in.
    ///
    /// # Errors
    ///
    /// [`ConsumerError`]; nothing has been started then.
    ///
    /// The runtime needs its timer (`enable_time`): without it the first retry, time-out or rate ends the consumer's tasks.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, nothing has been started. The group may have been made, and then keeps events.
    pub async fn start(mut self) -> Result<Consumer, ConsumerError> {
        let has_keys = !self.keys.is_empty();
        let routes = self.routes()?;
        let bus = self.bus.clone();
        let publishing = bus.publishing();
        if has_keys && publishing.transport.capabilities().ordering == TransportOrdering::None {
            return Err(ConsumerError::NoOrder { group: Arc::clone(&self.group.name) });
        }
        self.check_codecs(publishing.needs_codec(), &routes)?;
        Control::start(self, routes, publishing).await.map(Consumer::new)
    }

    fn check_codecs(&self, needed: bool, routes: &Routes) -> Result<(), ConsumerError> {
        match routes.types().find(|event| needed && !has_codec(event)) {
            Some(event) => Err(ConsumerError::NoCodec { group: Arc::clone(&self.group.name), event }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ConsumerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handlers: Vec<_> = self.handlers.iter().map(|handler| handler.what.to_string()).collect();
        f.debug_struct("ConsumerBuilder")
            .field("group", &self.group)
            .field("handlers", &handlers)
            .field("workers", &self.workers)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
