//! A listener that has been started and has not ended.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

#[cfg(feature = "tokio")]
use super::task::Task;
use super::{
    ListenerFuture, Stop,
    clock::{Deadline, Timer, has_fired},
    isolate,
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
    /// Polled by the emission itself; empty once it has ended.
    Inline(Option<ListenerFuture>),
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
    pub(super) fn inline(listener: usize, future: ListenerFuture) -> Self {
        Self { listener, progress: Progress::Inline(Some(future)), limit: None }
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
            Progress::Inline(future) => poll_inline(future, cx),
            #[cfg(feature = "tokio")]
            Progress::Task(task) => task.poll(cx),
        };
        if ended.is_pending() && self.limit.as_mut().is_some_and(|limit| limit.is_over(cx)) {
            return Poll::Ready(self.stop(Stop::TimedOut));
        }
        ended
    }

    /// Ends it, as far as that is possible. The frame must be set.
    pub(super) fn stop(&mut self, why: Stop) -> Ended {
        match &mut self.progress {
            Progress::Inline(future) => discard(future.take()).or_else(|| Some(why.outcome())),
            #[cfg(feature = "tokio")]
            Progress::Task(task) => task.leave(),
        }
    }
}

pub(super) fn poll_inline(future: &mut Option<ListenerFuture>, cx: &mut Context<'_>) -> Poll<Ended> {
    let Some(running) = future else { unreachable!("polled after its end") };
    let ended = match isolate(|| running.as_mut().poll(cx)) {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(Ok(()))) => None,
        Ok(Poll::Ready(Err(error))) => Some(Outcome::Failed(Arc::from(error))),
        Err(message) => Some(Outcome::Panicked(message)),
    };
    // What went wrong first is what is told.
    let dropped = discard(future.take());
    Poll::Ready(ended.or(dropped))
}

/// Drops a listener's future; a panic in there is the listener's.
pub(super) fn discard(future: Option<ListenerFuture>) -> Option<Outcome> {
    isolate(|| drop(future)).err().map(Outcome::Panicked)
}

impl Limit {
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.timer {
            Some(timer) => has_fired(timer, cx),
            None => self.deadline.is_over(),
        }
    }
}
