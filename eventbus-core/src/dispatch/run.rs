//! The loop over the synchronous listeners of a snapshot.

use std::sync::Arc;

use super::{EventSlot, Scene, SyncCall, Tally, isolate};
use crate::registry::{Entry, Spent, Turn};

/// Calls each listener that is still to be called, in order, on this thread. Stops where `stop` says so, and gives back the
/// listeners it did not come to.
///
/// Isolation costs one landing pad for the loop, not one for each listener: after a panic the loop goes on behind the
/// listener that panicked. Its number is kept where the unwinding does not reach; the loop itself only writes it.
#[inline]
pub(crate) fn run_sync<'s, E: 'static>(
    slot: &EventSlot<E>,
    listeners: &'s [Arc<Entry<dyn SyncCall<E>>>],
    event: &E,
    scene: &Scene<'_>,
    tally: &mut Tally,
    mut stop: impl FnMut() -> bool,
) -> &'s [Arc<Entry<dyn SyncCall<E>>>] {
    let mut next = 0;
    loop {
        let ended = isolate(|| {
            let mut at = next;
            for entry in &listeners[next..] {
                if stop() {
                    return;
                }
                at += 1;
                next = at;
                match entry.turn() {
                    Turn::Call => entry.run.call(&entry.info, event, scene, tally),
                    Turn::Skip => tally.skipped += 1,
                    Turn::Ask => {
                        if admit(slot, entry, || entry.run.admits(event, scene)) {
                            entry.run.call(&entry.info, event, scene, tally);
                        } else {
                            tally.skipped += 1;
                        }
                    }
                }
            }
        });
        match ended {
            Ok(()) => return &listeners[next..],
            Err(message) => tally.panicked(&listeners[next - 1].info, message),
        }
    }
}

/// Whether a listener with a filter, or one that runs once, is to be called. A filter that says no does not spend `once`.
pub(crate) fn admit<E: 'static, F: ?Sized>(
    slot: &EventSlot<E>,
    entry: &Entry<F>,
    filter: impl FnOnce() -> bool,
) -> bool {
    if !filter() {
        return false;
    }
    match entry.spend() {
        Spent::Free => true,
        Spent::Last => {
            // Out of the slot before the call: whoever looks from inside the listener finds it gone.
            entry.leave(slot);
            true
        }
        Spent::TooLate => false,
    }
}
