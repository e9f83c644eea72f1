//! Emissions in a task of their own.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::{runtime::Handle, sync::oneshot, task::AbortHandle};

use super::{
    Bus, Emit, Report,
    emission::{New, Parent, refuse},
    emit::Source,
    listeners::Listeners,
    park::Waking,
    running::Running,
};
use crate::{
    dispatch::{Stop, TaskKind, TaskToken, Tasks, isolate},
    event::{Event, IntoEvent},
    listener::{NotRun, Outcome, Subject},
};

impl<I: IntoEvent> Emit<'_, I> {
    /// Hands the emission to the runtime and returns at once; nothing runs on this thread.
    ///
    /// The handle may be awaited for the report, dropped (the emission goes on), or aborted. Failures that nobody reads
    /// reach the failure hook. Where there is no runtime, where it has shut down, and where
    /// [`max_spawned`](super::BusBuilder::max_spawned) emissions are under way, nothing runs and the report says so.
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
    pub fn spawn(mut self) -> EmitHandle {
        let bus = self.bus.clone();
        let mut new = self.take_new();
        new.options().parent = Parent::Given(bus.frame());
        let listeners = match &self.source {
            Source::Listeners(listeners) => listeners.keep(&bus),
            Source::Cached(cached) => Listeners::of(Arc::clone(&cached.slot)),
        };
        let Some(runtime) = bus.runtime() else {
            return EmitHandle::refused(&bus, &listeners, &new, NotRun::NoRuntime);
        };
        let limit = bus.inner.max_spawned;
        let Some(token) = Tasks::try_start(&*bus.inner, TaskKind::Emission, limit) else {
            return EmitHandle::refused(&bus, &listeners, &new, NotRun::TooManySpawned { limit });
        };
        let (report, reported) = oneshot::channel();
        let aborted = Arc::new(AtomicBool::new(false));
        let (new, report, flag) = (Some(new), Some(report), Arc::clone(&aborted));
        let spawned = Spawned { bus, listeners, new, running: None, report, aborted: flag, token };
        let abort = runtime.spawn(spawned).abort_handle();
        EmitHandle { report: Reported::Later(reported), task: Some((abort, aborted)) }
    }
}

impl Bus {
    /// The runtime that this code runs in, else the bus's own.
    fn runtime(&self) -> Option<Handle> {
        Handle::try_current().ok().or_else(|| self.inner.runtime.clone())
    }
}

/// An emission in a task of its own. However the task ends, it sends a report.
struct Spawned<I: IntoEvent> {
    bus: Bus,
    listeners: Listeners<'static, I::Event>,
    /// Until it begins.
    new: Option<New<I>>,
    /// While listeners are under way.
    running: Option<Running<I::Event>>,
    report: Option<oneshot::Sender<Report>>,
    aborted: Arc<AtomicBool>,
    // Last: when the bus has settled, the report has been sent, and nothing is held any more.
    token: TaskToken,
}

// Nothing in it is pinned in place.
impl<I: IntoEvent> Unpin for Spawned<I> {}

impl<I: IntoEvent> Spawned<I> {
    fn finish(&mut self, report: Report) {
        let done = (self.new.take(), self.running.take());
        // The event may panic in its `Drop`; the report is sent all the same.
        let _ = isolate(|| drop(done));
        self.token.ended();
        if let Some(sender) = self.report.take() {
            // A handle that was dropped wants no report; what is in it reaches the failure hook.
            let _ = sender.send(report);
        }
    }
}

impl<I: IntoEvent> Future for Spawned<I> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let polled = match (&mut this.running, &this.new) {
            (Some(running), _) => running.poll(cx),
            (None, Some(new)) => {
                let found = this.listeners.now(&this.bus, new.event.get());
                let (slot, waking) = (&this.listeners.slot, Waking::Task(cx.waker()));
                New::begin(&mut this.new, &this.bus, slot, found.as_ref(), &waking, |begun| {
                    this.running = Some(begun);
                    Poll::Pending
                })
            }
            (None, None) => unreachable!("polled after its end"),
        };
        let report = ready!(polled);
        this.finish(report);
        Poll::Ready(())
    }
}

impl<I: IntoEvent> Drop for Spawned<I> {
    /// Aborted, or its runtime has shut down.
    fn drop(&mut self) {
        let report = match (&mut self.running, &self.new) {
            (Some(running), _) => running.stop(Stop::Cancelled),
            (None, Some(new)) => {
                let (outcome, stopped) = if self.aborted.load(Ordering::Acquire) {
                    (Outcome::Cancelled, Some(Stop::Cancelled))
                } else {
                    (Outcome::NotRun(NotRun::RuntimeShutDown), None)
                };
                refuse_all(&self.bus, &self.listeners, new, stopped, &outcome)
            }
            (None, None) if self.report.is_none() => return,
            // The event panicked in its `Drop`, at the end of the emission.
            (None, None) => Report::empty(Subject::Typed(I::Event::TYPE)),
        };
        self.finish(report);
    }
}

/// The report of an emission that does not begin.
fn refuse_all<I: IntoEvent>(
    bus: &Bus,
    listeners: &Listeners<'_, I::Event>,
    new: &New<I>,
    stopped: Option<Stop>,
    outcome: &Outcome,
) -> Report {
    match &*listeners.now(bus, new.event.get()) {
        Some(snapshot) => refuse(bus, snapshot, new.subject.clone(), stopped, outcome),
        None => Report::empty(new.subject.clone()),
    }
}

/// A spawned emission; made by [`Emit::spawn`].
///
/// Awaited, it gives the report. Dropped, it lets the emission go on.
///
/// # Cancel safety
///
/// Awaiting it may be given up and taken up again.
pub struct EmitHandle {
    report: Reported,
    task: Option<(AbortHandle, Arc<AtomicBool>)>,
}

enum Reported {
    Now(Option<Report>),
    Later(oneshot::Receiver<Report>),
}

impl EmitHandle {
    fn refused<I: IntoEvent>(bus: &Bus, listeners: &Listeners<'_, I::Event>, new: &New<I>, why: NotRun) -> Self {
        let report = refuse_all(bus, listeners, new, None, &Outcome::NotRun(why));
        Self { report: Reported::Now(Some(report)), task: None }
    }

    /// Ends the emission at its next await: listeners that have not been called are not called, async ones are stopped. The
    /// report tells them as cancelled. Without effect once it has ended.
    pub fn abort(&self) {
        if let Some((task, aborted)) = &self.task {
            aborted.store(true, Ordering::Release);
            task.abort();
        }
    }

    /// Whether the emission has ended.
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(|(task, _)| task.is_finished())
    }
}

impl Future for EmitHandle {
    type Output = Report;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report> {
        match &mut self.report {
            Reported::Now(report) => match report.take() {
                Some(report) => Poll::Ready(report),
                None => panic!("polled after it was ready"),
            },
            Reported::Later(report) => Pin::new(report).poll(cx).map(|report| match report {
                Ok(report) => report,
                Err(_) => unreachable!("a spawned emission sends a report however it ends"),
            }),
        }
    }
}

impl fmt::Debug for EmitHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmitHandle").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}
