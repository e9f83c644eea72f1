//! Listeners in tasks, or on threads, of their own.
//!
//! They outlive an emission that stops waiting for them. Their outcome goes to the emission while it waits, and to the
//! failure hook afterwards, so that it is never lost.

use std::{
    mem,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    runtime::Handle,
    sync::oneshot::{self, error::TryRecvError},
};

use super::{
    failure_counts::count_failure,
    guards::CallGuard,
    handle::BusState,
    listener_task::{Ended, ListenerTask},
    run::call_isolated,
    tasks::TaskKind,
};
use crate::{
    call::{AnyEvent, CallContext, Frame, ListenerFuture, Signal, Timer, has_fired},
    event::isolate,
    interleave,
    listener::to_stderr,
    listener::{Failure, NotRun, Outcome, Subject},
    registry::{Entry, ErasedCall},
};

/// What a task or a thread of its own needs to run a listener and to report it.
pub(super) struct Detached {
    pub(super) bus: Arc<BusState>,
    pub(super) entry: Arc<Entry>,
    pub(super) subject: Subject,
    pub(super) guard: CallGuard,
}

/// A listener in a task or thread of its own, seen from its emission.
pub(super) struct Task {
    ended: oneshot::Receiver<Ended>,
    progress: Arc<TaskProgress>,
    /// Whether it does not begin once its emission has stopped waiting for it.
    may_be_abandoned: bool,
}

/// How far a listener has come.
#[derive(Default)]
struct TaskProgress(AtomicU8);

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const ABANDONED: u8 = 2;

