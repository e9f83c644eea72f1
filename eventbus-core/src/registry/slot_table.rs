//! A table of slots that only grows, so that a slot is lent by reference.

use std::sync::{Arc, OnceLock};

use super::slot::Slot;

/// How many slots the first chunk has room for; each one after it has twice as many as the one before.
const FIRST: usize = 32;

/// Enough for all numbers: the last one starts at 2^31 - 32.
const CHUNKS: usize = 27;

/// Slots by number. Grows in chunks that stay where they are, and never shrinks. Reading it writes nothing.
#[derive(Default)]
pub(super) struct SlotTable {
    chunks: [OnceLock<SlotChunk>; CHUNKS],
}

type SlotChunk = Box<[OnceLock<Arc<Slot>>]>;

impl SlotTable {
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Arc<Slot>> {
        let (chunk, at) = place(number);
        self.chunks.get(chunk)?.get()?.get(at)?.get()
    }

    /// Puts a slot where none is yet; whether there was room.
    pub(super) fn insert(&self, number: u32, slot: &Arc<Slot>) -> bool {
        let (chunk, at) = place(number);
        let Some(cell) = self.chunks.get(chunk) else { return false };
        let places = cell.get_or_init(|| (0..FIRST << chunk).map(|_| OnceLock::new()).collect());
        places[at].set(Arc::clone(slot)).is_ok()
    }
}

/// The chunk of a number, and the place in it.
#[inline]
fn place(number: u32) -> (usize, usize) {
    let number = (number as usize).saturating_add(FIRST);
    let chunk = (number.ilog2() - FIRST.ilog2()) as usize;
    (chunk, number - (FIRST << chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_one_another() {
        let mut next = (0, 0);
        for number in 0..10_000 {
            assert_eq!(place(number), next);
            next.1 += 1;
            if next.1 == FIRST << next.0 {
                next = (next.0 + 1, 0);
            }
        }
        assert!(place(u32::MAX).0 <= CHUNKS);
    }
}
