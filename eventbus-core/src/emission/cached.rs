//! A snapshot that an emitter keeps.

use std::sync::Arc;

use arc_swap::Guard;

use crate::registry::{Slot, Snapshot};

/// The last snapshot that an emitter has seen.
pub(super) struct Cached {
    version: u64,
    snapshot: Arc<Snapshot>,
}

impl Default for Cached {
    fn default() -> Self {
        // No slot has this version.
        Self { version: u64::MAX, snapshot: Arc::default() }
    }
}

impl Cached {
    /// The current snapshot of `slot`.
    #[inline]
    pub(super) fn load(&mut self, slot: &Slot) -> &Arc<Snapshot> {
        // The version first: a snapshot that is newer than its version is only loaded once more.
        let version = slot.version();
        if version != self.version {
            self.reload(slot, version);
        }
        &self.snapshot
    }

    #[cold]
    #[inline(never)]
    fn reload(&mut self, slot: &Slot, version: u64) {
        if let Some(snapshot) = Guard::into_inner(slot.load().0) {
            *self = Self { version, snapshot };
        }
    }
}
