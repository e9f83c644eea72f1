//! What an emission has to tell so far.

use std::sync::Arc;

use crate::listener::{BoxError, Failure, ListenerInfo, Outcome};

/// Collects what did not go well. Listeners that finish well leave no trace, so that they cost nothing.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) failures: Vec<Failure>,
    /// Listeners that were not to be called: off, spent, or refused by their filter.
    pub(crate) skipped: usize,
}

impl Tally {
    #[cold]
    pub(crate) fn failed(&mut self, listener: &ListenerInfo, error: BoxError) {
        self.add(listener, Outcome::Failed(Arc::from(error)));
    }

    #[cold]
    pub(crate) fn panicked(&mut self, listener: &ListenerInfo, message: Arc<str>) {
        self.add(listener, Outcome::Panicked(message));
    }

    #[cold]
    pub(crate) fn add(&mut self, listener: &ListenerInfo, outcome: Outcome) {
        self.failures.push(Failure::new(listener, outcome));
    }
}
