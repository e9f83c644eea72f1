//! Registering a listener with options.

mod code;
mod kind;
mod options;
mod pattern_verbs;
mod register;
mod topic;
mod verbs;

use std::{fmt, sync::Arc, time::Duration};

pub use kind::{AnyKind, Blocks, Inline, Kind, NoContext, NoState, Spawned, Timed, With, WithContext};
use options::ListenOptions;
pub(super) use register::ListenTarget;
pub use topic::{ByPattern, Topic};

use crate::{
    call::{AnyEvent, Isolated},
    emission::Bus,
    event::Event,
};

/// A listener to be registered, with options; made by `listener` and `listener_pattern` of [`Bus`](crate::Bus) and
/// [`Scope`](crate::Scope).
///
/// Options come first, the verb last: `bus.listener::<E>().named("invoice").once().on(|e| ..)`. Options that mean nothing
/// for a verb do not compile with it.
///
/// | | `on` | `on_async` | `on_blocking` |
/// |---|---|---|---|
/// | runs | on the emitting thread | inside the emitting task | on a thread that may block |
/// | takes | `&E` | `Arc<E>` | `&E` |
/// | by pattern takes | `&AnyEvent` | `AnyEvent` | `&AnyEvent` |
/// | [`with`](Self::with)`(state)` | `state` first | `state` first | `state` first |
/// | [`with_context`](Self::with_context)`()` | `&Context` last | `Context` last | `&Context` last |
/// | `timeout` | | stops it | leaves it behind |
/// | `spawned` | | in a task of its own | |
///
/// `stream()` is a verb, too: it gives the events as a stream.
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
#[must_use = "ends with `.on(..)`, `.on_async(..)` or `.on_blocking(..)`"]
pub struct Listener<'b, T: Topic, K = AnyKind, S = NoState, C = NoContext> {
    target: ListenTarget<'b>,
    options: ListenOptions,
    state: S,
    kind: std::marker::PhantomData<(T, K, C)>,
}

impl<'b, T: Topic> Listener<'b, T> {
    pub(super) fn new(target: ListenTarget<'b>) -> Self {
        Self { target, options: ListenOptions::default(), state: NoState(()), kind: std::marker::PhantomData }
    }
}

impl<'b, T: Topic, K, S, C> Listener<'b, T, K, S, C> {
    /// Names the listener; the name shows in reports and lists. Names need not be unique.
    pub fn named(mut self, name: &str) -> Self {
        self.options.name = Some(Arc::from(name));
        self
    }

    /// Larger priorities run first; 0 unless stated. Listeners of one priority run in the order of their registration.
    ///
    /// Synchronous listeners run before all others, whatever their priorities; among the others it is the order in which
    /// they are started.
    pub fn priority(mut self, priority: i32) -> Self {
        self.options.priority = priority;
        self
    }

    /// Runs once, then is gone; exactly once however many threads emit. An event that a filter refuses does not count.
    pub fn once(mut self) -> Self {
        self.options.once = true;
        self
    }

    /// Stops the listener when it has taken `time`, and reports it as timed out.
    ///
    /// A blocking listener cannot be stopped: it is left behind, and reported as still running. Its context tells it when the
    /// emission is cancelled, but not that this limit has passed. Where the emission is awaited, this needs a runtime with a
    /// timer; without one the listener is reported as not run.
    pub fn timeout(mut self, time: Duration) -> Listener<'b, T, K::Timed, S, C>
    where
        K: Kind,
    {
        self.options.timeout = Some(self.options.timeout.map_or(time, |shorter| shorter.min(time)));
        self.change()
    }

    /// Runs the listener in a task of its own: in parallel to others, on any thread of the runtime, and to its end even if
    /// the emission is stopped.
    ///
    /// Only for `on_async`. The emission still waits for it. Task-locals and the current span of the emitting task are not
    /// seen by it.
    pub fn spawned(mut self) -> Listener<'b, T, Spawned, S, C>
    where
        K: Kind,
    {
        self.options.spawned = true;
        self.change()
    }

    /// The bus that it will listen on, if that is still there.
    pub(crate) fn bus(&self) -> Option<&Bus> {
        self.target.bus.as_ref()
    }

    fn change<L, D>(self) -> Listener<'b, T, L, S, D> {
        Listener { target: self.target, options: self.options, state: self.state, kind: std::marker::PhantomData }
    }
}

impl<E: Event, K, S, C> Listener<'_, E, K, S, C> {
    /// Runs only for events for which `filter` is true. With several filters, all of them must agree.
    ///
    /// A filter runs on the emitting thread. One that panics counts as a panic of its listener.
    pub fn filter(mut self, filter: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        self.options.add_filter(Box::new(move |event| event.downcast_ref().is_some_and(&filter)));
        self
    }
}

impl<K, S, C> Listener<'_, ByPattern, K, S, C> {
    /// Runs only for events for which `filter` is true. With several filters, all of them must agree.
    ///
    /// A filter runs on the emitting thread. One that panics counts as a panic of its listener.
    pub fn filter(mut self, filter: impl Fn(&AnyEvent<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.options.add_filter(Box::new(filter));
        self
    }
}

impl<'b, T: Topic, K, C> Listener<'b, T, K, NoState, C> {
    /// Gives the listener state: the closure then takes it as its first argument, cloned for each call.
    ///
    /// So you need not clone the state before each `move` closure, and again before `async move`. Most states are an `Arc`.
    pub fn with<S: Clone + Send + Sync + 'static>(self, state: S) -> Listener<'b, T, K, With<S>, C> {
        let Self { target, options, kind, .. } = self;
        Listener { target, options, state: With(Isolated::new(state)), kind }
    }
}

impl<'b, T: Topic, K, S> Listener<'b, T, K, S, NoContext> {
    /// Gives the listener the [`Context`](crate::Context) of the emission as its last argument.
    pub fn with_context(self) -> Listener<'b, T, K, S, WithContext> {
        self.change()
    }
}

impl<T: Topic, K, S, C> fmt::Debug for Listener<'_, T, K, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("event", &T::NAME)
            .field("pattern", &self.target.pattern)
            .field("name", &self.options.name)
            .field("priority", &self.options.priority)
            .field("once", &self.options.once)
            .finish_non_exhaustive()
    }
}
