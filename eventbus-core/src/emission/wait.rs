//! How an emission waits for its listeners, and what it needs a runtime for.

use std::{
    cell::OnceCell,
    future::ready,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::coop::poll_proceed,
};

use crate::{
    call::{Clock, Deadline, Timer, has_fired, timer},
    event::isolate,
    listener::NotRun,
};

/// What waits for the listeners.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A task: the emission's future is polled.
    Task,
    /// A thread, which parks.
    Thread,
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

/// The means of waiting, looked for when there is something to wait for: synchronous listeners run anywhere.
pub(super) struct Wait<'a> {
    pub(super) mode: Mode,
    /// Whether the emission has a limit of time to keep.
    limited: bool,
    /// Looked for when a listener or a deadline needs it.
    runtime: OnceCell<Option<Handle>>,
    own: Option<&'a Handle>,
    /// Whether the thread may belong to a multi-thread runtime, which must hear that it blocks.
    pub(super) in_place: bool,
}

/// A listener's limit of time. Where the emission blocks a thread there is no timer: the thread wakes in time and asks.
pub(super) struct TimeLimit {
    pub(super) deadline: Deadline,
    timer: Option<Timer>,
}

impl TimeLimit {
    pub(super) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.timer {
            Some(timer) => has_fired(timer, cx),
            None => self.deadline.is_over(),
        }
    }
}

impl<'a> Wait<'a> {
    /// Refuses to wait on a thread that drives the tasks of a current-thread runtime.
    pub(super) fn new(mode: Mode, limited: bool, own: Option<&'a Handle>) -> Result<Self, NotRun> {
        let mut in_place = false;
        if mode == Mode::Thread
            && let Ok(current) = Handle::try_current()
        {
            match current.runtime_flavor() {
                RuntimeFlavor::CurrentThread if drives_tasks(&current) => return Err(NotRun::InsideAsyncTask),
                RuntimeFlavor::CurrentThread => {}
                _ => in_place = true,
            }
        }
        Ok(Self { mode, limited, runtime: OnceCell::new(), own, in_place })
    }

    /// The runtime that this code runs in, else the bus's own.
    pub(super) fn runtime(&self) -> Option<&Handle> {
        self.runtime.get_or_init(|| Handle::try_current().ok().or_else(|| self.own.cloned())).as_ref()
    }

    /// Runs code that blocks this thread.
    pub(super) fn block<T>(&self, code: impl FnOnce() -> T) -> T {
        if self.in_place { tokio::task::block_in_place(code) } else { code() }
    }

    /// The runtime for a blocking listener: `None` where this thread is to run it.
    pub(super) fn pool(&self, timeout: Option<Duration>) -> Result<Option<&Handle>, NotRun> {
        match (self.mode, self.runtime()) {
            (Mode::Task, None) => Err(NotRun::NoRuntime),
            (Mode::Task, Some(runtime)) => Ok(Some(runtime)),
            // Only from a thread of its own can it be left behind when its time is up.
            (Mode::Thread, Some(runtime)) if self.limited || timeout.is_some() => Ok(Some(runtime)),
            (Mode::Thread, _) => Ok(None),
        }
    }

    /// A limit of time for a listener that starts now.
    pub(super) fn limit(&self, timeout: Option<Duration>) -> Result<Option<TimeLimit>, NotRun> {
        let Some(deadline) = timeout.and_then(|time| self.mode.clock().deadline(time)) else { return Ok(None) };
        Ok(Some(TimeLimit { deadline, timer: self.timer(deadline)? }))
    }

    /// The timer for `deadline`: a parked thread needs none.
    pub(super) fn timer(&self, deadline: Deadline) -> Result<Option<Timer>, NotRun> {
        match (self.mode, self.runtime()) {
            (Mode::Thread, _) => Ok(None),
            (Mode::Task, None) => Err(NotRun::NoRuntime),
            (Mode::Task, Some(runtime)) => timer_of(runtime, deadline).map(Some),
        }
    }
}

/// Whether this thread drives the tasks of a current-thread runtime: it must not park then.
fn drives_tasks(current: &Handle) -> bool {
    // Only code that a runtime polls has a budget, of at most 128 steps.
    let mut cx = Context::from_waker(Waker::noop());
    let mut taken = Vec::new();
    let is_polled = loop {
        match poll_proceed(&mut cx) {
            Poll::Ready(step) if taken.len() < 256 => taken.push(step),
            Poll::Ready(_) => break false,
            Poll::Pending => break true,
        }
    };
    // Each step gives the budget back as it was before: the first one last.
    while taken.pop().is_some() {}
    if is_polled {
        return true;
    }
    // A task may be without a budget (`unconstrained`). Then only `block_on` tells, by a panic.
    isolate(|| current.block_on(ready(()))).is_err()
}

/// The timer of a listener that starts now in a task of its own: its runtime keeps the time, whatever waits for it.
pub(super) fn task_timer(runtime: &Handle, timeout: Option<Duration>) -> Result<Option<Timer>, NotRun> {
    let Some(time) = timeout else { return Ok(None) };
    let _inside = runtime.enter();
    Clock::Runtime.deadline(time).map(|deadline| timer_of(runtime, deadline)).transpose()
}

fn timer_of(runtime: &Handle, deadline: Deadline) -> Result<Timer, NotRun> {
    let _inside = runtime.enter();
    timer(deadline).ok_or(NotRun::NoRuntime)
}
