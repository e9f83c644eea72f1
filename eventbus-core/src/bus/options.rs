//! Registering a listener with options.

use std::{fmt, panic::Location, sync::Arc};

use super::{Bus, Scope};
use crate::{
    dispatch::{EventSlot, Filter, Filtered, Isolated, Plain, Stateful, SyncCall},
    event::Event,
    listener::{ListenerId, ListenerInfo, StateListener, SyncListener},
    registry::{AnySlot, Entry, Slot, Subscription},
};

/// A listener to be registered, with options; made by [`Bus::listener`] and [`Scope::listener`].
///
/// Options come first, the verb last: `bus.listener::<E>().named("invoice").once().on(|e| ..)`.
///
/// # Examples
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct OrderDone { id: u64 }
/// # impl Event for OrderDone { const NAME: EventName = EventName::new("order.done"); }
/// use std::sync::{Arc, Mutex};
///
/// let bus = Bus::new();
/// let paid = Arc::new(Mutex::new(Vec::new()));
/// bus.listener::<OrderDone>()
///     .named("bookkeeping")
///     .priority(10)
///     .filter(|e| e.id > 0)
///     .with(paid.clone())
///     .on(|paid, e| paid.lock().unwrap().push(e.id));
///
/// bus.emit(OrderDone { id: 0 }).blocking();
/// bus.emit(OrderDone { id: 7 }).blocking();
/// assert_eq!(*paid.lock().unwrap(), [7]);
/// ```
#[must_use = "ends with `.on(..)`"]
pub struct Listener<'b, E: Event, S = NoState> {
    target: Target<'b>,
    options: Options<E>,
    state: S,
}

/// The state of a [`Listener`] without state.
#[derive(Debug, Clone, Copy)]
pub struct NoState(());

/// The state of a [`Listener`] that has been given some by [`Listener::with`].
#[derive(Debug, Clone, Copy)]
pub struct With<S>(S);

/// Where a listener goes: a bus that may be gone, perhaps through a scope.
struct Target<'b> {
    bus: Option<Bus>,
    scope: Option<&'b Scope>,
    location: &'static Location<'static>,
}

struct Options<E> {
    name: Option<Arc<str>>,
    priority: i32,
    once: bool,
    filter: Option<Filter<E>>,
}

impl<'b, E: Event> Listener<'b, E> {
    pub(super) fn new(bus: Option<Bus>, scope: Option<&'b Scope>, location: &'static Location<'static>) -> Self {
        Self {
            target: Target { bus, scope, location },
            options: Options { name: None, priority: 0, once: false, filter: None },
            state: NoState(()),
        }
    }

    /// Gives the listener state: the closure then takes it as its first argument, cloned for each call.
    ///
    /// It saves the clone before each `move` closure; most states are an `Arc`.
    pub fn with<S: Clone + Send + Sync + 'static>(self, state: S) -> Listener<'b, E, With<S>> {
        Listener { target: self.target, options: self.options, state: With(state) }
    }

    /// Registers `listener` to run on the emitting thread.
    ///
    /// # Panics
    ///
    /// Panics if another type with `E`'s name and version has been used on this bus.
    #[track_caller]
    pub fn on(self, listener: impl SyncListener<E>) -> Subscription {
        self.target.register(self.options, Plain(Isolated::new(listener)))
    }
}

impl<E: Event, S: Clone + Send + Sync + 'static> Listener<'_, E, With<S>> {
    /// Registers `listener` to run on the emitting thread, with the state as its first argument.
    ///
    /// # Panics
    ///
    /// Panics if another type with `E`'s name and version has been used on this bus.
    #[track_caller]
    pub fn on(self, listener: impl StateListener<S, E>) -> Subscription {
        self.target.register(self.options, Stateful(Isolated::new((self.state.0, listener))))
    }
}

impl<E: Event, S> Listener<'_, E, S> {
    /// Names the listener; the name shows in reports and lists. Names need not be unique.
    pub fn named(mut self, name: &str) -> Self {
        self.options.name = Some(Arc::from(name));
        self
    }

    /// Larger priorities run first; 0 unless stated. Listeners of one priority run in the order of their registration.
    pub fn priority(mut self, priority: i32) -> Self {
        self.options.priority = priority;
        self
    }

    /// Runs once, then is gone; exactly once however many threads emit. An event that a filter refuses does not count.
    pub fn once(mut self) -> Self {
        self.options.once = true;
        self
    }

    /// Runs only for events for which `filter` is true. With several filters, all of them must agree.
    ///
    /// A filter that panics counts as a panic of its listener.
    pub fn filter(mut self, filter: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        self.options.filter = Some(match self.options.filter.take() {
            Some(first) => Box::new(move |event| first(event) && filter(event)),
            None => Box::new(filter),
        });
        self
    }
}

impl<E: Event, S> fmt::Debug for Listener<'_, E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("event", &E::NAME)
            .field("name", &self.options.name)
            .field("priority", &self.options.priority)
            .field("once", &self.options.once)
            .finish_non_exhaustive()
    }
}

impl Target<'_> {
    #[track_caller]
    fn register<E: Event>(self, options: Options<E>, call: impl SyncCall<E> + 'static) -> Subscription {
        let Options { name, priority, once, filter } = options;
        let info = ListenerInfo {
            id: ListenerId::next(),
            name,
            event: E::TYPE,
            priority,
            scope: self.scope.map(Scope::shared_name),
            location: self.location,
        };
        let filtered = filter.is_some();
        let entry: Arc<Entry<dyn SyncCall<E>>> = match filter {
            None => Arc::new(Entry::new(info.clone(), once, filtered, call)),
            Some(filter) => {
                let filter = Isolated::new(filter);
                Arc::new(Entry::new(info.clone(), once, filtered, Filtered { filter, call }))
            }
        };
        let key = entry.key();
        let Some(bus) = self.bus else {
            return Subscription::new(info, std::sync::Weak::<Slot<dyn SyncCall<E>>>::new(), key);
        };
        let slot: Arc<EventSlot<E>> = bus.slot(self.location);
        slot.insert(entry);
        let slot: Arc<dyn AnySlot> = slot;
        let subscription = Subscription::new(info, Arc::downgrade(&slot), key);
        if let Some(scope) = self.scope {
            scope.add(subscription.clone());
        }
        subscription
    }
}
