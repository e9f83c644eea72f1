//! The registry: from an event type to its slot, from a name and version to its type, from a name to its listeners.

use std::{
    any::TypeId,
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use dashmap::DashMap;

use super::{
    code::Member,
    conflict::{Claim, Conflict},
    entry::{Entry, Key},
    hashed_keys::BuildHashedKeys,
    patterns::Patterns,
    slot::{Slot, SlotType},
    slot_table::SlotTable,
};
use crate::{
    counting::ListenerCounts,
    event::{Event, EventName, EventType, number_of},
    listener::ListenerInfo,
    pattern::FoldHash,
    sync::{Mutex, lock},
};

/// All slots of a bus, which type owns which name and version, and the listeners by pattern.
///
/// No guard of its maps and no lock leaves this file: each method lends a slot of the table, clones an `Arc` out, or
/// returns what is to be dropped.
pub(crate) struct Registry {
    /// The source of truth: where the slot of a type lies.
    slots: DashMap<TypeId, Position, BuildHashedKeys>,
    /// Slots of types with a number of their own, which is known without asking the map.
    numbered: SlotTable,
    /// Slots of the other types, in the order of their first use.
    others: SlotTable,
    next_other: AtomicU32,
    identities: DashMap<EventName, Vec<(Claim, Position)>, FoldHash>,
    /// Also the lock under which slots are made, so that a slot and a listener by pattern that come at once find each other.
    patterns: Mutex<Patterns>,
    /// Whether somebody wants to know of emissions that nobody hears.
    is_watched: bool,
    /// Whether emissions are counted.
    is_counted: bool,
}

/// The answer of [`Registry::claimant`].
pub(crate) enum Claimant<'a> {
    /// The event type that was asked for; its slot.
    Slot(&'a Arc<Slot>),
    /// Other types, or the same in another version.
    Others,
    Nobody,
}

#[derive(Clone, Copy)]
enum Position {
    Numbered(u32),
    Other(u32),
}

impl Registry {
    pub(crate) fn new(is_watched: bool, is_counted: bool) -> Self {
        Self {
            slots: DashMap::default(),
            numbered: SlotTable::default(),
            others: SlotTable::default(),
            next_other: AtomicU32::new(0),
            identities: DashMap::default(),
            patterns: Mutex::new(Patterns::new()),
            is_watched,
            is_counted,
        }
    }

    /// The slot of `E`, if the table knows it by the number of its type. Most emissions need no more.
    #[inline]
    pub(crate) fn numbered<E: Event>(&self) -> Option<&Arc<Slot>> {
        let slot = self.numbered.get(number_of::<E>()?)?;
        // Two types with one number can only be hand-written: the second one is with the others.
        (slot.event.id() == TypeId::of::<E>()).then_some(slot)
    }

    /// The slot of an event type, made when it is first asked for.
    pub(crate) fn slot(
        &self,
        slot_type: SlotType,
        location: &'static Location<'static>,
    ) -> Result<&Arc<Slot>, Conflict> {
        match self.get(slot_type.event) {
            Some(slot) => Ok(slot),
            None => self.make(slot_type, location),
        }
    }

    /// The slot of `event`, if the bus has seen the event.
    pub(crate) fn get(&self, event: &'static EventType) -> Option<&Arc<Slot>> {
        let position = *self.slots.get(&event.id())?;
        self.at(position)
    }

    fn at(&self, position: Position) -> Option<&Arc<Slot>> {
        match position {
            Position::Numbered(number) => self.numbered.get(number),
            Position::Other(number) => self.others.get(number),
        }
    }

    #[cold]
    fn make(&self, slot_type: SlotType, location: &'static Location<'static>) -> Result<&Arc<Slot>, Conflict> {
        let event = slot_type.event;
        let mut patterns = lock(&self.patterns);
        // Another thread may have been first.
        if let Some(slot) = self.get(event) {
            return Ok(slot);
        }
        let slot = Arc::new(Slot::new(slot_type, location, self.is_watched, self.is_counted));
        let keys = patterns.fill(&slot);
        let position = self.claim(Claim { event, location }, &slot)?;
        patterns.add_slot(&slot, &keys);
        match self.at(position) {
            Some(slot) => Ok(slot),
            None => unreachable!("the slot was put there"),
        }
    }

    /// Promise P8: one identity, one type. A thread that finds the claim finds the slot.
    fn claim(&self, claim: Claim, slot: &Arc<Slot>) -> Result<Position, Conflict> {
        let mut claims = self.identities.entry(claim.event.name()).or_default();
        if let Some((first, _)) = claims.iter().find(|(first, _)| first.excludes(&claim)) {
            return Err(Conflict { first: *first, second: claim });
        }
        let numbered = claim.event.number().filter(|number| self.numbered.insert(*number, slot));
        let position = numbered.map_or_else(|| Position::Other(self.add_other(slot)), Position::Numbered);
        // Under the guard of the claims, so that the claim and the slot are seen together.
        self.slots.insert(claim.event.id(), position);
        claims.push((claim, position));
        Ok(position)
    }

    fn add_other(&self, slot: &Arc<Slot>) -> u32 {
        // Only under the lock of the patterns: no other thread takes the number.
        let number = self.next_other.fetch_add(1, Ordering::Relaxed);
        self.others.insert(number, slot);
        number
    }

    /// The types that have claimed a name, all versions of it.
    pub(crate) fn claims(&self, name: &str) -> Vec<&'static EventType> {
        let claims = self.identities.get(name);
        claims.map_or_else(Vec::new, |claims| claims.iter().map(|(claim, _)| claim.event).collect())
    }

    /// The slot of the type `id`, if that has claimed this name and is in its first version. Known by the type, the name is
    /// compared and not looked up.
    pub(crate) fn of_type_named(&self, id: TypeId, name: &str) -> Option<&Arc<Slot>> {
        let position = *self.slots.get(&id)?;
        self.at(position).filter(|slot| slot.event.name().as_str() == name && slot.event.version() == 1)
    }

    /// Who has claimed a name in a version: the event type `id`, others, or nobody.
    pub(crate) fn claimant(&self, name: &str, version: u32, id: TypeId) -> Claimant<'_> {
        let Some(claims) = self.identities.get(name) else { return Claimant::Nobody };
        let is_claim = |(claim, _): &&(Claim, Position)| claim.event.id() == id && claim.event.version() == version;
        let position = claims.iter().find(is_claim).map(|(_, position)| *position);
        drop(claims);
        position.and_then(|position| self.at(position)).map_or(Claimant::Others, Claimant::Slot)
    }

    /// All slots, as they are at this moment, by the name, version and Rust type of their events.
    pub(crate) fn all(&self) -> Vec<&Arc<Slot>> {
        // The guard of the map's shard ends with the collection of positions.
        let positions: Vec<_> = self.slots.iter().map(|position| *position.value()).collect();
        let mut slots: Vec<_> = positions.into_iter().filter_map(|position| self.at(position)).collect();
        slots.sort_by_key(|slot| (slot.event.name(), slot.event.version(), slot.event.rust_type()));
        slots
    }

    /// Adds a listener by pattern, which joins the slots that it matches. Returns how many there are.
    pub(crate) fn add_by_pattern(&self, member: &Member) -> usize {
        let (stale, listeners) = {
            let mut patterns = lock(&self.patterns);
            (patterns.insert(member), patterns.len())
        };
        drop(stale);
        listeners
    }

    /// Ends a listener by pattern; whether it was there.
    pub(crate) fn remove_by_pattern(&self, key: Key) -> bool {
        let removed = lock(&self.patterns).remove(key);
        removed.is_some()
    }

    pub(crate) fn has_by_pattern(&self, key: Key) -> bool {
        lock(&self.patterns).contains(key)
    }

    /// Removes a listener that has spent its only run.
    pub(crate) fn remove_spent(&self, entry: &Entry, slot: &Slot) {
        if entry.info.pattern.is_some() {
            self.remove_by_pattern(entry.key());
        } else {
            drop(slot.remove(entry.key()));
        }
    }

    /// The listeners that match a name which no type claims, in the order of priority and registration.
    pub(crate) fn matching(&self, name: &str) -> Vec<Member> {
        lock(&self.patterns).matching(name)
    }

    /// The listeners by pattern, in the order of priority and registration.
    pub(crate) fn infos_by_pattern(&self) -> Vec<ListenerInfo> {
        lock(&self.patterns).all().map(|member| member.entry.info.clone()).collect()
    }

    /// Counts for a listener that is about to be registered, on a bus that counts.
    pub(crate) fn listener_counts(&self) -> Option<Arc<ListenerCounts>> {
        self.is_counted.then(Arc::default)
    }

    /// The listeners by pattern in the order of priority and registration, each with its counts; none on a bus that does not count.
    pub(crate) fn counted_by_pattern(&self) -> Vec<(ListenerInfo, Arc<ListenerCounts>)> {
        let counted = |member: &Member| Some((member.entry.info.clone(), member.entry.counts.clone()?));
        lock(&self.patterns).all().filter_map(counted).collect()
    }

    /// Ends every listener.
    pub(crate) fn clear(&self) {
        // Dropped when all are gone: what a closure registers in its `Drop` is not swept away with the rest.
        let by_pattern;
        let mut typed = Vec::new();
        {
            // Held to the end, so that a listener by pattern that comes meanwhile is in all its slots, or in none.
            let mut patterns = lock(&self.patterns);
            by_pattern = patterns.take();
            for slot in self.all() {
                typed.push(slot.clear());
            }
        }
        drop((by_pattern, typed));
    }
}