impl TaskProgress {
    /// Whether it may begin: not if its emission has stopped waiting for it before.
    fn begin(&self) -> bool {
        self.0.compare_exchange(WAITING, BEGUN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Keeps it from beginning; `false` if it has begun.
    fn abandon(&self) -> bool {
        self.0.compare_exchange(WAITING, ABANDONED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The outcome of a listener whose task was dropped: only a runtime that shuts down does that.
    fn dropped(&self) -> Outcome {
        match self.0.load(Ordering::Acquire) {
            BEGUN => Outcome::Cancelled,
            _ => Outcome::NotRun(NotRun::RuntimeShutDown),
        }
    }
}

impl Task {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        Pin::new(&mut self.ended).poll(cx).map(|ended| ended.unwrap_or_else(|_| Some(self.progress.dropped())))
    }

    /// Stops waiting for it. A blocking listener that has not begun does not begin.
    pub(super) fn leave(&mut self) -> Ended {
        if self.may_be_abandoned && self.progress.abandon() {
            return Some(Outcome::NotRun(NotRun::NotBegun));
        }
        match self.ended.try_recv() {
            // It has ended, and the emission did not come to hear it.
            Ok(ended) => ended,
            Err(TryRecvError::Closed) => Some(self.progress.dropped()),
            Err(TryRecvError::Empty) => {
                // From here on its outcome goes to the failure hook; unless it was sent just before.
                self.ended.close();
                self.ended.try_recv().unwrap_or(Some(Outcome::StillRunning))
            }
        }
    }
}

/// The far end of a [`Task`].
struct Reporter {
    bus: Arc<BusState>,
    entry: Arc<Entry>,
    subject: Subject,
    ended: oneshot::Sender<Ended>,
}

impl Reporter {
    fn report(self, ended: Ended) {
        let Self { bus, entry, subject, ended: emission } = self;
        if let Err(Some(outcome)) = emission.send(ended) {
            count_late(&bus, &entry, &subject, &outcome);
            let failure = Failure::new(subject, &entry.info, outcome);
            if !bus.hook.tell(std::slice::from_ref(&failure)) {
                to_stderr(&failure);
            }
            let _ = isolate(|| drop(failure));
        }
    }
}

/// Counts how a listener ended that its emission has left behind.
fn count_late(bus: &BusState, entry: &Entry, subject: &Subject, outcome: &Outcome) {
    let slot = match subject.event_type() {
        Some(event) => bus.registry.get(event),
        None => Some(&bus.unclaimed),
    };
    if let Some(counts) = slot.and_then(|slot| slot.counts.as_ref()) {
        count_failure(counts, entry, outcome);
    }
}

/// Spawns an async listener into a task of its own.
pub(super) fn spawn(
    runtime: &Handle,
    detached: Detached,
    timer: Option<Timer>,
    make: impl FnOnce() -> ListenerFuture,
) -> Result<Task, Outcome> {
    let Detached { bus, entry, subject, guard } = detached;
    let task = ListenerTask::start(guard, make)?;
    let running = bus.tasks.start(TaskKind::Listener);
    let (sender, ended) = oneshot::channel();
    let progress = Arc::<TaskProgress>::default();
    let reporter = Reporter { bus, entry, subject, ended: sender };
    // It runs to its end, whatever becomes of its emission; so do the emissions nested in it.
    let frame = Frame::now().unlimited();
    let listener = SpawnedListener { task, frame, progress: Arc::clone(&progress), timer };
    interleave::spawn(runtime, async move {
        // Dropped last, however the task ends.
        let mut running = running;
        let reporter = reporter;
        let ended = listener.await;
        running.ended();
        reporter.report(ended);
    });
    Ok(Task { ended, progress, may_be_abandoned: false })
}

/// Runs a blocking listener on the runtime's pool.
pub(super) fn spawn_blocking(
    runtime: &Handle,
    detached: Detached,
    code: Arc<dyn ErasedCall>,
    event: AnyEvent<'static>,
    signal: Arc<Signal>,
) -> Result<Task, Outcome> {
    let Detached { bus, entry, subject, guard } = detached;
    let running = bus.tasks.start(TaskKind::Blocking);
    let (sender, ended) = oneshot::channel();
    let progress = Arc::<TaskProgress>::default();
    let reporter = Reporter { bus, entry, subject, ended: sender };
    let frame = Frame::now().cancelled_by(Arc::clone(&signal));
    let begun = Arc::clone(&progress);
    let waiting = WaitingForThread { guard, frame: frame.clone() };
    let call = move || {
        // Dropped last: when the bus has settled, nothing is held any more.
        let mut running = running;
        let ended = if begun.begin() {
            let _inside = frame.enter();
            let mut context = CallContext::with_signal(signal);
            call_isolated(waiting.begin(), &mut context, |context| code.call(&event, context));
            context.notes().failures.pop().map(|(_, outcome)| outcome)
        } else {
            waiting.end(NotRun::NotBegun);
            None
        };
        // Before the emission hears that it has ended: the event may then be taken out of its `Arc`.
        let _ = isolate(|| drop((code, event)));
        running.ended();
        reporter.report(ended);
    };
    // The pool panics where the system gives it no thread.
    isolate(|| interleave::spawn_blocking(runtime, call)).map_err(Outcome::Panicked)?;
    Ok(Task { ended, progress, may_be_abandoned: true })
}

/// The guard of a call that waits for a thread of the pool.
struct WaitingForThread {
    guard: CallGuard,
    frame: Frame,
}

impl WaitingForThread {
    fn begin(mut self) -> CallGuard {
        mem::replace(&mut self.guard, CallGuard::none())
    }

    fn end(mut self, why: NotRun) {
        self.end_guard(why);
    }

    fn end_guard(&mut self, why: NotRun) {
        if !self.guard.is_none() {
            let _inside = self.frame.enter();
            self.guard.end(Some(&Outcome::NotRun(why)));
        }
    }
}

impl Drop for WaitingForThread {
    /// Only a runtime that shuts down drops what waits.
    fn drop(&mut self) {
        self.end_guard(NotRun::RuntimeShutDown);
    }
}

/// A spawned listener: its frame is set around each poll, and around its drop.
struct SpawnedListener {
    task: ListenerTask,
    frame: Frame,
    progress: Arc<TaskProgress>,
    /// Its own limit of time.
    timer: Option<Timer>,
}

impl Future for SpawnedListener {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        self.progress.begin();
        let this = &mut *self;
        let _inside = this.frame.enter();
        let ended = this.task.poll(cx);
        if ended.is_pending() && this.timer.as_mut().is_some_and(|timer| has_fired(timer, cx)) {
            return Poll::Ready(Some(this.task.stop(Outcome::TimedOut)));
        }
        ended
    }
}

impl Drop for SpawnedListener {
    fn drop(&mut self) {
        if !self.task.has_ended() {
            let _inside = self.frame.enter();
            self.task.stop(self.progress.dropped());
        }
    }
}
