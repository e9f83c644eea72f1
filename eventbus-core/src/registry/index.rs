//! An index in front of the map of slots, for event types that have a number.
//!
//! The map is what is true; the index is a faster way to what the map holds. Reading it writes nothing and compares no
//! keys. What it does not know, or knows under another type, is looked up in the map.

use std::{
    any::Any,
    sync::{Arc, OnceLock},
};

use super::types::AnySlot;
use crate::event::EventType;

/// How many slots the first chunk has room for; each one after it has twice as many as the one before.
const FIRST: u32 = 32;

/// Enough for all numbers: the last one starts at 2^31 - 32.
const CHUNKS: usize = 27;

/// Slots by the number of their event type. Grows in chunks that stay where they are, and never shrinks.
#[derive(Default)]
pub(super) struct Index {
    chunks: [OnceLock<Chunk>; CHUNKS],
}

type Chunk = Box<[OnceLock<Arc<dyn AnySlot>>]>;

impl Index {
    /// The slot of `event`, if it is known here and is an `S`.
    #[inline]
    pub(super) fn get<S: Any>(&self, event: &'static EventType) -> Option<&S> {
        let (chunk, at) = place(event.number()?);
        let slot: &dyn Any = &**self.chunks.get(chunk)?.get()?.get(at)?.get()?;
        slot.downcast_ref()
    }

    /// Makes the slot of `event` known.
    pub(super) fn insert(&self, event: &'static EventType, slot: &Arc<dyn AnySlot>) {
        let Some((chunk, at)) = event.number().map(place) else { return };
        let Some(cell) = self.chunks.get(chunk) else { return };
        let places = cell.get_or_init(|| (0..FIRST << chunk).map(|_| OnceLock::new()).collect());
        // Two types with one number can only be hand-written: the second one stays with the map.
        let _ = places[at].set(Arc::clone(slot));
    }
}

/// The chunk of a number, and the place in it.
#[inline]
fn place(number: u32) -> (usize, usize) {
    let number = number.saturating_add(FIRST);
    let chunk = number.ilog2() - FIRST.ilog2();
    (chunk as usize, (number - (FIRST << chunk)) as usize)
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
            if next.1 == (FIRST as usize) << next.0 {
                next = (next.0 + 1, 0);
            }
        }
        assert!(place(u32::MAX).0 <= CHUNKS);
    }
}
