//! The listeners of one event type.
//!
//! Registration does the work so that emission does not. `insert` and `remove` edit an ordered list under the slot's lock
//! and replace the published snapshot, or withdraw it, and the next emission publishes a new one: while events are emitted
//! between the edits, the edits publish, so that emissions need not. An edit copies at most one chunk, so registering costs the
//! same at any number of listeners, and emitting reads immutable slices.
//!
//! Closures are dropped where no lock is held: what an edit takes out is returned to the caller.

use std::{any::Any, collections::HashMap, panic::Location, sync::Arc};

use arc_swap::{ArcSwapOption, Guard};

use super::{
    chunks::Chunks,
    code::{Code, Member, sync_list},
    entry::Key,
    snapshot::Snapshot,
};
use crate::{
    counting::{EventCounts, ListenerCounts, ListenerNumbers, LiveRuns},
    event::{Event, EventType},
    listener::ListenerInfo,
    sync::{AtomicU64, AtomicUsize, Mutex, Ordering, lock},
};

/// What the registry needs to know of an event type to make its slot.
#[derive(Clone, Copy)]
pub(crate) struct SlotType {
    pub(crate) event: &'static EventType,
    /// Makes a chunk's list of synchronous code by type.
    sync_list: fn(&[Member]) -> Box<dyn Any + Send + Sync>,
}

impl SlotType {
    pub(crate) const fn of<E: Event>() -> Self {
        Self { event: E::TYPE, sync_list: sync_list::<E> }
    }
}

/// The slot of an event type.
pub(crate) struct Slot {
    pub(crate) event: &'static EventType,
    types: SlotType,
    /// Where the event was first used on this bus.
    pub(crate) location: &'static Location<'static>,
    /// How many listeners there are; one more where somebody wants to know of emissions that nobody hears. Every emission reads it
    /// first: an event without listeners costs one load.
    busy: AtomicUsize,
    /// Whether it is one more.
    is_watched: bool,
    /// Counts the edits, for handles that cache a snapshot.
    version: AtomicU64,
    /// The snapshot; `None` when an edit has made it stale. Written under the lock only.
    current: ArcSwapOption<Snapshot>,
    /// Zero until the event has been emitted on this bus; then one more than the consumers that had started when nobody last heard
    /// it. Set with the first snapshot, since only emissions need one. On a bus that counts it has one more bit, so that it equals no
    /// era, and each emission that nobody hears takes the way on which it is counted.
    emitted: AtomicUsize,
    /// What is counted of its emissions, on a bus that counts.
    pub(crate) counts: Option<Arc<EventCounts>>,
    listeners: Mutex<Listeners>,
}

#[derive(Default)]
struct Listeners {
    sync: Chunks,
    awaited: Chunks,
    len: usize,
    /// Whether `current` holds a snapshot.
    published: bool,
    /// How many edits are to publish a snapshot themselves. Granted by each emission that had to.
    to_publish: u8,
    /// How often the chunks of synchronous listeners were run that are left.
    live: LiveRuns,
}

/// The bit of [`Slot::emitted`] on a bus that counts.
const COUNTED: usize = 1 << (usize::BITS - 1);

/// So many edits publish after an emission had to: what many edits in a row pay for nothing is bounded by that.
const EDITS_THAT_PUBLISH: u8 = 16;

/// A snapshot on loan. Loading it writes no cache line that other threads read.
pub(crate) struct Loan(pub(crate) Guard<Option<Arc<Snapshot>>>);

impl Loan {
    #[inline]
    pub(crate) fn snapshot(&self) -> &Arc<Snapshot> {
        match &*self.0 {
            Some(snapshot) => snapshot,
            None => unreachable!("a loan holds a snapshot"),
        }
    }
}

/// What an edit has taken out, to be dropped where no lock is held: the user's closures first.
pub(crate) struct Removed {
    _member: Option<Member>,
    _chunks: Option<Box<(Chunks, Chunks)>>,
    _stale: Option<Arc<Snapshot>>,
}

impl Slot {
    pub(crate) fn new(
        slot_type: SlotType,
        location: &'static Location<'static>,
        is_watched: bool,
        is_counted: bool,
    ) -> Self {
        Self {
            event: slot_type.event,
            types: slot_type,
            location,
            busy: AtomicUsize::new(usize::from(is_watched)),
            is_watched,
            version: AtomicU64::new(0),
            current: ArcSwapOption::empty(),
            emitted: AtomicUsize::new(0),
            counts: is_counted.then(|| Arc::new(EventCounts::new())),
            listeners: Mutex::default(),
        }
    }

