//! The listeners of a slot at one moment.

use std::sync::Arc;

use super::{
    chunks::{Chunk, SnapshotChunks},
    code::{Code, Member},
    entry::Entry,
};

/// The listeners of a slot at one moment, in the order of calls. Immutable.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) sync: SnapshotChunks,
    pub(crate) awaited: SnapshotChunks,
    pub(crate) sync_len: usize,
    pub(crate) len: usize,
    /// Whether an emission has ended when its synchronous listeners have: no other is there, and nobody counts.
    pub(crate) ends_with_sync: bool,
}

impl Snapshot {
    pub(super) fn new(sync: SnapshotChunks, awaited: SnapshotChunks, is_counted: bool) -> Self {
        let count = |chunks: &SnapshotChunks| chunks.iter().map(|chunk| chunk.members.len()).sum();
        let (sync_len, awaited_len): (usize, usize) = (count(&sync), count(&awaited));
        let ends_with_sync = awaited_len == 0 && !is_counted;
        Self { sync_len, len: sync_len + awaited_len, sync, awaited, ends_with_sync }
    }

    /// The snapshot of a name that no type claims: its listeners by pattern, in the order of calls.
    pub(crate) fn of_members(mut members: Vec<Member>) -> Self {
        let chunk = |members: Vec<Member>| {
            let chunk = if members.is_empty() { None } else { Some(Arc::new(Chunk::of_members(members))) };
            chunk.into_iter().collect()
        };
        let awaited = members.extract_if(.., |member| !matches!(member.code(), Code::Sync(_))).collect();
        // Emissions under such a name ask before each call, and count it there.
        Self::new(chunk(members), chunk(awaited), false)
    }

    pub(crate) fn sync_members(&self) -> impl Iterator<Item = &Member> {
        self.sync.iter().flat_map(|chunk| &chunk.members)
    }

    pub(crate) fn awaited_members(&self) -> impl Iterator<Item = &Member> {
        self.awaited.iter().flat_map(|chunk| &chunk.members)
    }

    /// All listeners.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.sync_members().chain(self.awaited_members()).map(|member| &member.entry)
    }
}
