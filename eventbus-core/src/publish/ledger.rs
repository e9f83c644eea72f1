//! What becomes of events, counted (promise P9).

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Default, Debug)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Of events that are published.
#[derive(Default, Debug)]
pub(super) struct Intake {
    /// Offered and accepted in one step, as most are; counted in neither of the two below.
    pub(super) at_once: Count,
    pub(super) offered: Count,
    pub(super) accepted: Count,
    pub(super) rejected: Count,
    pub(super) unknown: Count,
    /// Of those that were rejected.
    pub(super) duplicates: Count,
}

/// Of the deliveries of a group, as far as this process has them.
#[derive(Default, Debug)]
pub(super) struct GroupLedger {
    pub(super) received: Count,
    pub(super) handled: Count,
    pub(super) ignored: Count,
    pub(super) retried: Count,
    pub(super) dead_lettered: Count,
    pub(super) returned: Count,
    /// Back to the transport, which counts them as waiting.
    pub(super) given_back: Count,
    pub(super) read_errors: Count,
    pub(super) settle_errors: Count,
    /// Leases that ran out while their deliveries were held: another source has them by now.
    pub(super) lost_leases: Count,
}

impl GroupLedger {
    /// How many deliveries this process holds.
    pub(super) fn held(&self) -> u64 {
        // The ends first: what is received meanwhile is not missing elsewhere.
        let ended = self.handled.get() + self.ignored.get() + self.dead_lettered.get();
        self.received.get().saturating_sub(self.given_back.get() + ended)
    }
}
