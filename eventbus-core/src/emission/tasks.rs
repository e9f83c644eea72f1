//! Counts of the tasks that a bus has started and that have not ended.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use event_listener::Event;

/// How much a bus has started that has not ended; see [`Bus::in_flight`](crate::Bus::in_flight).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct InFlight {
    /// Emissions begun by `spawn()`.
    pub emissions: usize,
    /// Spawned listeners.
    pub listeners: usize,
    /// Listeners on the blocking pool, also those that run on after their emission's time was up.
    pub blocking: usize,
}

/// What a task is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TaskKind {
    Emission,
    Listener,
    Blocking,
}

/// The gauges of a bus.
#[derive(Default)]
pub(crate) struct Tasks {
    gauges: [AtomicUsize; 3],
    /// All that is under way, in one number: gauges that are read one after the other may each be seen at zero, though
    /// what one counts has just started what another counts.
    under_way: AtomicUsize,
    /// Notified when nothing is under way.
    idle: Event,
}

impl Tasks {
    pub(crate) fn in_flight(&self) -> InFlight {
        let [emissions, listeners, blocking] = [0, 1, 2].map(|kind: usize| self.gauges[kind].load(Ordering::Acquire));
        InFlight { emissions, listeners, blocking }
    }

    /// Counts a task that starts.
    pub(crate) fn start(self: &Arc<Self>, kind: TaskKind) -> TaskToken {
        self.gauges[kind as usize].fetch_add(1, Ordering::AcqRel);
        TaskToken::new(self, kind)
    }

    /// Counts a task that starts, unless there are `limit` of its kind.
    pub(crate) fn try_start(self: &Arc<Self>, kind: TaskKind, limit: usize) -> Option<TaskToken> {
        let below = |running| (running < limit).then_some(running + 1);
        self.gauges[kind as usize].fetch_update(Ordering::AcqRel, Ordering::Acquire, below).ok()?;
        Some(TaskToken::new(self, kind))
    }

    /// Waits until nothing is in flight.
    pub(crate) async fn settled(&self) {
        while !self.is_idle() {
            let idle = self.idle.listen();
            // Check again: it may have become idle between the check and `listen`.
            if self.is_idle() {
                return;
            }
            idle.await;
        }
    }

    fn is_idle(&self) -> bool {
        self.under_way.load(Ordering::Acquire) == 0
    }
}

/// A task that counts as running until it has ended, and as under way until this is dropped.
pub(crate) struct TaskToken {
    tasks: Arc<Tasks>,
    kind: TaskKind,
    running: bool,
}

impl TaskToken {
    fn new(tasks: &Arc<Tasks>, kind: TaskKind) -> Self {
        tasks.under_way.fetch_add(1, Ordering::AcqRel);
        Self { tasks: Arc::clone(tasks), kind, running: true }
    }

    /// Lets the gauge fall. To be called before anybody hears that the task has ended: whoever does finds that it is no
    /// longer counted. What is left is clearing up, for which [`Tasks::settled`] waits.
    pub(crate) fn ended(&mut self) {
        if std::mem::take(&mut self.running) {
            self.tasks.gauges[self.kind as usize].fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for TaskToken {
    fn drop(&mut self) {
        self.ended();
        if self.tasks.under_way.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.tasks.idle.notify(usize::MAX);
        }
    }
}
