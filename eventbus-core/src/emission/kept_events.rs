//! Counts of the events that are kept to be emitted later.

use std::sync::atomic::{AtomicU64, Ordering};

/// Where the events have gone that were kept by a [`Deferred`](crate::Deferred). Together they are all that were ever kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeferredStats {
    /// Kept, and neither released nor discarded yet.
    pub pending: u64,
    /// Emitted by a release, or offered to the transport by it, whether or not that has taken them. How that went is in what the
    /// release gives.
    pub released: u64,
    /// Dropped without being emitted or published: by `discard`, with their `Deferred`, or with a release that was given up.
    pub discarded: u64,
}

/// Counts of kept events. Each only grows.
#[derive(Debug, Default)]
pub(crate) struct KeptEvents {
    kept: AtomicU64,
    released: AtomicU64,
    discarded: AtomicU64,
}

impl KeptEvents {
    pub(crate) fn keep(&self) {
        self.kept.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn release(&self) {
        self.released.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn discard(&self) {
        self.discarded.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn now(&self) -> DeferredStats {
        // Read last, what was kept is at least what has left: the events that are pending never come out negative.
        let (released, discarded) = (self.released.load(Ordering::Acquire), self.discarded.load(Ordering::Acquire));
        let pending = self.kept.load(Ordering::Acquire) - released - discarded;
        DeferredStats { pending, released, discarded }
    }
}
