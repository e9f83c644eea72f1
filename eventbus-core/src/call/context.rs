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
    /// The event, if it lies in an `Arc`.
    pub(crate) shared: Option<&'a dyn ShareEvent>,
    /// What most emissions have nothing of.
    notes: Option<Box<Notes>>,
}

/// The rare parts of a [`CallContext`].
#[derive(Default)]
pub(crate) struct Notes {
    /// The listeners that did not finish well, by index.
    pub(crate) failures: Vec<(usize, Outcome)>,
    pub(crate) signal: Option<Arc<Signal>>,
    /// Why the emission ended before its listeners did, if it has.
    pub(crate) stopped: Option<Stop>,
}

impl<'a> CallContext<'a> {
    /// The context of the calls of an emission that begins.
    #[inline]
    pub(crate) fn of_event(shared: Option<&'a dyn ShareEvent>) -> Self {
        Self { shared, ..Self::default() }
    }

    /// The context of calls that share a signal.
    pub(crate) fn with_signal(signal: Arc<Signal>) -> Self {
        let notes = Notes { signal: Some(signal), ..Notes::default() };
        Self { notes: Some(Box::new(notes)), ..Self::default() }
    }

    /// The rare parts, to be changed.
    pub(crate) fn notes(&mut self) -> &mut Notes {
        self.notes.get_or_insert_default()
    }

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
        let index = self.at.saturating_sub(1);
        self.notes().failures.push((index, outcome));
    }

    /// The listeners that did not finish well so far, by index.
    pub(crate) fn failures(&self) -> &[(usize, Outcome)] {
        self.notes.as_ref().map_or(&[], |notes| &notes.failures)
    }

    /// Why the emission ended before its listeners did, if it has.
    pub(crate) fn stopped(&self) -> Option<Stop> {
        self.notes.as_ref().and_then(|notes| notes.stopped)
    }

    /// Whether all listeners were called and finished well.
    #[inline]
    pub(crate) fn is_clean(&self) -> bool {
        self.notes.is_none() && self.skipped == 0
    }

    /// What is left of it when the synchronous listeners have run.
    pub(crate) fn detached(self) -> CallContext<'static> {
        let Self { at, skipped, notes, .. } = self;
        CallContext { at, skipped, shared: None, notes }
    }

    /// The emission's signal; made when it is first asked for, since most emissions need none. One with limits of its own
    /// is made when the emission begins.
    pub(crate) fn signal(&mut self) -> Arc<Signal> {
        Arc::clone(self.notes().signal.get_or_insert_default())
    }

    /// Sets the signal, if anybody has asked for it.
    pub(crate) fn set_signal(&self) {
        if let Some(signal) = self.notes.as_ref().and_then(|notes| notes.signal.as_ref()) {
            signal.set();
        }
    }
}
