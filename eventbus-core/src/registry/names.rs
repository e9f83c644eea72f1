//! The registry by name: listeners that listen to patterns of names.
//!
//! Matching happens at registration: a new listener joins the slots whose names it matches, a new slot collects the
//! listeners that match its name. Both happen under one lock, so that no pair is missed. Names without a slot are matched
//! by the trie when they are emitted; they come from outside, and leave nothing behind.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::Duration,
};

use super::{
    entry::{Key, Spent, key},
    types::Home,
};
use crate::{
    listener::ListenerInfo,
    pattern::{self, Trie},
    sync::{AtomicU8, Ordering},
};

/// A listener that listens by name. In each slot that it matches an entry stands for it; they all ask its flag.
pub(crate) struct NameListener {
    pub(crate) info: ListenerInfo,
    pub(crate) timeout: Option<Duration>,
    /// What is called: known to the floor above.
    pub(crate) code: Arc<dyn Any + Send + Sync>,
    state: AtomicU8,
    home: Weak<dyn Home>,
}

const ON: u8 = 0;
const OFF: u8 = 1;
const ONCE: u8 = 2;

impl NameListener {
    pub(crate) fn new(
        info: ListenerInfo,
        once: bool,
        timeout: Option<Duration>,
        code: Arc<dyn Any + Send + Sync>,
        home: Weak<dyn Home>,
    ) -> Self {
        Self { info, timeout, code, state: AtomicU8::new(if once { ONCE } else { ON }), home }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.state.load(Ordering::Acquire) & OFF == 0
    }

    /// Switches it off; whether it was on.
    pub(super) fn turn_off(&self) -> bool {
        self.state.fetch_or(OFF, Ordering::AcqRel) & OFF == 0
    }

    /// Claims the right to call, as [`Entry::spend`](super::Entry::spend) does.
    pub(super) fn spend(&self) -> Spent {
        let state = self.state.load(Ordering::Acquire);
        if state & ONCE == 0 {
            return if state & OFF == 0 { Spent::Free } else { Spent::TooLate };
        }
        if self.turn_off() { Spent::Last } else { Spent::TooLate }
    }

    /// Leaves the registry, where it was to run once.
    pub(super) fn leave(&self) {
        if let Some(home) = self.home.upgrade() {
            home.remove(key(&self.info));
        }
    }
}

/// The listeners by name of a bus.
pub(super) struct Names {
    trie: Trie<Arc<NameListener>>,
    listeners: BTreeMap<Key, (pattern::Key, Arc<NameListener>)>,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { trie: Trie::new(), listeners: BTreeMap::new() }
    }

    pub(super) fn insert(&mut self, listener: &Arc<NameListener>) {
        if let Some(pattern) = &listener.info.pattern {
            let place = self.trie.insert(pattern, Arc::clone(listener));
            self.listeners.insert(key(&listener.info), (place, Arc::clone(listener)));
        }
    }

    /// Takes a listener out and switches it off.
    pub(super) fn remove(&mut self, key: Key) -> Option<Arc<NameListener>> {
        let (place, listener) = self.listeners.remove(&key)?;
        listener.turn_off();
        self.trie.remove(place);
        Some(listener)
    }

    /// Takes all of them out and switches them off; they are dropped with what is returned.
    pub(super) fn take(&mut self) -> Self {
        let taken = Self { trie: self.trie.take(), listeners: std::mem::take(&mut self.listeners) };
        for (_, listener) in taken.listeners.values() {
            listener.turn_off();
        }
        taken
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        self.listeners.contains_key(&key)
    }

    /// The listeners that match a name, in the order of their turns.
    pub(super) fn matching(&self, name: &str) -> Vec<Arc<NameListener>> {
        let mut found = Vec::new();
        self.trie.each_match(name, |listener| found.push(Arc::clone(listener)));
        found.sort_unstable_by_key(|listener| key(&listener.info));
        found
    }

    /// All of them, in the order of priority and registration.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<NameListener>> {
        self.listeners.values().map(|(_, listener)| listener)
    }
}
