//! The builders of emissions, which are also their futures.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    cached::Cached,
    handle::Bus,
    options::EmitOptions,
    payload::{ErasedEvent, Payload},
    report::Report,
    spawn::{self, EmitHandle},
    stage::Emission,
};
use crate::{
    call::AnyEvent,
    event::{Event, IntoEvent},
    registry::Slot,
};

/// An emission; made by [`Bus::emit`] and [`Emitter::emit`](super::Emitter::emit).
///
/// How it is finished says how to wait:
///
/// | | |
/// |---|---|
/// | `.await` | until all listeners have ended, without holding up the thread |
/// | [`.blocking()`](Self::blocking) | the same, from synchronous code |
/// | [`.spawn()`](Self::spawn) | not at all, or later |
///
/// Synchronous listeners run first, in the order of priority and registration, on the thread that polls. Then the others are
/// started in that order, and awaited together. Two emissions of one thread reach a listener in that order, unless one is
/// emitted inside the other: the inner one reaches later listeners first (depth first). Async listeners run inside this future:
/// they see its task-locals and its span, and dropping the future stops them at their next await. Spawned and blocking ones run
/// on.
///
/// # Cancel safety
///
/// Dropping the future before it is ready cancels the emission: listeners that have not been called are not called, async ones
/// are stopped. It may be polled in `select!`, `join!` and by hand; it is `Unpin`.
///
/// # Examples
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct UserCreated { id: u64 }
/// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
/// # async fn audit(id: u64) {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), eventbus_core::EmitError> {
/// let bus = Bus::new();
/// bus.on_async::<UserCreated>(|e| async move { audit(e.id).await });
///
/// let report = bus.emit(UserCreated { id: 7 }).await.into_result()?;
/// assert_eq!(report.succeeded(), 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing runs until it is awaited, or ended by `.blocking()` or `.spawn()`"]
pub struct Emit<'b, I: IntoEvent> {
    inner: Emitting<'b, I>,
}

/// An emission on a bus, by type or erased.
pub(super) struct Emitting<'b, P> {
    pub(super) bus: &'b Bus,
    pub(super) slot: &'b Arc<Slot>,
    pub(super) emission: Emission<P>,
    /// The snapshot that an emitter has cached.
    cached: Option<&'b mut Cached>,
}

// Nothing in it is pinned in place: the listeners' futures are boxed.
impl<P> Unpin for Emitting<'_, P> {}

impl<'b, P: Payload> Emitting<'b, P> {
    #[inline]
    pub(super) fn new(bus: &'b Bus, slot: &'b Arc<Slot>, payload: P) -> Self {
        Self { bus, slot, emission: Emission::new(payload), cached: None }
    }

    /// Whether the emission has not begun and nobody listens.
    #[inline]
    fn is_idle(&self) -> bool {
        self.slot.is_idle()
            && self.emission.is_new()
            && self.emission.payload.as_ref().is_some_and(|payload| !payload.is_unclaimed())
    }

    #[inline]
    fn idle_report(&self) -> Report {
        self.bus.state.note_unheard(self.slot);
        Report::plain(self.slot.event, None, 0)
    }

    #[expect(clippy::inline_always, reason = "an event without listeners then costs a load and a comparison")]
    #[inline(always)]
    pub(super) fn blocking(self) -> Report {
        if self.is_idle() {
            return self.idle_report();
        }
        let Self { bus, slot, emission, cached } = self;
        emission.block(bus, slot, cached)
    }

    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Report> {
        if self.is_idle() {
            drop(self.emission.take());
            return Poll::Ready(self.idle_report());
        }
        let Self { bus, slot, emission, cached } = self;
        let polled = emission.poll(bus, slot, cached.as_deref_mut(), cx);
        if polled.is_ready() {
            emission.payload = None;
        }
        polled
    }

    pub(super) fn spawn(mut self) -> EmitHandle {
        let (payload, options) = self.emission.take_new();
        spawn::spawn(self.bus, self.slot, payload.into_shared(), options)
    }

    fn with(&mut self, change: impl FnOnce(&mut EmitOptions)) {
        if let Some(options) = self.emission.options() {
            change(options);
        }
    }
}

