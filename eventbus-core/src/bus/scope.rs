//! Scopes: named groups of listeners that end together.

use std::{fmt, panic::Location, sync::Arc};

use super::{InsideEmission, Listener, listen::ListenTarget, settle};
use crate::{
    call::BusId,
    emission::{Bus, WeakBus},
    event::Event,
    listener::{AsyncListener, SyncListener},
    registry::{ListenerGroup, Subscription},
};

/// A named group of listeners that end together; made by [`Bus::scope`](crate::Bus::scope).
///
/// It registers as the bus does, and scopes may stand inside of scopes. Dropping it changes nothing: [`off`](Self::off)
/// ends all its listeners, [`close`](Self::close) does so for good, [`guard`](Self::guard) ties them to a block of code. A
/// clone is another handle to the same scope.
///
/// Through a scope that is closed, or whose bus is gone, registering gives a subscription that is off.
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
/// assert_eq!(bus.listener_infos()[0].scope(), Some("billing"));
///
/// assert_eq!(billing.off(), 2);
/// assert_eq!(bus.listener_count::<OrderDone>(), 0);
/// ```
#[derive(Clone)]
pub struct Scope {
    bus: WeakBus,
    bus_id: BusId,
    name: Arc<str>,
    members: Arc<ListenerGroup>,
}

impl Scope {
    pub(super) fn new(bus: &Bus, name: &str) -> Self {
        Self::of_group(bus, Arc::from(name), Arc::default())
    }

    pub(super) fn of_group(bus: &Bus, name: Arc<str>, members: Arc<ListenerGroup>) -> Self {
        Self { bus: bus.downgrade(), bus_id: bus.state.id, name, members }
    }

    /// The scope's name; that of an inner one begins with those around it: `shop/billing`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Registers a listener, as [`Bus::on`](crate::Bus::on) does.
    ///
    /// # Panics
    ///
    /// Panics if another type with `E`'s name and version has been used on this bus.
    #[track_caller]
    pub fn on<E: Event>(&self, listener: impl SyncListener<E>) -> Subscription {
        self.listener::<E>().on(listener)
    }

    /// Registers an async listener, as [`Bus::on_async`](crate::Bus::on_async) does.
    ///
    /// # Panics
    ///
    /// As [`on`](Self::on).
    #[track_caller]
    pub fn on_async<E: Event>(&self, listener: impl AsyncListener<E>) -> Subscription {
        self.listener::<E>().on_async(listener)
    }

    /// Registers a listener that may block, as [`Bus::on_blocking`](crate::Bus::on_blocking) does.
    ///
    /// # Panics
    ///
    /// As [`on`](Self::on).
    #[track_caller]
    pub fn on_blocking<E: Event>(&self, listener: impl SyncListener<E>) -> Subscription {
        self.listener::<E>().on_blocking(listener)
    }

    /// Starts registering a listener with options, as [`Bus::listener`](crate::Bus::listener) does.
    #[track_caller]
    pub fn listener<E: Event>(&self) -> Listener<'_, E> {
        Listener::new(self.target(Location::caller()))
    }

    /// Makes a scope inside of this one. It ends with this one, and may end before it.
    ///
    /// Its name is joined to this one's with a slash. Two inner scopes may have the same name; they are two.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct OrderDone;
    /// # impl Event for OrderDone { const NAME: EventName = EventName::new("order.done"); }
    /// let bus = Bus::new();
    /// let shop = bus.scope("shop");
    /// shop.on::<OrderDone>(|_| println!("count"));
    /// shop.scope("billing").on::<OrderDone>(|_| println!("invoice"));
    /// assert_eq!(bus.listener_infos()[1].scope(), Some("shop/billing"));
    ///
    /// assert_eq!(shop.off(), 2);
    /// ```
    #[must_use]
    pub fn scope(&self, name: &str) -> Self {
        Self { bus: self.bus.clone(), bus_id: self.bus_id, name: self.joined(name), members: self.members.nested() }
    }

    /// Ends all listeners of the scope and of the scopes and modules inside of it; returns how many there were. More may be
    /// registered, except through the scopes of the modules, which are closed.
    ///
    /// **Re-entrancy:** may be called inside any listener, also inside one that it ends.
    pub fn off(&self) -> usize {
        self.members.off().listeners
    }

    /// Closes the scope: ends its listeners as [`off`](Self::off) does, and takes no more; returns how many there were.
    ///
    /// What is registered through it from then on, or through a scope inside of it, is off from the start: so whoever still
    /// has a handle to it cannot bring listeners back.
    ///
    /// **Re-entrancy:** as for [`off`](Self::off).
    pub fn close(&self) -> usize {
        self.members.close().listeners
    }

    /// Closes the scope, and waits until no call of its listeners is under way and their closures have been dropped.
    ///
    /// # Errors
    ///
    /// [`InsideEmission`] if called inside an emission of the scope's bus. The scope is closed; only the waiting is refused.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the scope is closed, whether or not the waiting is given up.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct Tick;
    /// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus_core::InsideEmission> {
    /// let bus = Bus::new();
    /// let window = bus.scope("window");
    /// window.on_async::<Tick>(|_| async { /* uses the display */ });
    ///
    /// window.close_and_wait().await?;
    /// // now the display can go
    /// assert!(!window.on::<Tick>(|_| ()).is_on());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn close_and_wait(&self) -> Result<(), InsideEmission> {
        self.close();
        settle::outside_of(Some(self.bus_id))?;
        self.members.departed().await;
        Ok(())
    }

    /// Whether the scope has been closed.
    pub fn is_closed(&self) -> bool {
        self.members.is_closed()
    }

    /// How many listeners the scope has, with those of the scopes and modules inside of it.
    pub fn listener_count(&self) -> usize {
        self.members.count()
    }

    /// The bus to register on, if there is still one and the scope is open.
    pub(super) fn open_bus(&self) -> Option<Bus> {
        if self.is_closed() { None } else { self.bus.upgrade() }
    }

    /// The name of something in this scope.
    pub(super) fn joined(&self, name: &str) -> Arc<str> {
        Arc::from(format!("{}/{name}", self.name))
    }

    /// Takes in the listeners of a module, to end with this scope. Refused if it is closed.
    pub(super) fn adopt(&self, group: &Arc<ListenerGroup>) -> bool {
        self.members.adopt(group)
    }

    /// Makes a guard that closes the scope when it is dropped.
    pub fn guard(self) -> ScopeGuard {
        ScopeGuard(self)
    }

    pub(super) fn target(&self, location: &'static Location<'static>) -> ListenTarget<'_> {
        ListenTarget { bus: self.open_bus(), scope: Some((self.shared_name(), &self.members)), location, pattern: None }
    }

    pub(super) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("name", &self.name)
            .field("listeners", &self.listener_count())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// A [`Scope`] that is closed when this is dropped: its listeners end, and no handle to it can bring others.
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
        self.0.close();
    }
}
