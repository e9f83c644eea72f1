//! Listeners that leave together.

use std::{fmt, panic::Location, sync::Arc};

use super::{Listener, WeakBus, listen::Target};
use crate::{
    event::Event,
    listener::{AsyncListener, SyncListener},
    registry::{Group, Subscription},
};

/// A named group of listeners that leave together; made by [`Bus::scope`](super::Bus::scope).
///
/// It registers as the bus does. Dropping it changes nothing; [`off`](Self::off) ends all its listeners,
/// [`guard`](Self::guard) ties them to a scope of code. It holds its bus weakly: on a bus that is gone, registering gives
/// a subscription that is off.
///
/// # Examples
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct OrderDone;
/// # impl Event for OrderDone { const NAME: EventName = EventName::new("order.done"); }
/// let bus = Bus::new();
/// let billing = bus.scope("billing");
/// billing.on::<OrderDone>(|_| println!("invoice"));
/// billing.on::<OrderDone>(|_| println!("receipt"));
/// assert_eq!(bus.listeners()[0].scope(), Some("billing"));
///
/// assert_eq!(billing.off(), 2);
/// assert_eq!(bus.listener_count::<OrderDone>(), 0);
/// ```
#[derive(Clone)]
pub struct Scope {
    bus: WeakBus,
    name: Arc<str>,
    members: Arc<Group>,
}

impl Scope {
    pub(super) fn new(bus: WeakBus, name: &str) -> Self {
        Self { bus, name: Arc::from(name), members: Arc::default() }
    }

    /// The scope's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Registers a listener, as [`Bus::on`](super::Bus::on) does.
    ///
    /// # Panics
    ///
    /// Panics if another type with `E`'s name and version has been used on this bus.
    #[track_caller]
    pub fn on<E: Event>(&self, listener: impl SyncListener<E>) -> Subscription {
        self.listener::<E>().on(listener)
    }

    /// Registers an async listener, as [`Bus::on_async`](super::Bus::on_async) does.
    ///
    /// # Panics
    ///
    /// As [`on`](Self::on).
    #[track_caller]
    pub fn on_async<E: Event>(&self, listener: impl AsyncListener<E>) -> Subscription {
        self.listener::<E>().on_async(listener)
    }

    /// Registers a listener that may block, as [`Bus::on_blocking`](super::Bus::on_blocking) does.
    ///
    /// # Panics
    ///
    /// As [`on`](Self::on).
    #[cfg(feature = "tokio")]
    #[track_caller]
    pub fn on_blocking<E: Event>(&self, listener: impl SyncListener<E>) -> Subscription {
        self.listener::<E>().on_blocking(listener)
    }

    /// Starts registering a listener with options, as [`Bus::listener`](super::Bus::listener) does.
    #[track_caller]
    pub fn listener<E: Event>(&self) -> Listener<'_, E> {
        Listener::new(self.target(Location::caller()))
    }

    /// Ends all listeners of the scope; how many there were. Further ones may be registered.
    pub fn off(&self) -> usize {
        self.members.off()
    }

    /// How many listeners the scope has.
    pub fn listener_count(&self) -> usize {
        self.members.count()
    }

    /// Makes a guard that ends the scope's listeners when it is dropped.
    pub fn guard(self) -> ScopeGuard {
        ScopeGuard(self)
    }

    pub(super) fn target(&self, location: &'static Location<'static>) -> Target<'_> {
        Target { bus: self.bus.upgrade(), scope: Some(self), location, pattern: None }
    }

    pub(super) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    pub(super) fn add(&self, subscription: Subscription) {
        self.members.add(subscription);
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("name", &self.name)
            .field("listeners", &self.listener_count())
            .finish_non_exhaustive()
    }
}

/// A [`Scope`] that ends its listeners when it is dropped.
#[must_use = "dropping the guard ends the scope's listeners at once; give it a name such as `_guard`"]
#[derive(Debug)]
pub struct ScopeGuard(Scope);

impl std::ops::Deref for ScopeGuard {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.0
    }
}

impl Drop for ScopeGuard {
    fn drop(&mut self) {
        self.0.off();
    }
}