impl<'b, I: IntoEvent> Emit<'b, I> {
    #[inline]
    pub(crate) fn new(bus: &'b Bus, slot: &'b Arc<Slot>, event: I) -> Self {
        Self { inner: Emitting::new(bus, slot, event) }
    }

    #[inline]
    pub(super) fn cached(bus: &'b Bus, slot: &'b Arc<Slot>, cached: &'b mut Cached, event: I) -> Self {
        Self { inner: Emitting { bus, slot, emission: Emission::new(event), cached: Some(cached) } }
    }

    /// Cancels the emission when `stop` is ready, whatever the executor.
    ///
    /// If it is ready before the emission begins, nothing runs. Several may be given. Synchronous listeners are asked for
    /// between one and the next.
    pub fn until(self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.with(|options| options.stops.push(stop))
    }

    /// Cancels the emission when `token` is cancelled. Listeners see it through their [`Context`](crate::Context) at once.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus::BoxError> {
    /// use eventbus::{Bus, EmitError};
    /// use tokio_util::sync::CancellationToken;
    ///
    /// let (bus, request) = (Bus::new(), CancellationToken::new());
    /// bus.on_async::<UserCreated>(|_| std::future::pending::<()>()); // it would never end
    /// let gone = request.clone();
    /// tokio::spawn(async move { gone.cancel() });
    ///
    /// let ended = bus.emit(UserCreated).cancel_on(&request).await.into_result();
    /// assert!(matches!(ended, Err(EmitError::Cancelled(_))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn cancel_on(self, token: &CancellationToken) -> Self {
        self.with(|options| options.cancel_on(token))
    }

    /// Ends the emission when it has taken `time`, counted from its first poll. Listeners that have not ended are stopped
    /// and reported as timed out, or as still running where they cannot be stopped.
    ///
    /// A synchronous listener is never interrupted; those behind it are then not called. An emission that has overrun its
    /// limit is not ok, even if all its listeners finished well. With several limits the first counts. Emissions nested in
    /// this one end with it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus::BoxError> {
    /// use std::time::Duration;
    /// use eventbus::{Bus, EmitError};
    ///
    /// let bus = Bus::new();
    /// bus.listener::<UserCreated>().named("crm").on_async(|_| std::future::pending::<()>());
    ///
    /// match bus.emit(UserCreated).timeout(Duration::from_millis(20)).await.into_result() {
    ///     Err(EmitError::TimedOut(report)) => assert_eq!(report.failures()[0].listener().name(), Some("crm")),
    ///     other => return Err(format!("{other:?}").into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn timeout(self, time: Duration) -> Self {
        self.with(|options| options.limits.set_timeout(time))
    }

    /// Ends the emission at a moment, as [`timeout`](Self::timeout) does: one deadline over many emissions. Takes a
    /// `std::time::Instant` or a `tokio::time::Instant`.
    pub fn deadline(self, at: impl Into<tokio::time::Instant>) -> Self {
        let at = at.into();
        self.with(|options| options.limits.set_deadline(at))
    }

    /// Runs the listeners and waits for them on this thread.
    ///
    /// Synchronous listeners run here, and nothing more is needed if there are no others. Async listeners are polled here,
    /// inside the runtime that this thread is in, or the bus's own (`runtime`), or none. Blocking listeners run here too,
    /// unless there is a limit of time to keep and a runtime whose pool can take them.
    ///
    /// Inside an async task of a multi-thread runtime the thread blocks in place (`tokio::task::block_in_place`). In a task
    /// of a current-thread runtime it cannot wait: synchronous listeners run, the others are reported as
    /// [`InsideAsyncTask`](crate::NotRun::InsideAsyncTask). Await the emission there.
    ///
    /// In a thread that has *entered* a current-thread runtime which nobody drives, an async listener that needs the
    /// runtime's timer or I/O never ends; give the emission a timeout.
    ///
    /// # Panics
    ///
    /// Only if dropping the event itself panics, or if it has been polled before.
    #[expect(clippy::inline_always, reason = "an event without listeners then costs a load and a comparison")]
    #[inline(always)]
    pub fn blocking(self) -> Report {
        self.inner.blocking()
    }

    /// Hands the emission to the runtime and returns at once; nothing runs on this thread.
    ///
    /// The handle may be awaited for the report, dropped (the emission goes on), or aborted. Failures that nobody reads
    /// reach the failure hook. Where there is no runtime, where it has shut down, and where
    /// [`max_spawned`](crate::BusBuilder::max_spawned) emissions are under way, nothing runs and the report says so.
    ///
    /// It does not end with the emission that it is spawned in: neither that one's deadline nor its cancellation reaches it.
    ///
    /// # Panics
    ///
    /// Only if the emission has been polled before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct PageView;
    /// # impl Event for PageView { const NAME: EventName = EventName::new("page.view"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus_core::EmitError> {
    /// let bus = Bus::new();
    /// bus.on_async::<PageView>(|_| async { /* count it */ });
    ///
    /// bus.emit(PageView).spawn(); // not critical: go on at once
    /// let count = bus.emit(PageView).spawn();
    /// count.await.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawn(self) -> EmitHandle {
        self.inner.spawn()
    }

    fn with(mut self, change: impl FnOnce(&mut EmitOptions)) -> Self {
        self.inner.with(change);
        self
    }
}

