//! Starts the listeners of a snapshot that are awaited.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    AsyncCall, EventSlot, Pass, Pending, Scene, Stop, SyncCall, Tally, Wait,
    driven::Driven,
    intercept::enter,
    isolate,
    run::{Admission, admit, call_isolated},
    work::{Ended, Work},
};
#[cfg(feature = "tokio")]
use super::{task, wait::task_timer};
#[cfg(feature = "tokio")]
use crate::listener::ListenerKind;
use crate::{
    event::Event,
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
pub(crate) fn start_late<E: Event>(
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
        let pass = match late.turn() {
            Turn::Call => Pass::free(),
            Turn::Skip => {
                tally.skipped += 1;
                continue;
            }
            Turn::Ask => match ask(slot, late, event, scene, wait, tally) {
                Some(pass) => pass,
                None => continue,
            },
        };
        match start(at, late, event, scene, wait, pass) {
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

/// Whether a listener that must ask may be called; if not, the tally knows why. A filter that panics is its listener's panic.
/// One that cannot be started is not spent, nor are interceptors asked.
#[inline(never)]
fn ask<E: Event>(
    slot: &EventSlot<E>,
    late: &LateOf<E>,
    event: &E,
    scene: &Scene<'_>,
    wait: &Wait,
    tally: &mut Tally,
) -> Option<Pass> {
    let enter = || means(late, wait).and_then(|()| enter(event, late.info(), scene));
    let admission = isolate(|| match late {
        Late::Blocking(entry) => admit(slot, entry, || entry.run.admits(event, scene), enter),
        Late::Async(entry) => admit(slot, entry, || entry.run.admits(event, scene), enter),
    });
    match admission {
        Ok(Admission::Call(pass)) => return Some(pass),
        Ok(Admission::Skip) => tally.skipped += 1,
        Ok(Admission::Refused(why)) => tally.add(late.info(), Outcome::NotRun(why)),
        Err(message) => tally.panicked(late.info(), message),
    }
    None
}

/// Whether there is what the listener needs to be started.
#[cfg(feature = "tokio")]
fn means<E: Event>(late: &LateOf<E>, wait: &Wait) -> Result<(), NotRun> {
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
fn means<E: Event>(_late: &LateOf<E>, _wait: &Wait) -> Result<(), NotRun> {
    Ok(())
}

enum Started {
    Ended(Ended),
    Work(Work),
}

impl Started {
    /// It could not be started after all.
    fn without(why: NotRun, mut pass: Pass) -> Self {
        let outcome = Outcome::NotRun(why);
        pass.end(Some(&outcome));
        Self::Ended(Some(outcome))
    }
}

fn start<E: Event>(at: usize, late: &LateOf<E>, event: &Arc<E>, scene: &Scene<'_>, wait: &Wait, pass: Pass) -> Started {
    match late {
        #[cfg(feature = "tokio")]
        Late::Async(entry) if entry.info.kind == ListenerKind::Spawned => {
            start_spawned(at, entry, event, scene, wait, pass)
        }
        Late::Async(entry) => start_inline(at, entry, event, scene, wait, pass),
        #[cfg(not(feature = "tokio"))]
        Late::Blocking(entry) => Started::Ended(call_isolated(pass, entry, event, scene)),
        #[cfg(feature = "tokio")]
        Late::Blocking(entry) => start_blocking(at, entry, event, scene, wait, pass),
    }
}

fn start_inline<E: Event>(
    at: usize,
    entry: &Entry<dyn AsyncCall<E>>,
    event: &Arc<E>,
    scene: &Scene<'_>,
    wait: &Wait,
    pass: Pass,
) -> Started {
    let limit = match wait.limit(entry.timeout) {
        Ok(limit) => limit,
        Err(why) => return Started::without(why, pass),
    };
    match Driven::start(pass, || entry.run.start(Arc::clone(event), scene)) {
        Ok(driven) => Started::Work(Work::inline(at, driven).limited(limit)),
        Err(outcome) => Started::Ended(Some(outcome)),
    }
}

#[cfg(feature = "tokio")]
fn start_spawned<E: Event>(
    at: usize,
    entry: &Arc<Entry<dyn AsyncCall<E>>>,
    event: &Arc<E>,
    scene: &Scene<'_>,
    wait: &Wait,
    pass: Pass,
) -> Started {
    let Some(runtime) = &wait.runtime else { return Started::without(NotRun::NoRuntime, pass) };
    let timer = match task_timer(runtime, entry.timeout) {
        Ok(timer) => timer,
        Err(why) => return Started::without(why, pass),
    };
    match task::spawn(runtime, entry, Arc::clone(event), scene, timer, pass) {
        Ok(task) => Started::Work(Work::task(at, task)),
        Err(outcome) => Started::Ended(Some(outcome)),
    }
}

/// On the pool; on this thread where that may block and has no limit of time to keep.
#[cfg(feature = "tokio")]
fn start_blocking<E: Event>(
    at: usize,
    entry: &Arc<Entry<dyn SyncCall<E>>>,
    event: &Arc<E>,
    scene: &Scene<'_>,
    wait: &Wait,
    pass: Pass,
) -> Started {
    let (pool, limit) = match wait.pool(entry.timeout).and_then(|pool| Ok((pool, wait.limit(entry.timeout)?))) {
        Ok((Some(pool), limit)) => (pool, limit),
        Ok((None, _)) => return Started::Ended(call_isolated(pass, entry, event, scene)),
        Err(why) => return Started::without(why, pass),
    };
    match task::spawn_blocking(pool, entry, Arc::clone(event), scene, pass) {
        Ok(task) => Started::Work(Work::task(at, task).limited(limit)),
        Err(outcome) => Started::Ended(Some(outcome)),
    }
}
