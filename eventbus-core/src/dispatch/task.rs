//! Listeners in tasks, or on threads, of their own.
//!
//! They outlive an emission that stops waiting for them. Their outcome goes to the emission while it waits, and to the
//! failure hook afterwards, so that it is never lost.

use std::{
    mem,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    runtime::Handle,
    sync::oneshot::{self, error::TryRecvError},
};

use super::{
    AsyncCall, Frame, Host, Pass, Scene, SyncCall, Timer,
    driven::Driven,
    has_fired, isolate,
    run::call_isolated,
    signal::Signal,
    tasks::{TaskKind, Tasks},
    work::Ended,
};
use crate::{
    event::Event,
    listener::{Failure, NotRun, Outcome, Subject},
    registry::Entry,
};

/// A listener in a task or thread of its own, seen from its emission.
pub(super) struct Task {
    ended: oneshot::Receiver<Ended>,
    started: Arc<AtomicBool>,
}

impl Task {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        Pin::new(&mut self.ended).poll(cx).map(|ended| ended.unwrap_or_else(|_| Some(self.dropped())))
    }

    /// Stops waiting for it.
    pub(super) fn leave(&mut self) -> Ended {
        match self.ended.try_recv() {
            // It has ended, and the emission did not come to hear it.
            Ok(ended) => ended,
            Err(TryRecvError::Closed) => Some(self.dropped()),
            Err(TryRecvError::Empty) => {
                // From here on its outcome goes to the failure hook; unless it was sent just before.
                self.ended.close();
                self.ended.try_recv().unwrap_or(Some(Outcome::StillRunning))
            }
        }
    }

    fn dropped(&self) -> Outcome {
        dropped(&self.started)
    }
}

/// What became of a listener if its task was dropped: nobody does that but a runtime that shuts down.
fn dropped(started: &AtomicBool) -> Outcome {
    if started.load(Ordering::Acquire) { Outcome::Cancelled } else { Outcome::NotRun(NotRun::RuntimeShutDown) }
}

/// The far end of a [`Task`].
struct Reporter<F: ?Sized> {
    entry: Arc<Entry<F>>,
    subject: Subject,
    host: Arc<dyn Host>,
    ended: oneshot::Sender<Ended>,
}

impl<F: ?Sized> Reporter<F> {
    fn report(self, ended: Ended) {
        if let Err(Some(outcome)) = self.ended.send(ended) {
            self.host.tell(Failure::new(self.subject, &self.entry.info, outcome));
        }
    }
}

/// Spawns an async listener into a task of its own.
pub(super) fn spawn<E: 'static>(
    handle: &Handle,
    entry: &Arc<Entry<dyn AsyncCall<E>>>,
    event: Arc<E>,
    scene: &Scene<'_>,
    timer: Option<Timer>,
    pass: Pass,
) -> Result<Task, Outcome> {
    let driven = Driven::start(pass, || entry.run.start(event, scene))?;
    let running = Tasks::start(scene.host, TaskKind::Listener);
    let (sender, ended) = oneshot::channel();
    let started = Arc::new(AtomicBool::new(false));
    let reporter =
        Reporter { entry: Arc::clone(entry), subject: scene.subject.clone(), host: scene.host.share(), ended: sender };
    let listener = Framed { driven, frame: Frame::now(), started: Arc::clone(&started), timer };
    handle.spawn(async move {
        // Dropped last, however the task ends.
        let mut running = running;
        let reporter = reporter;
        let ended = listener.await;
        running.ended();
        reporter.report(ended);
    });
    Ok(Task { ended, started })
}

/// Runs a blocking listener on the runtime's pool.
pub(super) fn spawn_blocking<E: Event>(
    handle: &Handle,
    entry: &Arc<Entry<dyn SyncCall<E>>>,
    event: Arc<E>,
    scene: &Scene<'_>,
    pass: Pass,
) -> Result<Task, Outcome> {
    let running = Tasks::start(scene.host, TaskKind::Blocking);
    let (sender, ended) = oneshot::channel();
    let started = Arc::new(AtomicBool::new(false));
    let reporter =
        Reporter { entry: Arc::clone(entry), subject: scene.subject.clone(), host: scene.host.share(), ended: sender };
    let stage = Stage {
        host: scene.host.share(),
        subject: scene.subject.clone(),
        frame: Frame::now(),
        signal: scene.signal.get_or_make(scene.make_signal),
    };
    let begun = Arc::clone(&started);
    let waiting = Waiting { pass, frame: stage.frame };
    let call = move || {
        // Dropped last: when the bus has settled, nothing is held any more.
        let mut running = running;
        let stage = stage;
        begun.store(true, Ordering::Release);
        let ended = stage.call(waiting.begin(), &reporter.entry, &event);
        // Before the emission hears that it has ended: the event may then be taken out of its `Arc`.
        let _ = isolate(|| drop(event));
        running.ended();
        reporter.report(ended);
    };
    // The pool panics where the system gives it no thread.
    isolate(|| handle.spawn_blocking(call)).map_err(Outcome::Panicked)?;
    Ok(Task { ended, started })
}

/// What a blocking listener's thread needs for a [`Scene`] of its own.
struct Stage {
    host: Arc<dyn Host>,
    subject: Subject,
    frame: Frame,
    signal: Arc<Signal>,
}

impl Stage {
    fn call<E: Event>(&self, pass: Pass, entry: &Entry<dyn SyncCall<E>>, event: &Arc<E>) -> Ended {
        let signal = super::LazySignal::from(Arc::clone(&self.signal));
        let make_signal = &|| unreachable!("made already");
        let _inside = self.frame.enter();
        let scene = Scene {
            host: &*self.host,
            subject: &self.subject,
            shared: Some(event),
            signal: &signal,
            make_signal,
            gate: None, // it has passed
        };
        call_isolated(pass, entry, event, &scene)
    }
}

/// What is around a call that waits for a thread of the pool.
struct Waiting {
    pass: Pass,
    frame: Frame,
}

impl Waiting {
    fn begin(mut self) -> Pass {
        mem::replace(&mut self.pass, Pass::free())
    }
}

impl Drop for Waiting {
    /// Only a runtime that shuts down drops what waits.
    fn drop(&mut self) {
        if !self.pass.is_free() {
            let _inside = self.frame.enter();
            self.pass.end(Some(&Outcome::NotRun(NotRun::RuntimeShutDown)));
        }
    }
}

/// A listener's future with the frame set and panics contained around each poll, and around its drop.
struct Framed {
    driven: Driven,
    frame: Frame,
    started: Arc<AtomicBool>,
    /// Its own limit of time.
    timer: Option<Timer>,
}

impl Future for Framed {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        self.started.store(true, Ordering::Release);
        let this = &mut *self;
        let _inside = this.frame.enter();
        let ended = this.driven.poll(cx);
        if ended.is_pending() && this.timer.as_mut().is_some_and(|timer| has_fired(timer, cx)) {
            return Poll::Ready(Some(this.driven.stop(Outcome::TimedOut)));
        }
        ended
    }
}

impl Drop for Framed {
    fn drop(&mut self) {
        if !self.driven.has_ended() {
            let _inside = self.frame.enter();
            self.driven.stop(dropped(&self.started));
        }
    }
}
