//! An ordered list of listeners whose copies are cheap: it is kept in chunks, and an edit copies only one of them.

use std::{any::Any, sync::Arc};

use super::{
    code::{Member, SyncItem, SyncList},
    entry::Key,
};
use crate::counting::{ChunkRuns, LiveRuns, Thread};

/// The most listeners of a chunk.
const FULL: usize = 64;

/// Consecutive listeners of a slot. Immutable once it has been published.
pub(crate) struct Chunk {
    /// The synchronous code of the members by type, made when the chunk is published: before, it is [`StaleList`]. Dropped
    /// before the members, so that it never holds the last reference to a listener's code.
    typed: Box<dyn Any + Send + Sync>,
    pub(crate) members: Vec<Member>,
    /// How often it was run. Published chunks of synchronous listeners have it, on a bus that counts.
    runs: Option<Arc<ChunkRuns>>,
}

/// Stands for the typed list of a chunk that is edited. Its box allocates nothing.
struct StaleList;

impl Chunk {
    pub(super) fn of_members(members: Vec<Member>) -> Self {
        Self { typed: Box::new(StaleList), members, runs: None }
    }

    /// Counts a run that is about to begin: a call of each member.
    #[inline]
    pub(crate) fn count_run(&self, thread: Thread) {
        if let Some(runs) = &self.runs {
            runs.add(thread);
        }
    }

    /// The members with their synchronous code, which takes `E`; none if it does not.
    #[inline]
    pub(crate) fn sync_items<E: 'static>(&self) -> &[SyncItem<E>] {
        match (*self.typed).downcast_ref::<SyncList<E>>() {
            Some(list) => list,
            None => &[],
        }
    }

    fn last(&self) -> Option<Key> {
        self.members.last().map(|member| member.entry.key())
    }
}

// A copy is made to be edited: what depends on the members is left behind.
impl Clone for Chunk {
    fn clone(&self) -> Self {
        Self::of_members(self.members.clone())
    }
}

/// The chunks of a snapshot, the first one in place: most snapshots have no other.
#[derive(Default)]
pub(crate) struct SnapshotChunks {
    first: Option<Arc<Chunk>>,
    rest: Box<[Arc<Chunk>]>,
}

impl SnapshotChunks {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        self.first.iter().chain(&self.rest)
    }

    /// Calls `call` with each chunk, in one place: it is inlined there.
    #[inline]
    pub(crate) fn each(&self, mut call: impl FnMut(&Chunk)) {
        let (mut next, mut at) = (self.first.as_ref(), 0);
        while let Some(chunk) = next {
            call(chunk);
            next = self.rest.get(at);
            at += 1;
        }
    }
}

impl FromIterator<Arc<Chunk>> for SnapshotChunks {
    fn from_iter<I: IntoIterator<Item = Arc<Chunk>>>(chunks: I) -> Self {
        let mut chunks = chunks.into_iter();
        Self { first: chunks.next(), rest: chunks.collect() }
    }
}

/// Listeners in the order of calls.
#[derive(Default)]
pub(super) struct Chunks {
    chunks: Vec<Arc<Chunk>>,
    /// The last chunk that has become empty, if it was small: a slot whose only listener comes and goes allocates none.
    spare: Option<Arc<Chunk>>,
}

/// The most room for listeners of a chunk that is kept while it is empty.
const SMALL: usize = 8;

