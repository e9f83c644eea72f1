//! How often the chunks of a slot were run.
//!
//! A chunk of synchronous listeners is called as a whole, so one count stands for a call of each of its listeners. An edit makes
//! another chunk, with a count of its own; emissions under way, and emitters that keep a snapshot, go on with the old one. So a slot
//! keeps the counts of all its chunks that are left, and gives each listener the runs of those that are gone.

use std::{collections::HashMap, sync::Arc};

use super::{
    listener::ListenerCounts,
    sharded::{Counter, Sharded, Thread, sum},
};

/// How often a chunk was run, and whose calls these were.
pub(crate) struct ChunkRuns {
    runs: Sharded<Counter>,
    listeners: Box<[Arc<ListenerCounts>]>,
}

impl ChunkRuns {
    /// Counts a run. It comes before the calls.
    #[inline]
    pub(crate) fn add(&self, thread: Thread) {
        self.runs.cell(thread).add(thread, 1);
    }

    fn total(&self) -> u64 {
        sum(self.runs.iter().map(Counter::get))
    }
}

/// The counts of the chunks of a slot that are left. Kept under the slot's lock.
#[derive(Default)]
pub(crate) struct LiveRuns(Vec<Arc<ChunkRuns>>);

impl LiveRuns {
    /// The count of a chunk that is being published.
    pub(crate) fn of(&mut self, listeners: impl Iterator<Item = Arc<ListenerCounts>>) -> Arc<ChunkRuns> {
        let runs = Arc::new(ChunkRuns { runs: Sharded::new(), listeners: listeners.collect() });
        self.0.push(Arc::clone(&runs));
        runs
    }

    /// Gives the listeners their calls by chunks that are gone: nobody can run those any more.
    pub(crate) fn settle(&mut self) {
        self.0.retain_mut(|runs| {
            // Also makes what the last ones to run it have written visible here.
            let Some(gone) = Arc::get_mut(runs) else { return true };
            let total = gone.total();
            for listener in &gone.listeners {
                listener.add_calls(total);
            }
            false
        });
    }

    /// Adds the calls by the chunks that are left, by listener.
    pub(crate) fn add_to(&self, calls: &mut HashMap<*const ListenerCounts, u64>) {
        for runs in &self.0 {
            let total = runs.total();
            for listener in &runs.listeners {
                let calls = calls.entry(Arc::as_ptr(listener)).or_default();
                *calls = calls.wrapping_add(total);
            }
        }
    }
}
