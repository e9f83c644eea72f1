//! Values at numbered places; the places of removed ones are used again.

use std::ops::{Index, IndexMut};

#[derive(Clone, Default)]
pub(super) struct Slab<T> {
    slots: Vec<T>,
    free: Vec<u32>,
}

impl<T: Default> Slab<T> {
    /// Puts `value` at a free place.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        if let Some(at) = self.free.pop() {
            self.slots[at as usize] = value;
            return at;
        }
        let at = u32::try_from(self.slots.len()).expect("a slab has fewer than 2^32 places");
        self.slots.push(value);
        at
    }

    /// Takes the value at `at` out, and leaves the default there until the place is used again.
    pub(super) fn remove(&mut self, at: u32) -> T {
        self.free.push(at);
        std::mem::take(&mut self.slots[at as usize])
    }

    /// The value at `at`, or the default it left there; `None` if there never was one.
    pub(super) fn get(&self, at: u32) -> Option<&T> {
        self.slots.get(at as usize)
    }

    /// How many places are in use.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, at: u32) -> &T {
        &self.slots[at as usize]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, at: u32) -> &mut T {
        &mut self.slots[at as usize]
    }
}
