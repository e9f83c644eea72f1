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

use tokio::{sync::oneshot, task::AbortHandle};

use super::{
    begin::not_begun,
    handle::Bus,
    options::EmitOptions,
    payload::{ErasedEvent, Payload},
    report::Report,
    stage::Emission,
    tasks::{TaskKind, TaskToken},
};
use crate::{
    call::{AnyEvent, Caller, Frame, Stop},
    event::isolate,
    interleave,
    listener::{NotRun, Outcome, Subject},
    registry::{Slot, Snapshot},
};

/// Hands an emission to the runtime.
pub(super) fn spawn(
    bus: &Bus,
    slot: &Arc<Slot>,
    event: AnyEvent<'static>,
    options: Option<Box<EmitOptions>>,
) -> EmitHandle {
    let (bus, slot, subject) = (bus.clone(), Arc::clone(slot), event.subject().clone());
    let emission = Emission::with_options(ErasedEvent(event), options);
    let parent = bus.frame().map(Frame::unlimited).unwrap_or_default();
    let target = EmissionTarget { bus, slot, subject };
    let Some(runtime) = target.bus.state.runtime() else {
        return EmitHandle::refused(&target, &emission, NotRun::NoRuntime);
    };
    let limit = target.bus.state.max_spawned;
    let Some(token) = target.bus.state.tasks.try_start(TaskKind::Emission, limit) else {
        return EmitHandle::refused(&target, &emission, NotRun::TooManySpawned { limit });
    };
    let (report, reported) = oneshot::channel();
    let aborted = Arc::new(AtomicBool::new(false));
    let caller = Caller::now();
    let spawned = SpawnedEmission {
        target,
        emission,
        parent,
        caller,
        report: Some(report),
        aborted: Arc::clone(&aborted),
        token,
    };
    #[cfg(feature = "tracing")]
    let spawned = tracing::Instrument::in_current_span(spawned);
    let abort = interleave::spawn(&runtime, spawned).abort_handle();
    EmitHandle { report: Reported::Later(reported), task: Some((abort, aborted)) }
}

/// Where an emission goes.
struct EmissionTarget {
    bus: Bus,
    slot: Arc<Slot>,
    subject: Subject,
}

impl EmissionTarget {
    /// The listeners of an emission that has not begun.
    fn snapshot(&self, emission: &Emission<ErasedEvent>) -> Arc<Snapshot> {
        let unclaimed = emission.payload.as_ref().and_then(|event| event.unclaimed(&self.bus.state));
        unclaimed.unwrap_or_else(|| Arc::clone(self.slot.load().snapshot()))
    }

    fn poll(&self, emission: &mut Emission<ErasedEvent>, cx: &mut Context<'_>) -> Poll<Report> {
        let is_unclaimed = emission.payload.as_ref().is_some_and(Payload::is_unclaimed);
        if emission.is_new() && !is_unclaimed && self.slot.is_idle() {
            self.bus.state.note_unheard(&self.slot);
            return Poll::Ready(Report::empty(self.slot.event, &self.subject));
        }
        emission.poll(&self.bus, &self.slot, None, cx)
    }

    /// The report of an emission that does not begin.
    fn refuse(&self, emission: &Emission<ErasedEvent>, stopped: Option<Stop>, outcome: &Outcome) -> Report {
        let snapshot = self.snapshot(emission);
        if snapshot.len == 0 {
            self.slot.count_unheard();
            return Report::empty(self.slot.event, &self.subject);
        }
        let Some(event) = &emission.payload else { return Report::empty(self.slot.event, &self.subject) };
        let _count = self.slot.begin_count();
        not_begun(&self.bus.state, &self.slot, event.0.clone(), &snapshot, stopped, outcome)
    }
}

/// An emission in a task of its own. However the task ends, it sends a report.
struct SpawnedEmission {
    target: EmissionTarget,
    emission: Emission<ErasedEvent>,
    /// Of the code that has spawned it, as the next one: set around its beginning.
    parent: Frame,
    caller: Caller,
    report: Option<oneshot::Sender<Report>>,
    aborted: Arc<AtomicBool>,
    // Last: when the bus has settled, the report has been sent, and nothing is held any more.
    token: TaskToken,
}

impl SpawnedEmission {
    fn finish(&mut self, report: Report) {
        let done = self.emission.take();
        // The event may panic in its `Drop`; the report is sent all the same.
        let _ = isolate(|| drop(done));
        self.token.ended();
        if let Some(sender) = self.report.take() {
            // A handle that was dropped wants no report; what is in it reaches the failure hook.
            let _ = sender.send(report);
        }
    }
}

impl Future for SpawnedEmission {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { target, emission, parent, caller, .. } = &mut *self;
        let inside = emission.is_new().then(|| (std::mem::take(parent).enter(), caller.enter()));
        let polled = target.poll(emission, cx);
        drop(inside);
        let report = ready!(polled);
        self.finish(report);
        Poll::Ready(())
    }
}

impl Drop for SpawnedEmission {
    /// Aborted, or its runtime has shut down.
    fn drop(&mut self) {
        let Self { target, emission, parent, caller, .. } = self;
        let report = if let Some(running) = emission.running() {
            running.stop(Stop::Cancelled)
        } else if emission.is_new() {
            let (outcome, stopped) = if self.aborted.load(Ordering::Acquire) {
                (Outcome::Cancelled, Some(Stop::Cancelled))
            } else {
                (Outcome::NotRun(NotRun::RuntimeShutDown), None)
            };
            let _inside = (parent.enter(), caller.enter());
            target.refuse(emission, stopped, &outcome)
        } else if self.report.is_none() {
            return;
        } else {
            // The event panicked in its `Drop`, at the end of the emission.
            Report::empty(target.slot.event, &target.subject)
        };
        self.finish(report);
    }
}

/// A spawned emission; made by [`Emit::spawn`](crate::Emit::spawn).
///
/// Awaited, it gives the report. Dropped, it lets the emission go on.
///
/// # Cancel safety
///
/// Awaiting it may be given up and taken up again.
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
/// use eventbus::Bus;
///
/// let bus = Bus::new();
/// bus.on_async::<UserCreated>(|_| async { println!("welcome") });
///
/// let emission = bus.emit(UserCreated).spawn(); // runs by itself
/// println!("done: {}", emission.is_finished());
/// emission.await.into_result()?;
/// # Ok(())
/// # }
/// ```
pub struct EmitHandle {
    report: Reported,
    task: Option<(AbortHandle, Arc<AtomicBool>)>,
}

enum Reported {
    Now(Option<Report>),
    Later(oneshot::Receiver<Report>),
}

impl EmitHandle {
    fn refused(target: &EmissionTarget, emission: &Emission<ErasedEvent>, why: NotRun) -> Self {
        let report = target.refuse(emission, None, &Outcome::NotRun(why));
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
