//! Listeners in tasks, or on threads, of their own.
//!
//! They outlive an emission that stops waiting for them. Their outcome goes to the emission while it waits, and to the
//! failure hook afterwards, so that it is never lost.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{runtime::Handle, sync::oneshot};

use super::{
    AsyncCall, Frame, Host, ListenerFuture, Scene, SyncCall, isolate,
    signal::Signal,
    start::call_blocking,
    tasks::{TaskKind, Tasks},
    work::Ended,
};
use crate::{
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
        Pin::new(&mut self.ended).poll(cx).map(|ended| match ended {
            Ok(ended) => ended,
            // The task was dropped: nobody does that but a runtime that shuts down.
            Err(_) if self.started.load(Ordering::Acquire) => Some(Outcome::Cancelled),
            Err(_) => Some(Outcome::NotRun(NotRun::RuntimeShutDown)),
        })
    }

    /// Stops waiting for it.
    pub(super) fn leave(&mut self) -> Outcome {
        match self.ended.try_recv() {
            Ok(Some(outcome)) => outcome,
            // It ended well just now, or runs on; the one is told as the other, since its time was up.
            _ => Outcome::StillRunning,
        }
    }
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
) -> Result<Task, Outcome> {
    let future = isolate(|| entry.run.start(event, scene)).map_err(Outcome::Panicked)?;
    let running = Tasks::start(scene.host, TaskKind::Listener);
    let (sender, ended) = oneshot::channel();
    let started = Arc::new(AtomicBool::new(false));
    let reporter =
        Reporter { entry: Arc::clone(entry), subject: scene.subject.clone(), host: scene.host.share(), ended: sender };
    let listener = Framed { future: Some(future), frame: Frame::now(), started: Arc::clone(&started) };
    let timeout = entry.timeout;
    handle.spawn(async move {
        let _running = running;
        let ended = within(timeout, listener).await;
        reporter.report(ended);
    });
    Ok(Task { ended, started })
}

/// Runs a blocking listener on the runtime's pool.
pub(super) fn spawn_blocking<E: Send + Sync + 'static>(
    handle: &Handle,
    entry: &Arc<Entry<dyn SyncCall<E>>>,
    event: Arc<E>,
    scene: &Scene<'_>,
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
    let call = move || {
        let _running = running;
        begun.store(true, Ordering::Release);
        let entry = Arc::clone(&reporter.entry);
        let ended = stage.call(&entry, &event);
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
    fn call<E: 'static>(&self, entry: &Entry<dyn SyncCall<E>>, event: &E) -> Ended {
        let signal = super::LazySignal::from(Arc::clone(&self.signal));
        let make_signal = &|| unreachable!("made already");
        let _inside = self.frame.enter();
        let scene = Scene { host: &*self.host, subject: &self.subject, signal: &signal, make_signal };
        call_blocking(entry, event, &scene)
    }
}

async fn within(timeout: Option<Duration>, listener: Framed) -> Ended {
    match timeout {
        None => listener.await,
        Some(time) => tokio::time::timeout(time, listener).await.unwrap_or(Some(Outcome::TimedOut)),
    }
}

/// A listener's future with the frame set and panics contained around each poll, and around its drop.
struct Framed {
    future: Option<ListenerFuture>,
    frame: Frame,
    started: Arc<AtomicBool>,
}

impl Future for Framed {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        self.started.store(true, Ordering::Release);
        let _inside = self.frame.enter();
        super::work::poll_inline(&mut self.future, cx)
    }
}

impl Drop for Framed {
    fn drop(&mut self) {
        let _inside = self.frame.enter();
        let future = self.future.take();
        let _ = isolate(|| drop(future));
    }
}
