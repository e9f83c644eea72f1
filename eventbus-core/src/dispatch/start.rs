//! Starts the listeners of a snapshot that are awaited.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    AsyncCall, EventSlot, Pending, Scene, Stop, SyncCall, Tally, Wait, isolate,
    run::admit,
    work::{Ended, Work},
};
#[cfg(feature = "tokio")]
use super::{task, wait::task_timer};
#[cfg(feature = "tokio")]
use crate::listener::ListenerKind;
use crate::{
    listener::{NotRun, Outcome},
    registry::{Entry, Late, Turn},
};

type LateOf<E> = Late<dyn SyncCall<E>, dyn AsyncCall<E>>;

/// What the listeners of one emission are started with.
pub(crate) struct Stage<'a, 's> {
    pub(crate) scene: &'a Scene<'s>,
    pub(crate) wait: &'a Wait,
    pub(crate) tally: &'a mut Tally,
}

/// Starts the listeners in order and polls each once where it stands; gives back those that have not ended. Stops where
/// `stop` says so: the rest is then not started, and the tally knows. The frame must be set.
pub(crate) fn start_late<E: Send + Sync + 'static>(
    slot: &EventSlot<E>,
    listeners: &[LateOf<E>],
    event: &Arc<E>,
    stage: Stage<'_, '_>,
    cx: &mut Context<'_>,
    mut stop: impl FnMut() -> Option<Stop>,
) -> Pending {
    let Stage { scene, wait, tally } = stage;
    let mut pending = Pending::new(wait.mode);
    for (at, late) in listeners.iter().enumerate() {
        if let Some(why) = stop() {
            tally.stop(why, listeners[at..].iter().map(|late| (late.turn(), late.info())));
            break;
        }
        match is_due(slot, late, event, scene, wait) {
            Ok(Due::Now) => {}
            Ok(Due::Never) => {
                tally.skipped += 1;
                continue;
            }
            Ok(Due::WithoutMeans(why)) => {
                tally.add(late.info(), Outcome::NotRun(why));
                continue;
            }
            Err(message) => {
                tally.panicked(late.info(), message);
                continue;
            }
        }
        match start(at, late, event, scene, wait) {
            Started::Ended(None) => {}
            Started::Ended(Some(outcome)) => tally.add(late.info(), outcome),
            Started::Work(mut work) => match work.poll(cx) {
                Poll::Pending => pending.push(work),
                Poll::Ready(None) => {}
                Poll::Ready(Some(outcome)) => tally.add(late.info(), outcome),
            },
        }
    }
    pending
}

/// The answer of [`is_due`].
enum Due {
    Now,
    Never,
    /// It would be, and cannot be started.
    WithoutMeans(NotRun),
}

/// Whether it is the listener's turn; a filter that panics is its listener's panic. One that cannot be started is not spent.
fn is_due<E: 'static>(
    slot: &EventSlot<E>,
    late: &LateOf<E>,
    event: &E,
    scene: &Scene<'_>,
    wait: &Wait,
) -> Result<Due, Arc<str>> {
    let mut missing = None;
    let mut has_means = || {
        missing = means(late, wait).err();
        missing.is_none()
    };
    let due = match late.turn() {
        Turn::Call => true,
        Turn::Skip => false,
        Turn::Ask => isolate(|| match late {
            Late::Blocking(entry) => admit(slot, entry, || entry.run.admits(event, scene) && has_means()),
            Late::Async(entry) => admit(slot, entry, || entry.run.admits(event, scene) && has_means()),
        })?,
    };
    Ok(match missing {
        Some(why) => Due::WithoutMeans(why),
        None if due => Due::Now,
        None => Due::Never,
    })
}

/// Whether there is what the listener needs to be started.
#[cfg(feature = "tokio")]
fn means<E: 'static>(late: &LateOf<E>, wait: &Wait) -> Result<(), NotRun> {
    match late {
        Late::Blocking(entry) => wait.pool(entry.timeout).map(drop),
        Late::Async(entry) if entry.info.kind == ListenerKind::Spawned && wait.runtime.is_none() => {
            Err(NotRun::NoRuntime)
        }
        Late::Async(entry) => wait.limit(entry.timeout).map(drop),
    }
}

