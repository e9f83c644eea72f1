//! How an emission waits for its listeners, and what it needs a runtime for.

use std::time::Duration;

#[cfg(feature = "tokio")]
use tokio::runtime::Handle;

use super::clock::{Clock, Deadline, Timer};
use super::work::Limit;
#[cfg(feature = "tokio")]
use super::{clock::timer, isolate};
use crate::listener::NotRun;

/// Who waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A task: the emission's future is polled.
    Task,
    /// A thread, which parks.
    Thread,
}

/// The means of waiting, looked for when there is something to wait for: synchronous listeners run anywhere.
pub(crate) struct Wait {
    pub(crate) mode: Mode,
    /// Whether the emission has a limit of time to keep.
    #[cfg(feature = "tokio")]
    pub(super) limited: bool,
    #[cfg(feature = "tokio")]
    pub(crate) runtime: Option<Handle>,
}

impl Mode {
    /// The clock that limits of time are kept by.
    pub(crate) fn clock(self) -> Clock {
        match self {
            Self::Task => Clock::Runtime,
            Self::Thread => Clock::Machine,
        }
    }
}

/// Without a runtime there is nothing to look for, and no limit of time to keep.
#[cfg(not(feature = "tokio"))]
#[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as with the feature `tokio`")]
impl Wait {
    pub(crate) fn new(mode: Mode) -> Result<Self, NotRun> {
        Ok(Self { mode })
    }

    pub(super) fn limit(&self, _timeout: Option<Duration>) -> Result<Option<Limit>, NotRun> {
        Ok(None)
    }

    pub(crate) fn timer(&self, _deadline: Deadline) -> Result<Option<Timer>, NotRun> {
        Ok(None)
    }
}

#[cfg(feature = "tokio")]
impl Wait {
    /// Looks for a runtime: the one that this code runs in, else the bus's own.
    pub(crate) fn new(mode: Mode, limited: bool, own: Option<&Handle>) -> Result<Self, NotRun> {
        let current = Handle::try_current().ok();
        if let (Mode::Thread, Some(current)) = (mode, &current) {
            // The only way to learn whether this thread drives async tasks: there, `block_on` panics.
            isolate(|| current.block_on(std::future::ready(()))).map_err(|_| NotRun::InsideAsyncTask)?;
        }
        Ok(Self { mode, limited, runtime: current.or_else(|| own.cloned()) })
    }

    /// The runtime for a blocking listener: `None` where this thread is to run it.
    pub(super) fn pool(&self, timeout: Option<Duration>) -> Result<Option<&Handle>, NotRun> {
        match (self.mode, &self.runtime) {
            (Mode::Task, None) => Err(NotRun::NoRuntime),
            (Mode::Task, Some(runtime)) => Ok(Some(runtime)),
            // Only from a thread of its own can it be left behind when its time is up.
            (Mode::Thread, Some(runtime)) if self.limited || timeout.is_some() => Ok(Some(runtime)),
            (Mode::Thread, _) => Ok(None),
        }
    }

    /// A limit of time for a listener that starts now.
    pub(super) fn limit(&self, timeout: Option<Duration>) -> Result<Option<Limit>, NotRun> {
        let Some(deadline) = timeout.and_then(|time| self.mode.clock().deadline(time)) else { return Ok(None) };
        Ok(Some(Limit { deadline, timer: self.timer(deadline)? }))
    }

    /// The timer for `deadline`: a parked thread needs none.
    pub(crate) fn timer(&self, deadline: Deadline) -> Result<Option<Timer>, NotRun> {
        match (self.mode, &self.runtime) {
            (Mode::Thread, _) => Ok(None),
            (Mode::Task, None) => Err(NotRun::NoRuntime),
            (Mode::Task, Some(runtime)) => timer_of(runtime, deadline).map(Some),
        }
    }
}

/// The timer of a listener that starts now in a task of its own: its runtime keeps the time, whoever waits for it.
#[cfg(feature = "tokio")]
pub(super) fn task_timer(runtime: &Handle, timeout: Option<Duration>) -> Result<Option<Timer>, NotRun> {
    let Some(time) = timeout else { return Ok(None) };
    let _inside = runtime.enter();
    Clock::Runtime.deadline(time).map(|deadline| timer_of(runtime, deadline)).transpose()
}

#[cfg(feature = "tokio")]
fn timer_of(runtime: &Handle, deadline: Deadline) -> Result<Timer, NotRun> {
    let _inside = runtime.enter();
    timer(deadline).ok_or(NotRun::NoRuntime)
}
