//! What becomes of events, counted (promise P9).

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::counting::Latencies;

/// A number that only grows.
#[derive(Default, Debug)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Of events that are published.
#[derive(Default, Debug)]
pub(crate) struct Intake {
    /// Without those that [`Publishing::accepted_at_once`](super::Publishing::accepted_at_once) counts; so are those accepted.
    pub(crate) offered: Count,
    pub(crate) accepted: Count,
    pub(crate) rejected: Count,
    pub(crate) unknown: Count,
    /// Of those that were rejected.
    pub(crate) duplicates: Count,
}

/// Of the deliveries of a group, as far as this process has them.
#[derive(Default)]
pub(crate) struct GroupLedger {
    pub(crate) received: Count,
    pub(crate) handled: Count,
    pub(crate) ignored: Count,
    pub(crate) retried: Count,
    pub(crate) dead_lettered: Count,
    /// Of those the ones that no handler was asked to handle.
    pub(crate) unattempted: Count,
    pub(crate) returned: Count,
    /// Back to the transport, which counts them as waiting.
    pub(crate) given_back: Count,
    pub(crate) read_errors: Count,
    pub(crate) settle_errors: Count,
    /// Leases that ran out while their deliveries were held: another source has them by now.
    pub(crate) lost_leases: Count,
    /// How long handlers took, on a bus that measures it.
    pub(crate) latencies: Arc<Latencies>,
}

impl GroupLedger {
    /// How many deliveries this process holds.
    pub(crate) fn held(&self) -> u64 {
        // The ends first: what is received meanwhile is not missing elsewhere.
        let ended = self.handled.get() + self.ignored.get() + self.dead_lettered.get();
        self.received.get().saturating_sub(self.given_back.get() + ended)
    }
}

#[cfg(test)]
mod tests {
    use super::GroupLedger;

    #[test]
    fn what_has_ended_or_was_given_back_is_not_held() {
        let ledger = GroupLedger::default();
        let ends = [&ledger.handled, &ledger.ignored, &ledger.dead_lettered, &ledger.given_back];
        for (count, of) in [16, 1, 2, 4, 8].into_iter().zip([&ledger.received].into_iter().chain(ends)) {
            of.add(count);
        }
        assert_eq!(ledger.held(), 1);
    }
}
