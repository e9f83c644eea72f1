//! Subscriptions: what registering a listener or a module returns.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use super::{group::ListenerGroup, modules::ModuleRegistration, registration::Registration};
use crate::{call::BusId, listener::ListenerInfo};

/// A registered listener or module; what everything that registers one returns.
///
/// Dropping it changes nothing: the listener stays for the life of the bus. [`off`](Self::off) ends it,
/// [`guard`](Self::guard) ties it to a scope of code. A subscription holds its bus weakly, so it can be kept anywhere.
///
/// The subscription of a module ([`Bus::register`](crate::Bus::register)) stands for all listeners of the module: `off` ends them all.
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
    subscribed: Subscribed,
}

#[derive(Clone)]
enum Subscribed {
    Listener(Registration),
    Module { module: Weak<ModuleRegistration>, group: Arc<ListenerGroup> },
}

impl Subscription {
    pub(crate) fn new(bus: Option<BusId>, info: ListenerInfo, registration: Registration) -> Self {
        Self { bus, info, subscribed: Subscribed::Listener(registration) }
    }

    /// The subscription of a module.
    pub(crate) fn of_module(bus: BusId, info: ListenerInfo, module: &Arc<ModuleRegistration>) -> Self {
        let subscribed = Subscribed::Module { module: Arc::downgrade(module), group: Arc::clone(module.group()) };
        Self { bus: Some(bus), info, subscribed }
    }

    /// Ends the listener; `false` if it had ended already (off, cleared, spent, or its bus is gone).
    ///
    /// No call of it begins after this, except one that another thread is just beginning. Its closure is dropped here, or
    /// by the last emission that still holds it.
    ///
    /// **Re-entrancy:** may be called inside any listener, also inside the one it ends.
    pub fn off(&self) -> bool {
        match &self.subscribed {
            Subscribed::Listener(listener) => listener.off(),
            Subscribed::Module { module, .. } => module.upgrade().is_some_and(|module| module.off()),
        }
    }

    /// Whether the listener is still registered.
    ///
    /// A module is, until it is ended, or has been dropped with the last of its listeners.
    pub fn is_on(&self) -> bool {
        match &self.subscribed {
            Subscribed::Listener(listener) => listener.is_on(),
            Subscribed::Module { module, .. } => module.upgrade().is_some_and(|module| module.is_on()),
        }
    }

    /// Describes the listener; for a module its name, the scope it was registered through, and the place.
    pub fn info(&self) -> &ListenerInfo {
        &self.info
    }

    /// The bus, if there was one to register on.
    pub(crate) fn bus(&self) -> Option<BusId> {
        self.bus
    }

    /// Waits until the listener, or each one of the module, is gone for good.
    pub(crate) async fn departed(&self) {
        match &self.subscribed {
            Subscribed::Listener(listener) => listener.departure().wait().await,
            Subscribed::Module { group, .. } => group.departed().await,
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
