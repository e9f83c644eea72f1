//! What registering gives back.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use super::{bus_id::BusId, departure::Departure, entry::key, group::Group, types::Home};
use crate::listener::ListenerInfo;

/// A listener's place on a bus, or a module's, given back by everything that registers one.
///
/// Dropping it changes nothing: the listener stays for the life of the bus. [`off`](Self::off) ends it,
/// [`guard`](Self::guard) ties it to a scope of code. A subscription holds its bus weakly, so it can be kept anywhere.
///
/// That of a module ([`Bus::register`](crate::Bus::register)) stands for all listeners of the module: `off` ends them all.
///
/// # Examples
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct UserCreated;
/// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
/// let bus = Bus::new();
/// let welcome = bus.on::<UserCreated>(|_| println!("welcome"));
/// assert!(welcome.is_on());
///
/// assert!(welcome.off());
/// assert!(!welcome.off()); // it was off already
/// assert_eq!(bus.listener_count::<UserCreated>(), 0);
/// ```
#[derive(Clone)]
pub struct Subscription {
    bus: Option<BusId>,
    info: ListenerInfo,
    home: Weak<dyn Home>,
    leaving: Leaving,
}

/// Whose departure is waited for.
#[derive(Clone)]
enum Leaving {
    Listener(Arc<Departure>),
    Module(Arc<Group>),
}

impl Subscription {
    pub(crate) fn new(bus: Option<BusId>, info: ListenerInfo, home: Weak<dyn Home>, departure: Arc<Departure>) -> Self {
        Self { bus, info, home, leaving: Leaving::Listener(departure) }
    }

    /// The subscription of a module, whose listeners are in `group`.
    pub(crate) fn of_module(bus: BusId, info: ListenerInfo, home: Weak<dyn Home>, group: Arc<Group>) -> Self {
        Self { bus: Some(bus), info, home, leaving: Leaving::Module(group) }
    }

    /// Ends the listener; `false` if it had ended already (off, cleared, spent, or its bus is gone).
    ///
    /// No call of it begins after this, except one that another thread is just beginning. Its closure is dropped here, or
    /// by the last emission that still holds it.
    ///
    /// **Re-entrancy:** may be called inside any listener, also inside the one it ends.
    pub fn off(&self) -> bool {
        self.home.upgrade().is_some_and(|home| home.remove(key(&self.info)))
    }

    /// Whether the listener is still registered.
    ///
    /// A module is, until it is ended, or has been dropped with the last of its listeners.
    pub fn is_on(&self) -> bool {
        self.home.upgrade().is_some_and(|home| home.contains(key(&self.info)))
    }

    /// Who the listener is. Of a module it has the name, the scope it was registered through, and the place.
    pub fn info(&self) -> &ListenerInfo {
        &self.info
    }

    /// The bus, if there was one to register on.
    pub(crate) fn bus(&self) -> Option<BusId> {
        self.bus
    }

    /// What tells that the listener is gone for good; a module has many.
    pub(super) fn departure(&self) -> Option<Arc<Departure>> {
        match &self.leaving {
            Leaving::Listener(departure) => Some(Arc::clone(departure)),
            Leaving::Module(_) => None,
        }
    }

    /// Whether the listener is gone for good.
    pub(super) fn is_gone(&self) -> bool {
        matches!(&self.leaving, Leaving::Listener(departure) if departure.is_gone())
    }

    /// Waits until the listener, or each one of the module, is gone for good.
    pub(crate) async fn departed(&self) {
        match &self.leaving {
            Leaving::Listener(departure) => departure.wait().await,
            Leaving::Module(group) => group.departed().await,
        }
    }

    /// Makes a guard that ends the listener when it is dropped.
    pub fn guard(self) -> SubscriptionGuard {
        SubscriptionGuard { subscription: self, armed: true }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("listener", &self.info).field("on", &self.is_on()).finish_non_exhaustive()
    }
}

/// A [`Subscription`] that ends its listener when it is dropped.
#[must_use = "dropping the guard unsubscribes at once, and `let _ = ..` drops it; give it a name such as `_guard`"]
#[derive(Debug)]
pub struct SubscriptionGuard {
    subscription: Subscription,
    armed: bool,
}

impl SubscriptionGuard {
    /// Disarms the guard: the listener stays.
    pub fn keep(mut self) -> Subscription {
        self.armed = false;
        self.subscription.clone()
    }
}

impl Drop for SubscriptionGuard {
    fn drop(&mut self) {
        if self.armed {
            self.subscription.off();
        }
    }
}
