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
}

impl Snapshot {
    pub(super) fn new(sync: SnapshotChunks, awaited: SnapshotChunks) -> Self {
        let count = |chunks: &SnapshotChunks| chunks.iter().map(|chunk| chunk.members.len()).sum();
        let sync_len: usize = count(&sync);
        Self { sync_len, len: sync_len + count(&awaited), sync, awaited }
    }

    /// The snapshot of a name that no type claims: its listeners by pattern, in the order of calls.
    pub(crate) fn of_members(mut members: Vec<Member>) -> Self {
        let chunk = |members: Vec<Member>| {
            let chunk = if members.is_empty() { None } else { Some(Arc::new(Chunk::of_members(members))) };
            chunk.into_iter().collect()
        };
        let awaited = members.extract_if(.., |member| !matches!(member.code(), Code::Sync(_))).collect();
        Self::new(chunk(members), chunk(awaited))
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
