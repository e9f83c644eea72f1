//! Modules: services that listen, registered and ended as one.

use std::{panic::Location, sync::Arc};

use super::{Scope, WiringError};
use crate::{
    emission::Bus,
    listener::{ListenerId, ListenerInfo, ListenerKind},
    registry::Subscription,
};

/// A service with listeners, to be registered as one by [`Bus::register`].
///
/// The attribute `#[listeners]` of `eventbus` implements it. Implement it by hand if what to listen to is known only at run
/// time, or if a module is made of other modules.
///
/// # Examples
///
/// ```
/// # use eventbus_core as eventbus;
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
/// use eventbus::{Bus, Event, EventName, Module, Scope, WiringError};
/// # struct UserCreated;
/// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
///
/// #[derive(Default)]
/// struct Statistics { users: AtomicU64 }
///
/// impl Module for Statistics {
///     fn name(&self) -> &str {
///         "statistics"
///     }
///
///     fn register(self: Arc<Self>, scope: &Scope) -> Result<(), WiringError> {
///         scope.listener::<UserCreated>().with(self).on(|this, _| _ = this.users.fetch_add(1, Ordering::Relaxed));
///         Ok(())
///     }
/// }
///
/// let bus = Bus::new();
/// let statistics = Arc::new(Statistics::default());
/// bus.register(statistics.clone())?;
///
/// bus.emit(UserCreated).blocking();
/// assert_eq!(statistics.users.load(Ordering::Relaxed), 1);
/// # Ok::<(), WiringError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Module`",
    label = "not a module",
    note = "put `#[eventbus::listeners]` above an `impl` block of `{Self}`, and `#[on]` above its methods that listen"
)]
pub trait Module: Send + Sync + 'static {
    /// The module's name. It shows at each of its listeners, as the name of their scope.
    fn name(&self) -> &str;

    /// Registers the module's listeners, and its inner modules if it has some, through `scope`.
    ///
    /// The scope may be cloned and kept: what is registered through it later belongs to the module, too. When the module has
    /// been ended the scope is closed, and takes nothing more.
    ///
    /// # Errors
    ///
    /// The reason why the module cannot be wired. What it had registered through `scope` before is taken back.
    fn register(self: Arc<Self>, scope: &Scope) -> Result<(), WiringError>;
}

impl Bus {
    /// Registers a module: all its listeners, under one subscription.
    ///
    /// `off()`, a guard, or `off_and_wait()` of that subscription ends all of them. `clear` ends the module, too. The module
    /// lives as long as one of its listeners holds it, so at most until then, and not longer than the bus.
    ///
    /// A module that owns a handle to the bus it is registered on is a cycle: the bus holds the module's listeners, they
    /// hold the module, and the module the bus. Ending the registration breaks it. Without that, both live on: let the
    /// module own a [`WeakBus`](crate::WeakBus), or its listeners ask their [`Context`](crate::Context) for the bus.
    ///
    /// **Re-entrancy:** may be called inside a listener, also inside one of the module that it registers or ends. An
    /// emission under way calls none of the new listeners.
    ///
    /// # Errors
    ///
    /// [`WiringError::AlreadyRegistered`] if this very instance is registered on this bus, under whatever type it is held;
    /// once that registration has been ended, it may be registered again. Otherwise what [`Module::register`] returns: then
    /// what it had registered is taken back.
    ///
    /// # Panics
    ///
    /// If the module panics: what it had registered is taken back, and the panic goes on to the caller.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// use std::sync::Arc;
    /// use eventbus::{Bus, Event, EventName, Module, Scope, WiringError};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # struct Mail;
    /// # impl Module for Mail {
    /// #     fn name(&self) -> &str { "mail" }
    /// #     fn register(self: Arc<Self>, scope: &Scope) -> Result<(), WiringError> {
    /// #         scope.on::<UserCreated>(|_| ());
    /// #         Ok(())
    /// #     }
    /// # }
    ///
    /// let bus = Bus::new();
    /// let modules: Vec<Arc<dyn Module>> = vec![Arc::new(Mail)];
    /// for module in modules {
    ///     bus.register(module)?;
    /// }
    /// assert_eq!(bus.listener_infos()[0].scope(), Some("mail"));
    /// # Ok::<(), WiringError>(())
    /// ```
    #[track_caller]
    pub fn register<M: Module + ?Sized>(&self, module: Arc<M>) -> Result<Subscription, WiringError> {
        register(self, None, module)
    }
}

impl Scope {
    /// Registers a module, as [`Bus::register`] does; it ends with the scope. So modules can be made of modules.
    ///
    /// The names of scopes are joined: the listeners of a module `mail` in a scope `shop` are in the scope `shop/mail`.
    ///
    /// # Errors
    ///
    /// As [`Bus::register`], and [`WiringError::Closed`] if the scope is closed or its bus is gone.
    ///
    /// # Panics
    ///
    /// As [`Bus::register`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # fn main() -> Result<(), eventbus::BoxError> {
    /// use std::sync::Arc;
    /// use eventbus::{Bus, Module, Scope, WiringError};
    ///
    /// struct Mail;
    /// impl Module for Mail {
    ///     fn name(&self) -> &str {
    ///         "mail"
    ///     }
    ///
    ///     fn register(self: Arc<Self>, scope: &Scope) -> Result<(), WiringError> {
    ///         scope.on_pattern("user.*", |e| println!("a mail about {}", e.name()))?;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let bus = Bus::new();
    /// let shop = bus.scope("shop");
    /// shop.register(Arc::new(Mail))?;
    /// assert_eq!(bus.listener_infos()[0].scope(), Some("shop/mail"));
    /// assert_eq!(shop.off(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn register<M: Module + ?Sized>(&self, module: Arc<M>) -> Result<Subscription, WiringError> {
        match self.open_bus() {
            Some(bus) => register(&bus, Some(self), module),
            None => Err(self.closed(module.name())),
        }
    }

    fn closed(&self, module: &str) -> WiringError {
        WiringError::Closed { module: module.to_owned(), scope: self.name().to_owned() }
    }
}

#[track_caller]
fn register<M: Module + ?Sized>(bus: &Bus, outer: Option<&Scope>, module: Arc<M>) -> Result<Subscription, WiringError> {
    let name: Arc<str> = Arc::from(module.name());
    let info = ListenerInfo {
        id: ListenerId::next(),
        kind: ListenerKind::Module,
        name: Some(Arc::clone(&name)),
        event: None,
        pattern: None,
        priority: 0,
        once: false,
        filtered: false,
        scope: outer.map(Scope::shared_name),
        location: Location::caller(),
    };
    let registration = match bus.state.modules.enter(&module, info.clone()) {
        Ok(registration) => registration,
        Err(first) => return Err(WiringError::AlreadyRegistered { module: name.as_ref().to_owned(), first }),
    };
    let group = Arc::clone(registration.group());
    // Takes back what the module has registered, should it fail or panic.
    let guard = Subscription::of_module(bus.state.id, info, &registration).guard();

    let scope = match outer {
        Some(outer) if !outer.adopt(&group) => return Err(outer.closed(&name)),
        Some(outer) => Scope::of_group(bus, outer.joined(&name), group),
        None => Scope::of_group(bus, name, group),
    };
    module.register(&scope)?;
    Ok(guard.keep())
}