/// Polling needs nothing.
#[cfg(not(feature = "tokio"))]
#[expect(clippy::unnecessary_wraps, reason = "as with the feature `tokio`")]
fn means<E: 'static>(_late: &LateOf<E>, _wait: &Wait) -> Result<(), NotRun> {
    Ok(())
}

enum Started {
    Ended(Ended),
    Work(Work),
}

impl From<NotRun> for Started {
    fn from(why: NotRun) -> Self {
        Self::Ended(Some(Outcome::NotRun(why)))
    }
}

fn start<E: Send + Sync + 'static>(
    at: usize,
    late: &LateOf<E>,
    event: &Arc<E>,
    scene: &Scene<'_>,
    wait: &Wait,
) -> Started {
    match late {
        #[cfg(feature = "tokio")]
        Late::Async(entry) if entry.info.kind == ListenerKind::Spawned => start_spawned(at, entry, event, scene, wait),
        Late::Async(entry) => start_inline(at, entry, event, scene, wait),
        #[cfg(not(feature = "tokio"))]
        Late::Blocking(entry) => Started::Ended(call_blocking(entry, event, scene)),
        #[cfg(feature = "tokio")]
        Late::Blocking(entry) => start_blocking(at, entry, event, scene, wait),
    }
}

fn start_inline<E: 'static>(
    at: usize,
    entry: &Entry<dyn AsyncCall<E>>,
    event: &Arc<E>,
    scene: &Scene<'_>,
    wait: &Wait,
) -> Started {
    let limit = match wait.limit(entry.timeout) {
        Ok(limit) => limit,
        Err(why) => return why.into(),
    };
    match isolate(|| entry.run.start(Arc::clone(event), scene)) {
        Ok(future) => Started::Work(Work::inline(at, future).limited(limit)),
        Err(message) => Started::Ended(Some(Outcome::Panicked(message))),
    }
}

#[cfg(feature = "tokio")]
fn start_spawned<E: Send + Sync + 'static>(
    at: usize,
    entry: &Arc<Entry<dyn AsyncCall<E>>>,
    event: &Arc<E>,
    scene: &Scene<'_>,
    wait: &Wait,
) -> Started {
    let Some(runtime) = &wait.runtime else { return NotRun::NoRuntime.into() };
    let timer = match task_timer(runtime, entry.timeout) {
        Ok(timer) => timer,
        Err(why) => return why.into(),
    };
    match task::spawn(runtime, entry, Arc::clone(event), scene, timer) {
        Ok(task) => Started::Work(Work::task(at, task)),
        Err(outcome) => Started::Ended(Some(outcome)),
    }
}

/// On the pool; on this thread where that may block and has no limit of time to keep.
#[cfg(feature = "tokio")]
fn start_blocking<E: Send + Sync + 'static>(
    at: usize,
    entry: &Arc<Entry<dyn SyncCall<E>>>,
    event: &Arc<E>,
    scene: &Scene<'_>,
    wait: &Wait,
) -> Started {
    let (pool, limit) = match wait.pool(entry.timeout).and_then(|pool| Ok((pool, wait.limit(entry.timeout)?))) {
        Ok((Some(pool), limit)) => (pool, limit),
        Ok((None, _)) => return Started::Ended(call_blocking(entry, event, scene)),
        Err(why) => return why.into(),
    };
    match task::spawn_blocking(pool, entry, Arc::clone(event), scene) {
        Ok(task) => Started::Work(Work::task(at, task).limited(limit)),
        Err(outcome) => Started::Ended(Some(outcome)),
    }
}

/// Calls a blocking listener on this thread. The frame must be set.
pub(super) fn call_blocking<E: 'static>(entry: &Entry<dyn SyncCall<E>>, event: &E, scene: &Scene<'_>) -> Ended {
    let mut tally = Tally::new(scene.subject.clone());
    if let Err(message) = isolate(|| entry.run.call(&entry.info, event, scene, &mut tally)) {
        return Some(Outcome::Panicked(message));
    }
    tally.failures.pop().map(|failure| failure.outcome().clone())
}
