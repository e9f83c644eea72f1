//! A listener that has been started and has not ended.

use std::task::{Context, Poll};

use super::{
    listener_task::{Ended, ListenerTask},
    task::Task,
    wait::TimeLimit,
};
use crate::{
    call::{Deadline, Stop},
    listener::{NotRun, Outcome},
};

/// A listener under way, and its own limit of time.
pub(super) struct Work {
    /// Its index in the snapshot.
    pub(super) listener: usize,
    progress: WorkProgress,
    limit: Option<TimeLimit>,
}

enum WorkProgress {
    /// Polled by the emission itself.
    Inline(ListenerTask),
    /// In a task, or on a thread, of its own.
    Task(Task),
}

impl Work {
    pub(super) fn inline(listener: usize, task: ListenerTask) -> Self {
        Self { listener, progress: WorkProgress::Inline(task), limit: None }
    }

    pub(super) fn task(listener: usize, task: Task) -> Self {
        Self { listener, progress: WorkProgress::Task(task), limit: None }
    }

    pub(super) fn limited(self, limit: Option<TimeLimit>) -> Self {
        Self { limit, ..self }
    }

    /// Whether it runs when the emission is polled, and only then.
    pub(super) fn is_inline(&self) -> bool {
        matches!(self.progress, WorkProgress::Inline(_))
    }

    /// When its own time is up, for a parked thread to watch.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        self.limit.as_ref().map(|limit| limit.deadline)
    }

    /// Polls it. The frame must be set.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let ended = match &mut self.progress {
            WorkProgress::Inline(task) => task.poll(cx),
            WorkProgress::Task(task) => task.poll(cx),
        };
        if ended.is_pending() && self.limit.as_mut().is_some_and(|limit| limit.is_over(cx)) {
            return Poll::Ready(self.stop(Stop::TimedOut));
        }
        ended
    }

    /// Ends it, as far as that is possible. The frame must be set.
    pub(super) fn stop(&mut self, why: Stop) -> Ended {
        match &mut self.progress {
            WorkProgress::Inline(task) => Some(task.stop(why.outcome())),
            WorkProgress::Task(task) => task.leave(),
        }
    }
}

/// Whether this is what dropping an emission asks for: the listener was stopped, left behind, or did not begin.
pub(super) fn is_wanted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Cancelled | Outcome::StillRunning | Outcome::NotRun(NotRun::NotBegun))
}