impl<I: IntoEvent> Future for Emit<'_, I> {
    type Output = Report;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report> {
        self.inner.poll(cx)
    }
}

impl<I: IntoEvent> fmt::Debug for Emit<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emit").field("event", &I::Event::NAME).finish_non_exhaustive()
    }
}

/// An emission by name; made by [`Bus::emit_name`] and `emit_json`. It is finished as [`Emit`] is.
#[must_use = "nothing runs until it is awaited, or ended by `.blocking()` or `.spawn()`"]
pub struct EmitAny<'b> {
    inner: Emitting<'b, ErasedEvent>,
}

impl<'b> EmitAny<'b> {
    pub(crate) fn new(bus: &'b Bus, slot: &'b Arc<Slot>, event: AnyEvent<'static>) -> Self {
        Self { inner: Emitting::new(bus, slot, ErasedEvent(event)) }
    }

    /// What is to be emitted, instead of emitting it; `None` once it has been polled.
    pub(crate) fn into_event(self) -> Option<(&'b Arc<Slot>, AnyEvent<'static>)> {
        let Emitting { slot, emission, .. } = self.inner;
        Some((slot, emission.payload?.0))
    }

    /// As [`Emit::until`].
    pub fn until(self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.with(|options| options.stops.push(stop))
    }

    /// As [`Emit::cancel_on`].
    pub fn cancel_on(self, token: &CancellationToken) -> Self {
        self.with(|options| options.cancel_on(token))
    }

    /// As [`Emit::timeout`].
    pub fn timeout(self, time: Duration) -> Self {
        self.with(|options| options.limits.set_timeout(time))
    }

    /// As [`Emit::deadline`].
    pub fn deadline(self, at: impl Into<tokio::time::Instant>) -> Self {
        let at = at.into();
        self.with(|options| options.limits.set_deadline(at))
    }

    /// As [`Emit::blocking`].
    ///
    /// # Panics
    ///
    /// Only if dropping the event itself panics, or if it has been polled before.
    pub fn blocking(self) -> Report {
        self.inner.blocking()
    }

    /// As [`Emit::spawn`].
    ///
    /// # Panics
    ///
    /// Only if the emission has been polled before.
    pub fn spawn(self) -> EmitHandle {
        self.inner.spawn()
    }

    fn with(mut self, change: impl FnOnce(&mut EmitOptions)) -> Self {
        self.inner.with(change);
        self
    }
}

impl Future for EmitAny<'_> {
    type Output = Report;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report> {
        self.inner.poll(cx)
    }
}

impl fmt::Debug for EmitAny<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Emitting { emission, slot, .. } = &self.inner;
        let name = match &emission.payload {
            Some(ErasedEvent(event)) => event.name(),
            None => slot.event.name().as_str(),
        };
        f.debug_struct("EmitAny").field("event", &name).finish_non_exhaustive()
    }
}
