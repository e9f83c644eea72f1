//! The builder of an emission, which is also its future.

use std::{
    cell::OnceCell,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

#[cfg(feature = "tokio")]
use std::time::Duration;
#[cfg(feature = "tokio")]
use tokio_util::sync::CancellationToken;

use super::{
    Bus, Report,
    emission::{Begun, New},
    emitter::Cached,
    park::Waking,
    running::Running,
};
use crate::{
    dispatch::EventSlot,
    event::{Event, IntoEvent},
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
/// Synchronous listeners run first, in the order of priority and registration, on the thread that polls. Then the others
/// are started in that order, and awaited together. Async listeners run inside this future: they see its task-locals and its
/// span, and dropping the future stops them at their next await. Spawned and blocking ones run on.
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
    pub(super) bus: &'b Bus,
    pub(super) source: Source<'b, I::Event>,
    pub(super) state: State<I>,
}

/// Where an emission takes its snapshot from, when it begins.
pub(super) enum Source<'b, E: Event> {
    Slot(Arc<EventSlot<E>>),
    Cached(&'b mut Cached<E>),
}

#[cfg_attr(
    not(feature = "tokio"),
    expect(clippy::large_enum_variant, reason = "a box would be an allocation for each emission that waits")
)]
pub(super) enum State<I: IntoEvent> {
    New(New<I>),
    Running(Running<I::Event>),
    Finished,
}

// Nothing in it is pinned in place: the listeners' futures are boxed.
impl<I: IntoEvent> Unpin for Emit<'_, I> {}

impl<'b, I: IntoEvent> Emit<'b, I> {
    pub(super) fn new(bus: &'b Bus, event: I, source: Source<'b, I::Event>) -> Self {
        Self { bus, source, state: State::New(New::of(event)) }
    }

    /// Cancels the emission when `stop` is ready, whatever the executor.
    ///
    /// If it is ready before the emission begins, nothing runs. Several may be given. Synchronous listeners are asked for
    /// between one and the next.
    pub fn until(self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.change(|new| new.stops.push(stop))
    }

    /// Cancels the emission when `token` is cancelled. Listeners see it through their [`Context`](crate::Context) at once.
    #[cfg(feature = "tokio")]
    pub fn cancel_on(self, token: &CancellationToken) -> Self {
        self.change(|new| {
            new.stops.push(token.clone().cancelled_owned());
            new.limits.tokens.push(token.clone());
        })
    }

    /// Ends the emission when it has taken `time`, counted from its first poll. Listeners that have not ended are stopped
    /// and reported as timed out, or as still running where they cannot be stopped.
    ///
    /// A synchronous listener is never interrupted; those behind it are then not called. With several limits the first
    /// counts.
    #[cfg(feature = "tokio")]
    pub fn timeout(self, time: Duration) -> Self {
        self.change(|new| new.limits.timeout(time))
    }

    /// Ends the emission at a moment, as [`timeout`](Self::timeout) does: one deadline over many emissions. Takes a
    /// `std::time::Instant` or a `tokio::time::Instant`.
    #[cfg(feature = "tokio")]
    pub fn deadline(self, at: impl Into<tokio::time::Instant>) -> Self {
        let at = at.into();
        self.change(|new| new.limits.deadline(at))
    }

    /// Runs the listeners and waits for them on this thread.
    ///
    /// Synchronous listeners run here, and nothing more is needed if there are no others. Async listeners are polled here,
    /// inside the runtime that this thread is in, or the bus's own (`runtime`), or none. Blocking listeners run here too,
    /// unless there is a limit of time to keep and a runtime whose pool can take them.
    ///
    /// Inside an async task it cannot wait: synchronous listeners run, the others are reported as
    /// [`InsideAsyncTask`](crate::NotRun::InsideAsyncTask), and since tokio has no other way to tell, the panic hook sees
    /// a contained panic. Await the emission there.
    ///
    /// In a thread that has *entered* a current-thread runtime which nobody drives, an async listener that needs the
    /// runtime's timer or I/O never ends; give the emission a timeout.
    ///
    /// # Panics
    ///
    /// Only if dropping the event itself panics, or if it has been polled before.
    pub fn blocking(mut self) -> Report {
        let waking = Waking::Thread(OnceCell::new());
        let mut running = match self.begin(&waking) {
            Begun::Finished(report) => return report,
            Begun::Running(running) => running,
        };
        let _inside = self.bus.enter_runtime();
        loop {
            if let Poll::Ready(report) = running.poll(&mut waking.context()) {
                return report;
            }
            waking.park(running.next_deadline());
        }
    }

    fn change(mut self, change: impl FnOnce(&mut New<I>)) -> Self {
        if let State::New(new) = &mut self.state {
            change(new);
        }
        self
    }

    /// Takes the emission as it was before it began.
    pub(super) fn take_new(&mut self) -> New<I> {
        match std::mem::replace(&mut self.state, State::Finished) {
            State::New(new) => new,
            _ => panic!("this emission has been polled before; it can only be awaited"),
        }
    }

    fn begin(&mut self, waking: &Waking<'_>) -> Begun<I::Event> {
        let new = self.take_new();
        match &mut self.source {
            Source::Slot(slot) if slot.len() == 0 => Begun::Finished(Report::empty(new.subject)),
            Source::Slot(slot) => new.begin(self.bus, slot, slot.snapshot().as_ref(), waking),
            Source::Cached(cached) => {
                let mut rebuilt = None;
                let (slot, snapshot) = cached.load(&mut rebuilt);
                new.begin(self.bus, slot, snapshot, waking)
            }
        }
    }
}

impl<I: IntoEvent> Future for Emit<'_, I> {
    type Output = Report;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report> {
        if let State::Running(running) = &mut self.state {
            let polled = running.poll(cx);
            if polled.is_ready() {
                self.state = State::Finished;
            }
            return polled;
        }
        match self.begin(&Waking::Task(cx.waker())) {
            Begun::Finished(report) => Poll::Ready(report),
            Begun::Running(running) => {
                self.state = State::Running(running);
                Poll::Pending
            }
        }
    }
}

impl<I: IntoEvent> fmt::Debug for Emit<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emit").field("event", &I::Event::NAME).finish_non_exhaustive()
    }
}
