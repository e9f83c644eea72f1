//! A listener that has been started and has not ended.

use std::task::{Context, Poll};

#[cfg(feature = "tokio")]
use super::task::Task;
use super::{
    Stop,
    clock::{Deadline, Timer, has_fired},
    driven::Driven,
};
use crate::listener::Outcome;

/// A listener under way, and its own limit of time.
pub(crate) struct Work {
    /// Which of the snapshot's late listeners it is.
    pub(crate) listener: usize,
    progress: Progress,
    limit: Option<Limit>,
}

enum Progress {
    /// Polled by the emission itself.
    Inline(Driven),
    /// In a task, or on a thread, of its own.
    #[cfg(feature = "tokio")]
    Task(Task),
}

/// A listener's limit of time. Where the emission blocks a thread there is no timer: the thread wakes in time and asks.
pub(super) struct Limit {
    pub(super) deadline: Deadline,
    pub(super) timer: Option<Timer>,
}

/// How a listener ended: `None` is well.
pub(crate) type Ended = Option<Outcome>;

impl Work {
    pub(super) fn inline(listener: usize, driven: Driven) -> Self {
        Self { listener, progress: Progress::Inline(driven), limit: None }
    }

    #[cfg(feature = "tokio")]
    pub(super) fn task(listener: usize, task: Task) -> Self {
        Self { listener, progress: Progress::Task(task), limit: None }
    }

    pub(super) fn limited(self, limit: Option<Limit>) -> Self {
        Self { limit, ..self }
    }

    /// When its own time is up, for a parked thread to watch.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        self.limit.as_ref().map(|limit| limit.deadline)
    }

    /// Goes on with it. The frame must be set.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let ended = match &mut self.progress {
            Progress::Inline(driven) => driven.poll(cx),
            #[cfg(feature = "tokio")]
            Progress::Task(task) => task.poll(cx),
        };
        if ended.is_pending() && self.limit.as_mut().is_some_and(|limit| limit.is_over(cx)) {
            return Poll::Ready(self.stop(Stop::TimedOut));
        }
        ended
    }

    /// Ends it, as far as that is possible. The frame must be set.
    #[cfg_attr(not(feature = "tokio"), expect(clippy::unnecessary_wraps, reason = "as with the feature `tokio`"))]
    pub(super) fn stop(&mut self, why: Stop) -> Ended {
        match &mut self.progress {
            Progress::Inline(driven) => Some(driven.stop(why.outcome())),
            #[cfg(feature = "tokio")]
            Progress::Task(task) => task.leave(),
        }
    }
}

impl Limit {
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.timer {
            Some(timer) => has_fired(timer, cx),
            None => self.deadline.is_over(),
        }
    }
}
