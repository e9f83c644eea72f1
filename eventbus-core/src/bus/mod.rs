//! Floor 4: the bus itself, which composes the floors below.

mod builder;
mod by_name;
#[cfg(feature = "publish")]
mod counts;
mod deferred;
mod emission;
mod emit;
mod emitter;
mod erased;
#[cfg(feature = "publish")]
mod extension;
mod failure_hook;
mod inner;
mod intercept;
mod limits;
mod listen;
mod listeners;
mod module;
mod park;
mod release;
mod report;
mod running;
mod scope;
mod settle;
#[cfg(feature = "tokio")]
mod spawn;
mod stats;
mod wiring;

use std::{fmt, panic::Location, sync::Arc, sync::Weak};

pub use builder::BusBuilder;
#[cfg(feature = "publish")]
pub use counts::{Deliveries, GroupStats, Published};
pub use deferred::Deferred;
pub use emit::Emit;
pub use emitter::Emitter;
pub use erased::EmitAny;
pub(crate) use erased::KnownEvent;
#[cfg(feature = "publish")]
pub(crate) use extension::Extension;
pub use intercept::{Intercepted, Interceptor};
pub use listen::{
    AnyKind, Blocks, ByName, Inline, Kind, Listener, NoContext, NoState, Spawned, Timed, Topic, With, WithContext,
};

#[cfg(feature = "publish")]
pub(crate) use deferred::{KeptEvent, PublishStep, Step};
pub use module::Module;
#[cfg(feature = "publish")]
pub use release::Unpublished;
pub use release::{Release, ReleaseError, Released};
pub use report::{EmitError, Report};
pub use scope::{Scope, ScopeGuard};
pub use settle::InsideEmission;
#[cfg(feature = "tokio")]
pub use spawn::EmitHandle;
pub use stats::{DeferredStats, Stats};
pub use wiring::{NameTaken, WiringError};

use crate::{
    dispatch::{EventSlot, Frame, adapt},
    event::{Event, EventName, IntoEvent},
    listener::{AsyncListener, ListenerInfo, SyncListener},
    registry::{Conflict, Seed, Subscription},
};
use emit::Source;
use erased::EventHooks;
use inner::Inner;
use listen::Target;
use listeners::Listeners;

/// Brings events to their listeners.
///
/// A clone is another handle to the same bus and costs as much as cloning an `Arc`. The bus lives as long as one of its
/// handles. A listener that captures a handle keeps the bus alive, and the bus the listener: capture
/// [`downgrade`](Self::downgrade)d ones.
///
/// **Re-entrancy:** a listener may do anything to the bus that calls it: emit, register, unsubscribe, clear, drop the last
/// handle. No lock is held while listeners run. An emission calls the listeners that were registered when it started,
/// except those that are gone when their turn comes.
///
/// # Examples
///
/// ```
/// use eventbus_core::{Bus, Event, EventName};
///
/// struct UserCreated { email: String }
/// impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
///
/// let bus = Bus::new();
/// bus.on::<UserCreated>(|e| println!("welcome {}", e.email));
///
/// let report = bus.emit(UserCreated { email: "ada@example.org".into() }).blocking();
/// assert_eq!(report.succeeded(), 1);
/// ```
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
    /// The emission that this handle came from, if it came from a [`Context`](crate::Context).
    origin: Option<Arc<Frame>>,
}

impl Bus {
    /// Makes a bus with the default settings.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Makes a bus with settings of its own.
    pub fn builder() -> BusBuilder {
        BusBuilder::new()
    }

    /// A handle that does not keep the bus alive.
    pub fn downgrade(&self) -> WeakBus {
        WeakBus { inner: Arc::downgrade(&self.inner) }
    }

    /// Registers a listener: `listener` runs on the emitting thread for each `E`.
    ///
    /// It returns `()` or a `Result`; errors and panics go into the report of the emission. Options come with
    /// [`listener`](Self::listener).
    ///
    /// # Panics
    ///
    /// Panics if another type with `E`'s name and version has been used on this bus.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated { id: String }
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// let bus = Bus::new();
    /// bus.on::<UserCreated>(|e| println!("{}", e.id));
    /// bus.on::<UserCreated>(|e| {
    ///     let id: u64 = e.id.parse()?;
    ///     println!("{id}");
    ///     eventbus_core::Ok(())
    /// });
    ///
    /// let report = bus.emit(UserCreated { id: "seven".into() }).blocking();
    /// assert_eq!(report.succeeded(), 1);
    /// assert!(report.to_string().contains("invalid digit"));
    /// ```
    #[track_caller]
    pub fn on<E: Event>(&self, listener: impl SyncListener<E>) -> Subscription {
        self.listener::<E>().on(listener)
    }

    /// Registers an async listener: it runs inside the emitting task, concurrently with the other async ones.
    ///
    /// Its future is dropped when the emission is: at its next await it stops. One that must run on says `spawned()`; see
    /// [`listener`](Self::listener).
    ///
    /// # Panics
    ///
    /// As [`on`](Self::on).
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated { email: String }
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # async fn audit(email: &str) {}
    /// let bus = Bus::new();
    /// bus.on_async::<UserCreated>(|e| async move { audit(&e.email).await });
    /// ```
    #[track_caller]
    pub fn on_async<E: Event>(&self, listener: impl AsyncListener<E>) -> Subscription {
        self.listener::<E>().on_async(listener)
    }

    /// Registers a listener that may block: it runs on the runtime's blocking pool if the emission is awaited, on the
    /// emitting thread if that blocks anyway.
    ///
    /// # Panics
    ///
    /// As [`on`](Self::on).
    #[cfg(feature = "tokio")]
    #[track_caller]
    pub fn on_blocking<E: Event>(&self, listener: impl SyncListener<E>) -> Subscription {
        self.listener::<E>().on_blocking(listener)
    }

