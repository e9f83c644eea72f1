//! What several test binaries note with: a log, and code that runs at a drop.

use std::sync::{Arc, Mutex};

/// A shared list of what happened, in order.
#[derive(Debug)]
pub(crate) struct Log<T = &'static str>(Arc<Mutex<Vec<T>>>);

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Log<T> {
    pub(crate) fn add(&self, entry: T) {
        self.0.lock().unwrap().push(entry);
    }

    /// Takes all entries out.
    pub(crate) fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Runs code when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
