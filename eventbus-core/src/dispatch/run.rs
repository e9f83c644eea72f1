//! The loop over the synchronous listeners of a snapshot.

use std::sync::Arc;

use super::{EventSlot, SyncCall, Tally, isolate};
use crate::registry::{Entry, Spent, Turn};

/// Calls each listener that is still to be called, in order, on this thread.
///
/// Isolation costs one landing pad for the loop, not one for each listener: the iterator stands outside, the isolated
/// code drains it, and after a panic the loop goes on behind the listener that panicked.
pub(crate) fn run_sync<E: 'static>(
    slot: &EventSlot<E>,
    listeners: &[Arc<Entry<dyn SyncCall<E>>>],
    event: &E,
    tally: &mut Tally,
) {
    let mut rest = listeners.iter();
    loop {
        let drained = isolate(|| {
            for entry in rest.by_ref() {
                match entry.turn() {
                    Turn::Call => entry.run.call(&entry.info, event, tally),
                    Turn::Skip => tally.skipped += 1,
                    Turn::Ask => ask(slot, entry, event, tally),
                }
            }
        });
        match drained {
            Ok(()) => return,
            Err(message) => {
                let panicked = &listeners[listeners.len() - rest.len() - 1];
                tally.panicked(&panicked.info, message);
            }
        }
    }
}

/// The turn of a listener with a filter, or one that runs once. A filter that says no does not spend `once`.
fn ask<E: 'static>(slot: &EventSlot<E>, entry: &Entry<dyn SyncCall<E>>, event: &E, tally: &mut Tally) {
    if !entry.run.admits(event) {
        tally.skipped += 1;
        return;
    }
    match entry.spend() {
        Spent::Free => {}
        // Out of the slot before the call: whoever looks from inside the listener finds it gone.
        Spent::Last => _ = slot.remove(entry.key()),
        Spent::TooLate => {
            tally.skipped += 1;
            return;
        }
    }
    entry.run.call(&entry.info, event, tally);
}
