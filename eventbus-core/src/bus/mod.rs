//! Floor 5: registering listeners on a bus, emitting on it, and looking at it.

mod erased;
mod listen;
mod scope;
mod wiring;

use std::{fmt, panic::Location, sync::Arc};

pub(crate) use erased::KnownEvent;
use listen::ListenTarget;
pub use listen::{
    AnyKind, Blocks, ByPattern, Inline, Kind, Listener, NoContext, NoState, Spawned, Timed, Topic, With, WithContext,
};
pub use module::Module;
pub use scope::{Scope, ScopeGuard};
pub use settle::InsideEmission;
pub use wiring::{NameTaken, WiringError};

use crate::{
    emission::{Bus, Emit, Emitter},
    event::{Event, EventName, IntoEvent},
    listener::{AsyncListener, ListenerInfo, SyncListener},
    registry::{Conflict, Slot, SlotType, Subscription},
};

impl Bus {
    /// Registers a listener: `listener` runs on the emitting thread for each `E`.
    ///
    /// It returns `()` or a `Result`; errors and panics go into the report of the emission. Options come with
    /// [`listener`](Self::listener).
    ///
    /// A listener that uses the bus takes it from its [`Context`](crate::Context): `with_context()` and `cx.bus()`. A listener
    /// that captures a `Bus` keeps the bus alive for ever, and itself with it.
    ///
    /// # Panics
    ///
    /// Panics if another type with `E`'s name and version has been used on this bus.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated { id: String }
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// let bus = Bus::new();
    /// bus.on::<UserCreated>(|e| println!("{}", e.id));
    /// bus.on::<UserCreated>(|e| {
    ///     let id: u64 = e.id.parse()?;
    ///     println!("{id}");
    ///     eventbus::Ok(())
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
    /// When the emission is dropped, so is the listener's future: the listener stops at the await where it is. A listener that
    /// must run on needs `spawned()`; see [`listener`](Self::listener). A listener that uses the bus takes it from its context
    /// (`cx.bus()`), as for [`on`](Self::on).
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
    /// emitting thread if that blocks anyway. A listener that uses the bus takes it from its context (`cx.bus()`), as for
    /// [`on`](Self::on).
    ///
    /// # Panics
    ///
    /// As [`on`](Self::on).
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName};
    /// # struct PhotoUploaded { path: String }
    /// # impl Event for PhotoUploaded { const NAME: EventName = EventName::new("photo.uploaded"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus::BoxError> {
    /// use eventbus::Bus;
    ///
    /// let bus = Bus::new();
    /// bus.on_blocking::<PhotoUploaded>(|e| {
    ///     let bytes = std::fs::read(&e.path)?; // no thread of the runtime waits for the disk
    ///     println!("{} bytes", bytes.len());
    ///     eventbus::Ok(())
    /// });
    /// assert!(bus.emit(PhotoUploaded { path: "no such file".into() }).await.into_result().is_err());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn on_blocking<E: Event>(&self, listener: impl SyncListener<E>) -> Subscription {
        self.listener::<E>().on_blocking(listener)
    }

    /// Starts registering a listener with options: name, priority, once, filter, state.
    ///
    /// # Panics
    ///
    /// The verb that ends the registration panics as [`on`](Self::on) does.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName};
    /// # struct OrderPlaced { cents: u64 }
    /// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
    /// # fn main() -> Result<(), eventbus::BoxError> {
    /// use eventbus::Bus;
    ///
    /// let bus = Bus::new();
    /// bus.listener::<OrderPlaced>().named("fraud").priority(10).filter(|e| e.cents > 10_000).on(|e| println!("{}", e.cents));
    /// bus.listener::<OrderPlaced>().named("ledger").with(String::from("shop")).on(|shop, e| println!("{shop}: {}", e.cents));
    ///
    /// let report = bus.emit(OrderPlaced { cents: 99 }).blocking().into_result()?;
    /// assert_eq!(report.succeeded(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn listener<E: Event>(&self) -> Listener<'_, E> {
        Listener::new(self.target(Location::caller()))
    }

    /// Makes a scope: a group of listeners that end together. Each of them shows the scope's name.
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
        Emit::new(self, self.slot_of::<I::Event>(), event)
    }

    /// Makes a local handle for emitting `E`: it looks nothing up and writes nothing that other threads read.
    ///
    /// # Panics
    ///
    /// Panics if another type with `E`'s name and version has been used on this bus.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName};
    /// # struct Measured(f64);
    /// # impl Event for Measured { const NAME: EventName = EventName::new("measured"); }
    /// # fn main() -> Result<(), eventbus::BoxError> {
    /// use eventbus::Bus;
    ///
    /// let bus = Bus::new();
    /// bus.on::<Measured>(|e| println!("{}", e.0));
    ///
    /// let mut measured = bus.emitter::<Measured>();
    /// for value in [0.5, 1.5] {
    ///     measured.emit(Measured(value)).blocking().into_result()?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn emitter<E: Event>(&self) -> Emitter<E> {
        Emitter::new(self.clone(), Arc::clone(self.slot_of::<E>()))
    }

    /// How many listeners `E` has, those by pattern that match its name included.
    pub fn listener_count<E: Event>(&self) -> usize {
        let registry = &self.state.registry;
        // An event that the bus has not seen yet is heard by pattern only.
        registry.get(E::TYPE).map_or_else(|| registry.matching(E::NAME.as_str()).len(), |slot| slot.len())
    }

    /// The names of the events that have listeners, sorted. Only events that this bus has seen are among them; listeners by
    /// pattern that match none of these are in [`listener_infos`](Self::listener_infos).
    pub fn event_names(&self) -> Vec<EventName> {
        let slots = self.state.registry.all();
        let mut names: Vec<_> = slots.iter().filter(|slot| slot.len() > 0).map(|slot| slot.event.name()).collect();
        names.dedup();
        names
    }

    /// All listeners: first those of types, by event name and version, and for each event in the order in which an
    /// emission calls them; then those by pattern, in the order of priority and registration.
    pub fn listener_infos(&self) -> Vec<ListenerInfo> {
        let slots = self.state.registry.all();
        let typed = slots.iter().flat_map(|slot| slot.infos()).filter(|info| info.pattern().is_none());
        typed.chain(self.state.registry.infos_by_pattern()).collect()
    }

    /// Removes every listener, and ends the registrations of modules.
    ///
    /// Emissions under way call none of them any more, except one that another thread is just beginning.
    pub fn clear(&self) {
        let modules = self.state.modules.all();
        self.state.registry.clear();
        for module in modules {
            module.group().close();
        }
    }

    fn target(&self, location: &'static Location<'static>) -> ListenTarget<'_> {
        ListenTarget { bus: Some(self.clone()), scope: None, location, pattern: None }
    }

    /// The slot of `E`. Panics on a conflict of names, at the user's line.
    #[inline]
    #[track_caller]
    pub(crate) fn slot_of<E: Event>(&self) -> &Arc<Slot> {
        match self.state.registry.numbered::<E>() {
            Some(slot) => slot,
            None => self.slot(SlotType::of::<E>(), Location::caller()),
        }
    }

    /// The slot of an event type. Panics on a conflict of names, at the user's line.
    #[track_caller]
    pub(crate) fn slot(&self, slot_type: SlotType, location: &'static Location<'static>) -> &Arc<Slot> {
        match self.try_slot(slot_type, location) {
            Ok(slot) => slot,
            Err(conflict) => panic!("{conflict}"),
        }
    }

    fn try_slot(&self, slot_type: SlotType, location: &'static Location<'static>) -> Result<&Arc<Slot>, Conflict> {
        self.state.registry.slot(slot_type, location)
    }
}

// Here, so that the docs show their methods of `Bus` behind those above.
mod by_pattern;
mod module;
mod settle;

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("event_names", &self.event_names()).finish_non_exhaustive()
    }
}
