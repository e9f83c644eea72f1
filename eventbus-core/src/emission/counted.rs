//! Emissions of a bus that counts them.
//!
//! Most take the plain way, as on other buses: the chunks of synchronous listeners are counted before they are run, each with one
//! addition. An emission that is measured, or that checks something before each call, counts each call where it is made.
//! On a bus that counts, the plain way is closed (`plain_depth`), and an emission that finds it closed is counted: so a bus that
//! does not count checks nothing for this.

use super::guards::CallGuard;
use crate::{
    call::NestedPlain,
    counting::{CallTiming, EmissionCount, EventCounts, Thread},
    registry::{Entry, Slot, Snapshot},
};

/// Counts an emission that has nothing to ask, and calls `push` for it. None if it is to be measured, nobody hears it, or `push` refuses.
pub(super) fn begin_counted(
    counts: &EventCounts,
    snapshot: &Snapshot,
    push: impl FnOnce() -> Option<NestedPlain>,
) -> Option<NestedPlain> {
    let thread = Thread::current();
    let cell = counts.cell(thread);
    if snapshot.len == 0 || cell.measures_next() {
        return None;
    }
    let nested = push()?;
    cell.begin(thread, snapshot.sync_len);
    snapshot.sync.each(|chunk| chunk.count_run(thread));
    Some(nested)
}

impl Slot {
    /// Counts an emission that begins, on a bus that counts.
    pub(super) fn begin_count(&self) -> Option<EmissionCount> {
        self.counts.as_ref().map(EmissionCount::begin)
    }

    /// The emission that [`begin_counted`] has counted.
    #[inline]
    pub(super) fn begun_count(&self) -> Option<Box<EmissionCount>> {
        self.counts.as_ref().map(|counts| Box::new(EmissionCount::begun(counts)))
    }

    /// Counts an emission that nobody hears, on a bus that counts; whether it is one.
    pub(super) fn count_unheard(&self) -> bool {
        let counts = self.counts.as_ref();
        counts.inspect(|counts| counts.unheard()).is_some()
    }

    /// Counts a call of a listener.
    pub(super) fn count_call(&self, entry: &Entry) {
        if let (Some(event), Some(listener)) = (&self.counts, &entry.counts) {
            event.called();
            listener.called();
        }
    }

    /// Takes a call back that was counted and is not made.
    pub(super) fn take_call_back(&self, entry: &Entry) {
        if let (Some(event), Some(listener)) = (&self.counts, &entry.counts) {
            event.not_called();
            listener.not_called();
        }
    }
}

impl CallGuard {
    /// Measures a call that is awaited, from now until it ends, on a bus that counts.
    pub(super) fn measured(self, entry: &Entry) -> Self {
        self.with_timing(entry.counts.as_ref().map(CallTiming::awaited))
    }
}
