//! Which traced emission, call or delivery the running code belongs to.

use std::cell::Cell;

use super::{EmissionId, MessageId};
use crate::sync::thread_local;

/// The emission, the call of a listener, or the delivery that runs on this thread inside of what a trace has put around it.
///
/// The stack of emissions says which emission the running code belongs to. This says more exactly which of its listeners, and is to be
/// compared with the stack: it is set while a part of a call runs, and code that the part runs for others finds it set, too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Caller {
    Nobody,
    Emission {
        emission: EmissionId,
        /// The number of the emission in its trace.
        record: u64,
    },
    Listener {
        emission: EmissionId,
        /// The number of the call in its trace.
        call: u64,
    },
    Handler {
        message: MessageId,
        /// The number of the delivery in its trace.
        delivery: u64,
    },
}

thread_local! {
    static CALLER: Cell<Caller> = const { Cell::new(Caller::Nobody) };
}

impl Caller {
    /// That of the running code.
    pub(crate) fn now() -> Self {
        CALLER.with(Cell::get)
    }

    /// Makes this the caller until the guard is dropped.
    pub(crate) fn enter(self) -> CallerGuard {
        CallerGuard(CALLER.with(|caller| caller.replace(self)))
    }
}

/// Puts the outer caller back when it is dropped, also while a panic unwinds.
pub(crate) struct CallerGuard(Caller);

impl Drop for CallerGuard {
    fn drop(&mut self) {
        CALLER.with(|caller| caller.set(self.0));
    }
}