    /// How many listeners there are.
    pub(crate) fn len(&self) -> usize {
        self.busy.load(Ordering::Acquire) - usize::from(self.is_watched)
    }

    /// Whether an emission has nobody to reach: no listener, and nobody who wants to know of that.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0
    }

    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// In which era of the consumers the event was last noted as emitted. Written once in each: the cache line is shared.
    #[inline]
    pub(crate) fn emitted_in(&self) -> usize {
        self.emitted.load(Ordering::Relaxed)
    }

    pub(crate) fn note_emitted_in(&self, era: usize) {
        self.emitted.store(self.noted(era), Ordering::Relaxed);
    }

    /// The value of `emitted` for an era, which never reaches the bit.
    fn noted(&self, era: usize) -> usize {
        if self.counts.is_some() { era + COUNTED } else { era }
    }

    /// Whether it was noted in that era, on a bus that counts.
    pub(crate) fn is_noted_in(&self, era: usize) -> bool {
        self.emitted_in() == era + COUNTED
    }

    pub(crate) fn was_emitted(&self) -> bool {
        self.emitted_in() != 0
    }

    /// The current snapshot: always `Some`.
    pub(crate) fn load(&self) -> Loan {
        let loan = self.current.load();
        Loan(if loan.is_some() { loan } else { Guard::from_inner(Some(self.publish())) })
    }

    #[cold]
    #[inline(never)]
    fn publish(&self) -> Arc<Snapshot> {
        let mut listeners = lock(&self.listeners);
        // Another thread may have been first.
        if let Some(snapshot) = self.current.load_full() {
            return snapshot;
        }
        let snapshot = self.snapshot_of(&mut listeners);
        listeners.published = true;
        listeners.to_publish = EDITS_THAT_PUBLISH;
        self.emitted.fetch_max(self.noted(1), Ordering::Relaxed);
        self.current.store(Some(Arc::clone(&snapshot)));
        snapshot
    }

    fn snapshot_of(&self, listeners: &mut Listeners) -> Arc<Snapshot> {
        let Listeners { sync, awaited, live, .. } = listeners;
        live.settle();
        let is_counted = self.counts.is_some();
        let sync = sync.publish(self.types.sync_list, is_counted.then_some(live));
        Arc::new(Snapshot::new(sync, awaited.publish(|_| Box::new(()), None), is_counted))
    }

    /// Adds a listener. Returns what is to be dropped.
    pub(crate) fn insert(&self, member: Member) -> Removed {
        let mut listeners = lock(&self.listeners);
        match member.code() {
            Code::Sync(_) => listeners.sync.insert(member),
            Code::Blocking(_) | Code::Future(_) => listeners.awaited.insert(member),
        }
        listeners.len += 1;
        self.edited(&mut listeners, None, None)
    }

    /// Takes a listener out and switches it off. Returns what is to be dropped; `None` if it was not there.
    pub(crate) fn remove(&self, key: Key) -> Option<Removed> {
        let mut listeners = lock(&self.listeners);
        let removed = match listeners.sync.remove(key) {
            Some(removed) => removed,
            None => listeners.awaited.remove(key)?,
        };
        // First the flag, then the rest: an emission under way must not call it any more.
        removed.entry.turn_off();
        listeners.len -= 1;
        Some(self.edited(&mut listeners, Some(removed), None))
    }

    /// Takes all listeners out and switches them off. Returns what is to be dropped.
    pub(super) fn clear(&self) -> Removed {
        let mut listeners = lock(&self.listeners);
        let (sync, awaited) = (std::mem::take(&mut listeners.sync), std::mem::take(&mut listeners.awaited));
        for member in sync.iter().chain(awaited.iter()) {
            member.entry.turn_off();
        }
        listeners.len = 0;
        self.edited(&mut listeners, None, Some(Box::new((sync, awaited))))
    }

    pub(crate) fn contains(&self, key: Key) -> bool {
        let listeners = lock(&self.listeners);
        listeners.sync.contains(key) || listeners.awaited.contains(key)
    }

    /// The listeners in the order of calls.
    pub(crate) fn infos(&self) -> Vec<ListenerInfo> {
        let listeners = lock(&self.listeners);
        listeners.sync.iter().chain(listeners.awaited.iter()).map(|member| member.entry.info.clone()).collect()
    }

    /// Gives listeners their calls by chunks that are gone.
    pub(crate) fn settle_runs(&self) {
        lock(&self.listeners).live.settle();
    }

    /// The listeners in the order of calls, each with what is counted of it so far. Of listeners by pattern the calls of this slot
    /// are missing; they are added to `by_pattern`.
    pub(crate) fn counted(
        &self,
        by_pattern: &mut HashMap<*const ListenerCounts, u64>,
    ) -> Vec<(ListenerInfo, ListenerNumbers)> {
        let listeners = lock(&self.listeners);
        let Listeners { sync, awaited, live, .. } = &*listeners;
        let mut calls = HashMap::new();
        live.add_to(&mut calls);
        let mut counted = Vec::new();
        for entry in sync.iter().chain(awaited.iter()).map(|member| &member.entry) {
            let Some(counts) = &entry.counts else { continue };
            let runs = calls.get(&Arc::as_ptr(counts)).copied().unwrap_or(0);
            if entry.info.pattern.is_none() {
                let mut numbers = counts.now();
                numbers.calls = numbers.calls.wrapping_add(runs);
                counted.push((entry.info.clone(), numbers));
            }
        }
        for (listener, runs) in calls {
            let calls = by_pattern.entry(listener).or_default();
            *calls = calls.wrapping_add(runs);
        }
        counted
    }

    /// Ends an edit: publishes the length, and replaces or withdraws the stale snapshot.
    fn edited(
        &self,
        listeners: &mut Listeners,
        member: Option<Member>,
        chunks: Option<Box<(Chunks, Chunks)>>,
    ) -> Removed {
        self.busy.store(listeners.len + usize::from(self.is_watched), Ordering::Release);
        let stale = if listeners.published { self.end_snapshot(listeners) } else { None };
        // After the snapshot: a reader that sees the new version does not find the old snapshot.
        self.version.fetch_add(1, Ordering::Release);
        Removed { _member: member, _chunks: chunks, _stale: stale }
    }
    /// Replaces the snapshot that an edit has made stale, or withdraws it.
    #[cold]
    #[inline(never)]
    fn end_snapshot(&self, listeners: &mut Listeners) -> Option<Arc<Snapshot>> {
        // Of many listeners a snapshot is made only when it is needed: it is not as cheap as an edit.
        if listeners.to_publish > 0 && listeners.sync.is_short() && listeners.awaited.is_short() {
            listeners.to_publish -= 1;
            return self.current.swap(Some(self.snapshot_of(listeners)));
        }
        listeners.published = false;
        self.current.swap(None)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::chunks::tests::{Ping, member},
        *,
    };

    fn slot_that_was_emitted() -> Slot {
        let slot = Slot::new(SlotType::of::<Ping>(), Location::caller(), false, false);
        drop(slot.load());
        slot
    }

    fn keys_of(snapshot: &Snapshot) -> Vec<Key> {
        snapshot.entries().map(|entry| entry.key()).collect()
    }

    #[test]
    fn edits_after_an_emission_publish_and_many_in_a_row_do_not() {
        let slot = slot_that_was_emitted();
        for _ in 0..EDITS_THAT_PUBLISH {
            drop(slot.insert(member(0)));
            assert_eq!(slot.current.load().as_ref().map(|snapshot| snapshot.len), Some(slot.len()));
        }
        for _ in 0..2 {
            drop(slot.insert(member(0)));
            assert!(slot.current.load().is_none());
        }
        // The next emission makes one, and grants as many again.
        assert_eq!(slot.load().snapshot().len, slot.len());
        drop(slot.insert(member(0)));
        assert!(slot.current.load().is_some());
    }

    #[test]
    fn a_snapshot_of_many_listeners_is_made_by_emissions_only() {
        let slot = slot_that_was_emitted();
        for _ in 0..100 {
            drop(slot.insert(member(0)));
            drop(slot.load());
        }
        drop(slot.insert(member(0)));
        assert!(slot.current.load().is_none());
    }

    #[test]
    fn each_edit_is_in_the_snapshot_that_is_found_after_it() {
        let slot = slot_that_was_emitted();
        let mut keys = Vec::new();
        for turn in 0..60 {
            let added = member(0);
            keys.push(added.entry.key());
            drop(slot.insert(added));
            assert_eq!(keys_of(slot.load().snapshot()), keys);
            if turn % 3 == 0 {
                let key = keys.remove(0);
                assert!(slot.remove(key).is_some());
                assert_eq!(keys_of(slot.load().snapshot()), keys);
            }
        }
        drop(slot.clear());
        assert_eq!(slot.load().snapshot().len, 0);
    }
}
