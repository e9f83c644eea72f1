//! Emissions whose event type is not known where they are made.

use std::{
    any::Any,
    fmt,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

#[cfg(feature = "tokio")]
use std::time::Duration;
#[cfg(feature = "tokio")]
use tokio_util::sync::CancellationToken;

#[cfg(feature = "tokio")]
use super::EmitHandle;
use super::{Bus, Emit, NameTaken, Report, WiringError, emission::New, emit::Source, listeners::Listeners};
use crate::{
    dispatch::{Content, EventSlot, Unclaimed, adapt},
    event::{Event, EventType, IntoEvent},
    listener::{ListenerInfo, Subject},
    registry::{AnySlot, Seed},
};

/// What the bus keeps for an event type, for those who know only its name.
pub(super) struct EventHooks {
    pub(super) emit: for<'b> fn(&'b Bus, Box<dyn Any + Send + Sync>) -> Option<EmitAny<'b>>,
}

impl EventHooks {
    /// Emits a value as an `E`; `None` if it is none.
    pub(super) fn emit<E: Event>(bus: &Bus, event: Box<dyn Any + Send + Sync>) -> Option<EmitAny<'_>> {
        let event = *event.downcast::<E>().ok()?;
        let slot: Arc<EventSlot<E>> = bus.inner.registry.get(E::TYPE)?;
        Some(EmitAny::of(Emit::new(bus, event, Source::Listeners(Listeners::of(slot)))))
    }
}

impl Bus {
    /// Emits `event`, which is of the type that `claim` describes.
    pub(crate) fn emit_as(&self, claim: &'static EventType, event: Box<dyn Any + Send + Sync>) -> EmitAny<'_> {
        let slot = self.inner.registry.any(claim);
        let hooks = slot.and_then(|slot| slot.hooks().downcast_ref::<EventHooks>());
        match hooks.and_then(|hooks| (hooks.emit)(self, event)) {
            Some(emit) => emit,
            None => unreachable!("a type that claims a name has a slot, and the event is of that type"),
        }
    }

    /// Emits something under a name that no type claims.
    pub(crate) fn emit_unclaimed(&self, subject: Subject, content: Content) -> EmitAny<'_> {
        let slot = self.inner.unclaimed.get_or_init(|| {
            let hooks: &'static EventHooks = &EventHooks { emit: |_, _| None };
            let location = Location::caller();
            Arc::new(EventSlot::new(Seed { event: Unclaimed::TYPE, location, adapt: adapt::<Unclaimed>, hooks }))
        });
        let matching = |bus: &Self, event: &Unclaimed| {
            let found = bus.inner.registry.by_name(event.subject.name());
            Arc::new(found.iter().map(adapt::<Unclaimed>).collect())
        };
        let listeners = Listeners::matching(Arc::clone(slot), matching);
        let mut emit = Emit::new(self, Unclaimed { subject: subject.clone(), content }, Source::Listeners(listeners));
        emit.change(|new| new.subject = subject);
        EmitAny::of(emit)
    }

    /// The types that have claimed a name, in any version.
    pub(crate) fn types_of_name(&self, name: &str) -> Vec<&'static EventType> {
        self.inner.registry.claims(name)
    }

    /// All event types that this bus has seen, by name, version and Rust type.
    pub(crate) fn known_events(&self) -> Vec<KnownEvent> {
        let mut slots = self.inner.registry.all();
        slots.sort_by_key(|slot| (slot.event().name(), slot.event().version(), slot.event().rust_type()));
        slots.iter().map(|slot| KnownEvent::of(&**slot)).collect()
    }

    /// What the bus knows of an event type.
    pub(crate) fn known_event(&self, event: &'static EventType) -> Option<KnownEvent> {
        self.inner.registry.any(event).map(|slot| KnownEvent::of(&*slot))
    }

    /// Who listens by name, in the order of priority and registration.
    pub(crate) fn infos_by_name(&self) -> Vec<ListenerInfo> {
        self.inner.registry.infos_by_name()
    }

    pub(crate) fn declare_at<E: Event>(&self, location: &'static Location<'static>) -> Result<(), WiringError> {
        self.try_slot::<E>(location).map(drop).map_err(|conflict| NameTaken(conflict).into())
    }

    /// The largest payload in bytes, and the deepest nesting, that is read.
    #[cfg(feature = "serde")]
    pub(crate) fn payload_limits(&self) -> (usize, usize) {
        (self.inner.max_payload, self.inner.max_nesting)
    }
}

