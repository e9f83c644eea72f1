//! Dead letters that the transport has not kept yet.

use std::collections::HashMap;

use crate::{
    event::isolate,
    publish::DeadLetter,
    sync::{Mutex, lock},
};

/// Letters by the numbers of their deliveries.
#[derive(Default)]
pub(super) struct Unkept(Mutex<HashMap<u64, DeadLetter>>);

impl Unkept {
    pub(super) fn insert(&self, number: u64, letter: DeadLetter) {
        let replaced = lock(&self.0).insert(number, letter);
        // The drop of an error is foreign code.
        let _ = isolate(|| drop(replaced));
    }

    pub(super) fn take(&self, numbers: impl IntoIterator<Item = u64>) -> Vec<DeadLetter> {
        let mut letters = lock(&self.0);
        numbers.into_iter().filter_map(|number| letters.remove(&number)).collect()
    }
}
