//! The listeners by name of a bus.
//!
//! Matching happens at registration: a new listener joins the slots whose names it matches, a new slot collects the
//! listeners that match its name. Names without a slot are matched by the trie when they are emitted; they come from
//! outside, and leave nothing behind.

use std::collections::BTreeMap;

use super::{code::Member, entry::Key};
use crate::pattern::{self, Trie};

/// Listeners by the patterns of names that they listen to.
pub(super) struct Names {
    trie: Trie<Member>,
    listeners: BTreeMap<Key, (pattern::Key, Member)>,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { trie: Trie::new(), listeners: BTreeMap::new() }
    }

    pub(super) fn insert(&mut self, member: &Member) {
        if let Some(pattern) = &member.entry.info.pattern {
            let place = self.trie.insert(pattern, member.clone());
            self.listeners.insert(member.entry.key(), (place, member.clone()));
        }
    }

    /// Takes a listener out and switches it off.
    pub(super) fn remove(&mut self, key: Key) -> Option<Member> {
        let (place, member) = self.listeners.remove(&key)?;
        member.entry.turn_off();
        self.trie.remove(place);
        Some(member)
    }

    /// Takes all of them out and switches them off; they are dropped with what is returned.
    pub(super) fn take(&mut self) -> Self {
        let taken = Self { trie: self.trie.take(), listeners: std::mem::take(&mut self.listeners) };
        for (_, member) in taken.listeners.values() {
            member.entry.turn_off();
        }
        taken
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        self.listeners.contains_key(&key)
    }

    /// The listeners that match a name, in the order of priority and registration.
    pub(super) fn matching(&self, name: &str) -> Vec<Member> {
        let mut found = Vec::new();
        self.trie.each_match(name, |member| found.push(member.clone()));
        found.sort_unstable_by_key(|member| member.entry.key());
        found
    }

    /// All of them, in the order of priority and registration.
    pub(super) fn all(&self) -> impl Iterator<Item = &Member> {
        self.listeners.values().map(|(_, member)| member)
    }
}
