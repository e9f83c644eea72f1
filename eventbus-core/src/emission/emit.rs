//! The builder of an emission, which is also its future.

use std::{
    cell::OnceCell,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

#[cfg(feature = "tokio")]
use std::time::Duration;
#[cfg(feature = "tokio")]
use tokio_util::sync::CancellationToken;

use super::{Bus, Report, emission::New, emitter::Cached, listeners::Listeners, park::Waking, running::Running};
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
    /// Until it begins.
    new: Option<New<I>>,
    /// While listeners are under way.
    running: Option<Running<I::Event>>,
}

/// Where an emission takes its snapshot from, when it begins.
pub(super) enum Source<'b, E: Event> {
    Listeners(Listeners<'b, E>),
    Cached(&'b mut Cached<E>),
}

// Nothing in it is pinned in place: the listeners' futures are boxed.
impl<I: IntoEvent> Unpin for Emit<'_, I> {}

impl<'b, I: IntoEvent> Emit<'b, I> {
    #[inline]
    pub(super) fn new(bus: &'b Bus, event: I, source: Source<'b, I::Event>) -> Self {
        Self { bus, source, new: Some(New::of(event)), running: None }
    }

    /// Cancels the emission when `stop` is ready, whatever the executor.
    ///
    /// If it is ready before the emission begins, nothing runs. Several may be given. Synchronous listeners are asked for
    /// between one and the next.
    pub fn until(self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.with(|new| new.options().stops.push(stop))
    }

    /// Cancels the emission when `token` is cancelled. Listeners see it through their [`Context`](crate::Context) at once.
    #[cfg(feature = "tokio")]
    pub fn cancel_on(self, token: &CancellationToken) -> Self {
        self.with(|new| new.cancel_on(token))
    }

    /// Ends the emission when it has taken `time`, counted from its first poll. Listeners that have not ended are stopped
    /// and reported as timed out, or as still running where they cannot be stopped.
    ///
    /// A synchronous listener is never interrupted; those behind it are then not called. With several limits the first
    /// counts.
    #[cfg(feature = "tokio")]
    pub fn timeout(self, time: Duration) -> Self {
        self.with(|new| new.options().limits.timeout(time))
    }

    /// Ends the emission at a moment, as [`timeout`](Self::timeout) does: one deadline over many emissions. Takes a
    /// `std::time::Instant` or a `tokio::time::Instant`.
    #[cfg(feature = "tokio")]
    pub fn deadline(self, at: impl Into<tokio::time::Instant>) -> Self {
        let at = at.into();
        self.with(|new| new.options().limits.deadline(at))
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
    #[inline]
    pub fn blocking(mut self) -> Report {
        match self.idle() {
            Some(report) => report,
            None => self.block(),
        }
    }

    /// The report, if nobody listens. Small enough to become part of the caller.
    #[inline]
    fn idle(&self) -> Option<Report> {
        let (slot, empty): (&EventSlot<I::Event>, _) = match &self.source {
            Source::Listeners(listeners) => (&listeners.slot, listeners.is_empty()),
            Source::Cached(cached) => (&cached.slot, cached.slot.len() == 0),
        };
        match &self.new {
            Some(new) if empty => {
                slot.note_emitted();
                Some(Report::empty(new.subject.clone()))
            }
            _ => None,
        }
    }

    fn block(&mut self) -> Report {
        let bus = self.bus;
        let waking = Waking::Thread(OnceCell::new());
        self.begin(&waking, |mut running, _| {
            let _inside = bus.enter_runtime();
            loop {
                if let Poll::Ready(report) = running.poll(&mut waking.context()) {
                    return report;
                }
                waking.park(running.next_deadline());
            }
        })
    }

    fn with(mut self, change: impl FnOnce(&mut New<I>)) -> Self {
        self.change(change);
        self
    }

    pub(super) fn change(&mut self, change: impl FnOnce(&mut New<I>)) {
        if let Some(new) = &mut self.new {
            change(new);
        }
    }

    #[cfg(feature = "tokio")]
    /// Takes the emission as it was before it began.
    pub(super) fn take_new(&mut self) -> New<I> {
        match self.new.take() {
            Some(new) => new,
            None => panic!("this emission has been polled before; it can only be awaited"),
        }
    }

    #[inline]
    fn begin<T: From<Report>>(
        &mut self,
        waking: &Waking<'_>,
        run: impl FnOnce(Running<I::Event>, &mut Option<Running<I::Event>>) -> T,
    ) -> T {
        let Self { bus, source, new, running } = self;
        let (found, mut rebuilt);
        let (slot, snapshot): (&EventSlot<I::Event>, _) = match source {
            Source::Cached(cached) => {
                rebuilt = None;
                cached.load(&mut rebuilt)
            }
            Source::Listeners(listeners) => match new {
                Some(new) => {
                    found = listeners.now(bus, new.event.get());
                    (&listeners.slot, found.as_ref())
                }
                None => (&listeners.slot, None),
            },
        };
        New::begin(new, bus, slot, snapshot, waking, |begun| run(begun, running))
    }
}

impl<I: IntoEvent> Future for Emit<'_, I> {
    type Output = Report;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report> {
        let bus = self.bus;
        let polled = match &mut self.running {
            Some(running) => {
                let _runtime = bus.enter_runtime();
                running.poll(cx)
            }
            None => self.begin(&Waking::Task(cx.waker()), |begun, running| {
                *running = Some(begun);
                Poll::Pending
            }),
        };
        if polled.is_ready() {
            (self.new, self.running) = (None, None);
        }
        polled
    }
}

impl<I: IntoEvent> fmt::Debug for Emit<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = match (&self.new, &self.running) {
            (Some(new), _) => new.subject.name(),
            (None, Some(running)) => running.event_name(),
            (None, None) => I::Event::NAME.as_str(),
        };
        f.debug_struct("Emit").field("event", &event).finish_non_exhaustive()
    }
}
