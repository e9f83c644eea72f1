//! The listeners by pattern of a bus.
//!
//! Matching happens at registration: a new listener joins the slots whose names it matches, a new slot collects the
//! listeners that match its name. Patterns without a slot are matched by the trie when they are emitted; they come from
//! outside, and leave nothing behind.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    code::Member,
    entry::Key,
    slot::{Removed, Slot},
};
use crate::pattern::{self, Trie};

/// Listeners by the patterns of names that they listen to.
pub(super) struct Patterns {
    trie: Trie<Member>,
    listeners: BTreeMap<Key, Listening>,
    /// All slots of the bus, in the order in which they were made.
    slots: Vec<Arc<Slot>>,
}

/// A listener by pattern.
struct Listening {
    place: pattern::TrieKey,
    member: Member,
    /// The slots that it is in, by their places among all.
    slots: Vec<u32>,
}

/// What ending a listener by pattern has taken out, to be dropped where no lock is held.
pub(super) struct RemovedByPattern {
    _member: Member,
    _slots: Vec<Option<Removed>>,
}

impl Patterns {
    pub(super) fn new() -> Self {
        Self { trie: Trie::new(), listeners: BTreeMap::new(), slots: Vec::new() }
    }

    /// Puts the listeners into a new slot that match its name; their keys.
    pub(super) fn fill(&self, slot: &Slot) -> Vec<Key> {
        let matching = self.matching(slot.event.name().as_str());
        let insert = |member: Member| {
            let key = member.entry.key();
            // Nobody sees the slot yet: there is no stale snapshot to drop.
            let _ = slot.insert(member);
            key
        };
        matching.into_iter().map(insert).collect()
    }

    /// Adds a slot that has been [filled](Self::fill) with the listeners of these keys.
    pub(super) fn add_slot(&mut self, slot: &Arc<Slot>, keys: &[Key]) {
        let at = u32::try_from(self.slots.len()).unwrap_or_else(|_| unreachable!("slots have numbers of 32 bits"));
        self.slots.push(Arc::clone(slot));
        for key in keys {
            if let Some(listening) = self.listeners.get_mut(key) {
                listening.slots.push(at);
            }
        }
    }

    /// Adds a listener, also to the slots that it matches. Returns what is to be dropped.
    pub(super) fn insert(&mut self, member: &Member) -> Vec<Removed> {
        let Some(pattern) = &member.entry.info.pattern else { return Vec::new() };
        let place = self.trie.insert(pattern, member.clone());
        let is_match = |slot: &Slot| pattern.matches(slot.event.name().as_str());
        let slots: Vec<u32> = (0..).zip(&self.slots).filter(|(_, slot)| is_match(slot)).map(|(at, _)| at).collect();
        let stale = slots.iter().map(|at| self.slots[*at as usize].insert(member.clone())).collect();
        self.listeners.insert(member.entry.key(), Listening { place, member: member.clone(), slots });
        stale
    }

    /// How many listeners there are.
    pub(super) fn len(&self) -> usize {
        self.listeners.len()
    }

    /// Takes a listener out, also of its slots, and switches it off.
    pub(super) fn remove(&mut self, key: Key) -> Option<RemovedByPattern> {
        let Listening { place, member, slots } = self.listeners.remove(&key)?;
        member.entry.turn_off();
        self.trie.remove(place);
        let slots = slots.iter().map(|at| self.slots[*at as usize].remove(key)).collect();
        Some(RemovedByPattern { _member: member, _slots: slots })
    }

    /// Takes all of them out and switches them off; they are dropped with what is returned. The slots still have them.
    pub(super) fn take(&mut self) -> Self {
        let listeners = std::mem::take(&mut self.listeners);
        let taken = Self { trie: self.trie.take(), listeners, slots: Vec::new() };
        for listening in taken.listeners.values() {
            listening.member.entry.turn_off();
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
        self.listeners.values().map(|listening| &listening.member)
    }
}
