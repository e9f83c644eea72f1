//! What the calls of one emission share, on the stack of the code that makes them.

use std::sync::Arc;

use super::{ShareEvent, Signal, Stop};
use crate::listener::{BoxError, Outcome};

/// Where the loop over the listeners stands, what failed so far, and what a listener may ask for.
///
/// Listeners that finish well leave no trace in it, so that they cost nothing.
#[derive(Default)]
pub(crate) struct CallContext<'a> {
    /// One more than the index of the listener that runs, in the order of calls.
    pub(crate) at: usize,
    /// Listeners that were not to be called: off, spent, or refused by their filter.
    pub(crate) skipped: usize,
    /// The listeners that did not finish well, by index.
    pub(crate) failures: Vec<(usize, Outcome)>,
    pub(crate) signal: Option<Arc<Signal>>,
    /// The event, if it lies in an `Arc`.
    pub(crate) shared: Option<&'a dyn ShareEvent>,
    /// Why the emission ended before its listeners did, if it has.
    pub(crate) stopped: Option<Stop>,
}

impl CallContext<'_> {
    /// Notes that the listener that runs has failed.
    #[cold]
    #[inline(never)]
    pub(crate) fn failed(&mut self, error: BoxError) {
        self.add(Outcome::Failed(Arc::from(error)));
    }

    /// Notes how the listener that runs has ended, if not well.
    #[cold]
    #[inline(never)]
    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.failures.push((self.at.saturating_sub(1), outcome));
    }

    /// Whether all listeners were called and finished well.
    #[inline]
    pub(crate) fn is_clean(&self) -> bool {
        self.failures.is_empty() && self.skipped == 0 && self.stopped.is_none()
    }

    /// What is left of it when the synchronous listeners have run.
    pub(crate) fn detached(self) -> CallContext<'static> {
        let Self { at, skipped, failures, signal, stopped, .. } = self;
        CallContext { at, skipped, failures, signal, shared: None, stopped }
    }

    /// The emission's signal; made when it is first asked for, since most emissions need none. One with limits of its own
    /// is made when the emission begins.
    pub(crate) fn signal(&mut self) -> Arc<Signal> {
        Arc::clone(self.signal.get_or_insert_default())
    }

    /// Sets the signal, if anybody has asked for it.
    pub(crate) fn set_signal(&self) {
        if let Some(signal) = &self.signal {
            signal.set();
        }
    }
}
