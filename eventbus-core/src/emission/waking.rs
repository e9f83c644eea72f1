//! The waker of whatever drives an emission: a task, or a parked thread.

use std::{
    cell::OnceCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    thread::{self, Thread},
};

use super::wait::Mode;
use crate::call::Deadline;

/// The target of a wake-up. For a thread the waker is made when it is first needed: a synchronous emission allocates nothing.
pub(super) enum Waking<'a> {
    Task(&'a Waker),
    Thread(OnceCell<Parker>),
}

impl Waking<'_> {
    pub(super) fn mode(&self) -> Mode {
        match self {
            Self::Task(_) => Mode::Task,
            Self::Thread(_) => Mode::Thread,
        }
    }

    pub(super) fn context(&self) -> Context<'_> {
        Context::from_waker(match self {
            Self::Task(waker) => waker,
            Self::Thread(parker) => &parker.get_or_init(Parker::new).waker,
        })
    }

    /// Sleeps until it is woken, or until the deadline. A task has no business here: it returns at once.
    pub(super) fn park(&self, deadline: Option<Deadline>) {
        if let Self::Thread(parker) = self {
            parker.get_or_init(Parker::new).park(deadline);
        }
    }
}

/// Parks the thread that made it.
pub(super) struct Parker {
    unparker: Arc<Unparker>,
    waker: Waker,
}

/// The flag is needed beside the thread's own token: a nested emission that parks on the same thread may use that up.
struct Unparker {
    thread: Thread,
    woken: AtomicBool,
}

impl Parker {
    fn new() -> Self {
        let unparker = Arc::new(Unparker { thread: thread::current(), woken: AtomicBool::new(false) });
        Self { waker: Waker::from(Arc::clone(&unparker)), unparker }
    }

    fn park(&self, deadline: Option<Deadline>) {
        while !self.unparker.woken.swap(false, Ordering::Acquire) {
            match deadline.map(Deadline::left) {
                None => thread::park(),
                Some(left) if left.is_zero() => return,
                Some(left) => thread::park_timeout(left),
            }
        }
    }
}

impl Wake for Unparker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