/// What a bus knows of an event type.
#[derive(Clone, Debug)]
pub(crate) struct KnownEvent {
    pub(crate) event: &'static EventType,
    /// Where the event was first used on the bus.
    pub(crate) location: &'static Location<'static>,
    pub(crate) emitted: bool,
    /// In the order of their turns.
    pub(crate) listeners: Vec<ListenerInfo>,
}

impl KnownEvent {
    fn of(slot: &dyn AnySlot) -> Self {
        let (event, location) = (slot.event(), slot.location());
        Self { event, location, emitted: slot.was_emitted(), listeners: slot.infos() }
    }
}

/// An emission by name; made by [`Bus::emit_name`] and `emit_json`. It is finished as [`Emit`] is.
#[must_use = "nothing runs until it is awaited, or ended by `.blocking()` or `.spawn()`"]
pub struct EmitAny<'b>(Box<dyn AnyEmission + 'b>);

impl<'b> EmitAny<'b> {
    pub(super) fn of<I: IntoEvent>(emit: Emit<'b, I>) -> Self {
        Self(Box::new(emit))
    }

    /// As [`Emit::until`].
    pub fn until(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.0.until(Box::pin(stop));
        self
    }

    /// As [`Emit::cancel_on`].
    #[cfg(feature = "tokio")]
    pub fn cancel_on(mut self, token: &CancellationToken) -> Self {
        self.0.cancel_on(token);
        self
    }

    /// As [`Emit::timeout`].
    #[cfg(feature = "tokio")]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.0.timeout(time);
        self
    }

    /// As [`Emit::deadline`].
    #[cfg(feature = "tokio")]
    pub fn deadline(mut self, at: impl Into<tokio::time::Instant>) -> Self {
        self.0.deadline(at.into());
        self
    }

    /// As [`Emit::blocking`].
    ///
    /// # Panics
    ///
    /// Only if dropping the event itself panics, or if it has been polled before.
    pub fn blocking(self) -> Report {
        self.0.blocking()
    }

    /// As [`Emit::spawn`].
    ///
    /// # Panics
    ///
    /// Only if the emission has been polled before.
    #[cfg(feature = "tokio")]
    pub fn spawn(self) -> EmitHandle {
        self.0.spawn()
    }
}

impl Future for EmitAny<'_> {
    type Output = Report;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report> {
        Pin::new(&mut *self.0).poll(cx)
    }
}

impl fmt::Debug for EmitAny<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An [`Emit`] whose event type is forgotten.
trait AnyEmission: Future<Output = Report> + Send + Unpin + fmt::Debug {
    fn until(&mut self, stop: Pin<Box<dyn Future<Output = ()> + Send>>);
    #[cfg(feature = "tokio")]
    fn cancel_on(&mut self, token: &CancellationToken);
    #[cfg(feature = "tokio")]
    fn timeout(&mut self, time: Duration);
    #[cfg(feature = "tokio")]
    fn deadline(&mut self, at: tokio::time::Instant);
    fn blocking(self: Box<Self>) -> Report;
    #[cfg(feature = "tokio")]
    fn spawn(self: Box<Self>) -> EmitHandle;
}

impl<I: IntoEvent> AnyEmission for Emit<'_, I> {
    fn until(&mut self, stop: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.change(|new: &mut New<I>| new.options().stops.push(stop));
    }

    #[cfg(feature = "tokio")]
    fn cancel_on(&mut self, token: &CancellationToken) {
        self.change(|new| new.cancel_on(token));
    }

    #[cfg(feature = "tokio")]
    fn timeout(&mut self, time: Duration) {
        self.change(|new| new.options().limits.timeout(time));
    }

    #[cfg(feature = "tokio")]
    fn deadline(&mut self, at: tokio::time::Instant) {
        self.change(|new| new.options().limits.deadline(at));
    }

    fn blocking(self: Box<Self>) -> Report {
        (*self).blocking()
    }

    #[cfg(feature = "tokio")]
    fn spawn(self: Box<Self>) -> EmitHandle {
        (*self).spawn()
    }
}