    /// Starts registering a listener with options: name, priority, once, filter, state.
    ///
    /// # Panics
    ///
    /// What it ends with panics as [`on`](Self::on) does.
    #[track_caller]
    pub fn listener<E: Event>(&self) -> Listener<'_, E> {
        Listener::new(self.target(Location::caller()))
    }

    /// Makes a scope: listeners that leave together. Its name shows at each of them.
    pub fn scope(&self, name: &str) -> Scope {
        Scope::new(self, name)
    }

    /// Emits an event, by value or in an `Arc`. Nothing runs before the emission is finished by one of the methods of
    /// [`Emit`].
    ///
    /// # Panics
    ///
    /// Panics if another type with the event's name and version has been used on this bus.
    #[inline]
    #[track_caller]
    pub fn emit<I: IntoEvent>(&self, event: I) -> Emit<'_, I> {
        Emit::new(self, event, Source::Listeners(self.listeners_of(Location::caller())))
    }

    /// Makes a local handle for emitting `E`: it looks nothing up and writes nothing that other threads read.
    ///
    /// # Panics
    ///
    /// Panics if another type with `E`'s name and version has been used on this bus.
    #[track_caller]
    pub fn emitter<E: Event>(&self) -> Emitter<E> {
        Emitter::new(self.clone(), self.slot(Location::caller()))
    }

    /// How many listeners `E` has, those by name that match its name included.
    pub fn listener_count<E: Event>(&self) -> usize {
        let registry = &self.inner.registry;
        let slot: Option<Arc<EventSlot<E>>> = registry.get(E::TYPE);
        // An event that the bus has not seen yet is heard by name only.
        slot.map_or_else(|| registry.by_name(E::NAME.as_str()).len(), |slot| slot.len())
    }

    /// The names of the events that have listeners, sorted: of events that this bus has seen. Names that only patterns speak of
    /// are in [`listeners`](Self::listeners).
    pub fn event_names(&self) -> Vec<EventName> {
        let slots = self.inner.registry.all();
        let mut names: Vec<_> = slots.iter().filter(|slot| slot.len() > 0).map(|slot| slot.event().name()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// All listeners: first those of types, by event name and version, and for each event in the order in which an
    /// emission calls them; then those by name, in the order of priority and registration.
    pub fn listeners(&self) -> Vec<ListenerInfo> {
        let mut slots = self.inner.registry.all();
        slots.sort_by_key(|slot| (slot.event().name(), slot.event().version(), slot.event().rust_type()));
        let typed = slots.iter().flat_map(|slot| slot.infos()).filter(|info| info.pattern().is_none());
        typed.chain(self.inner.registry.infos_by_name()).collect()
    }

    /// Removes every listener, and ends the registrations of modules.
    ///
    /// Emissions under way call none of them any more, except one that another thread is just beginning.
    pub fn clear(&self) {
        let modules = self.inner.modules.all();
        self.inner.registry.clear();
        for module in modules {
            module.group().close();
        }
    }

    fn target(&self, location: &'static Location<'static>) -> Target<'_> {
        Target { bus: Some(self.clone()), scope: None, location, pattern: None }
    }

    /// Where an emission finds the listeners of `E`. Panics on a conflict of names, at the user's line.
    #[inline]
    #[track_caller]
    fn listeners_of<E: Event>(&self, location: &'static Location<'static>) -> Listeners<'_, E> {
        match self.inner.registry.find(E::TYPE) {
            Some(slot) => Listeners::found(slot),
            None => Listeners::of(self.slot(location)),
        }
    }

    /// The slot of `E`. Panics on a conflict of names, at the user's line.
    #[track_caller]
    fn slot<E: Event>(&self, location: &'static Location<'static>) -> Arc<EventSlot<E>> {
        match self.try_slot(location) {
            Ok(slot) => slot,
            Err(conflict) => panic!("{conflict}"),
        }
    }

    #[inline]
    fn try_slot<E: Event>(&self, location: &'static Location<'static>) -> Result<Arc<EventSlot<E>>, Conflict> {
        let hooks: &'static EventHooks = &EventHooks { emit: EventHooks::emit::<E> };
        self.inner.registry.slot(Seed { event: E::TYPE, location, adapt: adapt::<E>, hooks })
    }
}

impl Default for Bus {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("event_names", &self.event_names()).finish_non_exhaustive()
    }
}

/// A handle that does not keep its bus alive; see [`Bus::downgrade`].
///
/// # Examples
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct Ping;
/// # impl Event for Ping { const NAME: EventName = EventName::new("ping"); }
/// # struct Pong;
/// # impl Event for Pong { const NAME: EventName = EventName::new("pong"); }
/// let bus = Bus::new();
/// let weak = bus.downgrade();
/// bus.on::<Ping>(move |_| {
///     if let Some(bus) = weak.upgrade() {
///         bus.emit(Pong).blocking().into_result()?;
///     }
///     eventbus_core::Ok(())
/// });
/// assert!(bus.emit(Ping).blocking().is_ok());
/// ```
#[derive(Clone)]
pub struct WeakBus {
    inner: Weak<Inner>,
}

impl WeakBus {
    /// The bus, if it is still there.
    pub fn upgrade(&self) -> Option<Bus> {
        self.inner.upgrade().map(|inner| Bus { inner, origin: None })
    }
}

impl fmt::Debug for WeakBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakBus").field("alive", &(self.inner.strong_count() > 0)).finish()
    }
}