impl Chunks {
    pub(super) fn insert(&mut self, member: Member) {
        let key = member.entry.key();
        let at = self.chunk_of(key);
        let Some(chunk) = self.chunks.get(at.min(self.chunks.len().saturating_sub(1))) else {
            return self.push(member);
        };
        if chunk.members.len() >= FULL {
            if at == self.chunks.len() {
                return self.push(member);
            }
            self.split(at);
            return self.insert(member);
        }
        let members = self.edit(at.min(self.chunks.len() - 1));
        let place = members.partition_point(|other| other.entry.key() < key);
        members.insert(place, member);
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Member> {
        let at = self.chunk_of(key);
        let place = self.chunks.get(at)?.members.binary_search_by_key(&key, |member| member.entry.key()).ok()?;
        let removed = self.edit(at).remove(place);
        self.merge(at);
        Some(removed)
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        let chunk = self.chunks.get(self.chunk_of(key));
        chunk.is_some_and(|chunk| chunk.members.binary_search_by_key(&key, |member| member.entry.key()).is_ok())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.chunks.iter().flat_map(|chunk| &chunk.members)
    }

    /// Whether they lie in one chunk.
    pub(super) fn is_short(&self) -> bool {
        self.chunks.len() <= 1
    }

    /// The chunks as they are, each with its synchronous code by type, and with a count in `live` if they are to be counted.
    pub(super) fn publish(
        &mut self,
        typed: fn(&[Member]) -> Box<dyn Any + Send + Sync>,
        mut live: Option<&mut LiveRuns>,
    ) -> SnapshotChunks {
        for chunk in &mut self.chunks {
            if chunk.typed.is::<StaleList>() {
                let chunk = Arc::make_mut(chunk);
                chunk.typed = typed(&chunk.members);
                let counts = chunk.members.iter().filter_map(|member| member.entry.counts.clone());
                chunk.runs = live.as_mut().map(|live| live.of(counts));
            }
        }
        self.chunks.iter().map(Arc::clone).collect()
    }

    /// The chunk that holds `key`, or is to hold it; one past the last if all keys are smaller.
    fn chunk_of(&self, key: Key) -> usize {
        self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| last < key))
    }

    /// The members of a chunk that no snapshot sees.
    fn edit(&mut self, at: usize) -> &mut Vec<Member> {
        let chunk = Arc::make_mut(&mut self.chunks[at]);
        (chunk.typed, chunk.runs) = (Box::new(StaleList), None);
        &mut chunk.members
    }

    /// Adds a chunk of one listener behind the others.
    fn push(&mut self, member: Member) {
        let mut chunk = self.spare.take().unwrap_or_else(|| Arc::new(Chunk::of_members(Vec::with_capacity(1))));
        Arc::make_mut(&mut chunk).members.push(member);
        self.chunks.push(chunk);
    }

    fn split(&mut self, at: usize) {
        let second = self.edit(at).split_off(FULL / 2);
        self.chunks.insert(at + 1, Arc::new(Chunk::of_members(second)));
    }

    /// Drops a chunk that has become empty, and joins it with the next one if both are small.
    fn merge(&mut self, at: usize) {
        if self.chunks[at].members.is_empty() {
            let chunk = self.chunks.remove(at);
            if chunk.members.capacity() <= SMALL {
                self.spare = Some(chunk);
            }
        } else if self
            .chunks
            .get(at + 1)
            .is_some_and(|next| self.chunks[at].members.len() + next.members.len() <= FULL / 2)
        {
            let next = self.chunks.remove(at + 1);
            let joined = next.members.iter().cloned();
            self.edit(at).extend(joined);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::{Code, Departs, Entry, SyncCall, SyncCode, code::sync_list};
    use super::*;
    use crate::listener::{ListenerId, ListenerInfo, ListenerKind};

    pub(in crate::registry) struct Ping;
    impl crate::event::Event for Ping {
        const NAME: crate::event::EventName = crate::event::EventName::new("ping");
    }

    struct Nothing;
    impl SyncCall<Ping> for Nothing {
        fn call(&self, _: &Ping, _: &mut crate::call::CallContext<'_>) {}
    }

    #[track_caller]
    pub(in crate::registry) fn member(priority: i32) -> Member {
        let info = ListenerInfo {
            id: ListenerId::next(),
            kind: ListenerKind::Sync,
            name: None,
            event: None,
            pattern: None,
            priority,
            once: false,
            filtered: false,
            scope: None,
            location: std::panic::Location::caller(),
        };
        let code: Code = SyncCode::<Ping>::erased(Nothing);
        Member::new(Arc::new(Entry::new(info, None, None, None, Departs::new().0)), code)
    }

    #[test]
    fn a_full_chunk_makes_room_for_listeners_in_its_middle() {
        let mut chunks = Chunks::default();
        let mut keys = BTreeSet::new();
        for priority in [0, 2, 1] {
            for _ in 0..=FULL {
                let member = member(priority);
                keys.insert(member.entry.key());
                chunks.insert(member);
            }
        }
        assert!(chunks.iter().map(|member| member.entry.key()).eq(keys));
        assert!(chunks.chunks.iter().all(|chunk| (1..=FULL).contains(&chunk.members.len())));
    }

    proptest! {
        #[test]
        fn chunks_hold_what_an_ordered_map_holds(steps in prop::collection::vec((any::<bool>(), 0..6_i32, any::<usize>(), any::<bool>()), 1..600)) {
            let (mut chunks, mut model) = (Chunks::default(), BTreeSet::new());
            let mut published = Vec::new();
            for (insert, priority, which, publish) in steps {
                if insert || model.is_empty() {
                    let member = member(priority);
                    model.insert(member.entry.key());
                    chunks.insert(member);
                } else {
                    let key = *model.iter().nth(which % model.len()).unwrap();
                    model.remove(&key);
                    prop_assert!(chunks.contains(key));
                    prop_assert_eq!(chunks.remove(key).map(|member| member.entry.key()), Some(key));
                    prop_assert!(!chunks.contains(key));
                    prop_assert!(chunks.remove(key).is_none());
                }
                if publish {
                    let keys: Vec<_> = chunks.iter().map(|member| member.entry.key()).collect();
                    published.push((chunks.publish(sync_list::<Ping>, None), keys));
                }
            }
            prop_assert!(chunks.iter().map(|member| member.entry.key()).eq(model));
            prop_assert!(chunks.chunks.iter().all(|chunk| (1..=FULL).contains(&chunk.members.len())));
            for (snapshot, keys) in published {
                prop_assert!(snapshot.iter().flat_map(|chunk| &chunk.members).map(|member| member.entry.key()).eq(keys));
                prop_assert!(snapshot.iter().all(|chunk| chunk.sync_items::<Ping>().len() == chunk.members.len()));
            }
        }
    }
}
