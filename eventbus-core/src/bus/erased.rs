//! Emissions whose event type is not known where they are made.

use std::{
    any::Any,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

#[cfg(feature = "tokio")]
use std::time::Duration;
#[cfg(feature = "tokio")]
use tokio_util::sync::CancellationToken;

#[cfg(feature = "tokio")]
use super::EmitHandle;
use super::{Bus, Emit, Report, emission::New, emit::Source, listeners::Listeners};
use crate::{
    dispatch::EventSlot,
    event::{Event, IntoEvent},
};

/// What the bus keeps for an event type, for those who know only its name.
pub(super) struct EventHooks {
    pub(super) emit: for<'b> fn(&'b Bus, Box<dyn Any + Send + Sync>) -> Option<EmitAny<'b>>,
}

impl EventHooks {
    /// Emits a value as an `E`; `None` if it is none.
    pub(super) fn emit<E: Event>(bus: &Bus, event: Box<dyn Any + Send + Sync>) -> Option<EmitAny<'_>> {
        let event = *event.downcast::<E>().ok()?;
        let slot: std::sync::Arc<EventSlot<E>> = bus.inner.registry.get(E::TYPE)?;
        Some(EmitAny::of(Emit::new(bus, event, Source::Listeners(Listeners::of(slot)))))
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
        self.change(|new: &mut New<I>| new.stops.push(stop));
    }

    #[cfg(feature = "tokio")]
    fn cancel_on(&mut self, token: &CancellationToken) {
        self.change(|new| new.cancel_on(token));
    }

    #[cfg(feature = "tokio")]
    fn timeout(&mut self, time: Duration) {
        self.change(|new| new.limits.timeout(time));
    }

    #[cfg(feature = "tokio")]
    fn deadline(&mut self, at: tokio::time::Instant) {
        self.change(|new| new.limits.deadline(at));
    }

    fn blocking(self: Box<Self>) -> Report {
        (*self).blocking()
    }

    #[cfg(feature = "tokio")]
    fn spawn(self: Box<Self>) -> EmitHandle {
        (*self).spawn()
    }
}
