//! What the author of a transport gives to the suite.

use std::{sync::Arc, time::Duration};

use eventbus::{
    BoxError,
    transport::{Answer, BoxFuture, Message, Transport},
};

/// How the suite gets at a transport. Only [`open`](Self::open) must be written; what else a rig can do makes more properties
/// run. Those that need what it cannot do are skipped, and the summary says so.
pub trait Rig: Send + Sync + 'static {
    /// Opens the transport over the storage of that name, and makes it if there is none.
    ///
    /// Each property has a storage of its own, which must be empty at first: a folder, a database schema, a prefix of keys. Names are
    /// of lower-case letters, digits and `_`, at most 100 bytes, and differ between runs.
    ///
    /// A storage is opened again after its last handle was closed or killed, if the transport is durable; it is tried again for a
    /// while if that fails, since tasks that held the handle may end a little later. While another handle is open, a storage is
    /// opened only if [`shares`](Self::shares) says so.
    ///
    /// # Errors
    ///
    /// What the transport says. The property that asked has failed then.
    fn open<'a>(&'a self, storage: &'a str) -> Answer<'a, Arc<dyn Transport>>;

    /// How long the suite waits.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Whether several handles of one storage may be open at a time, like several processes of a group.
    fn shares(&self) -> bool {
        false
    }

    /// Ends a handle as if its process had died: nothing more of it reaches the storage. All its sources have been dropped.
    fn kill<'a>(&'a self, storage: &'a str, process: Arc<dyn Transport>) -> BoxFuture<'a, ()> {
        let _ = storage;
        Box::pin(async move { drop(process) })
    }

    /// Makes trouble in a storage; `None` if the rig cannot make this kind of trouble.
    fn trouble<'a>(&'a self, storage: &'a str, trouble: Trouble<'a>) -> Option<BoxFuture<'a, Result<(), BoxError>>> {
        let _ = (storage, trouble);
        None
    }

    /// A message that the transport refuses and its neighbours in a batch survive; `None` if there is none.
    fn refused(&self) -> Option<Message> {
        None
    }

    /// Texts that no error may show: the password of the rig's address.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    /// Removes a storage. Called after its property, with no handle left.
    fn clear<'a>(&'a self, storage: &'a str) -> BoxFuture<'a, ()> {
        let _ = storage;
        Box::pin(async {})
    }
}

/// What can happen to a storage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Trouble<'a> {
    /// No handle reaches the storage any more, until [`Mend`](Self::Mend).
    Cut,
    /// All handles reach the storage again.
    Mend,
    /// The server restarts and keeps what it has promised to keep. Handles stay open.
    Restart,
    /// The group is gone, without a word to any handle.
    LoseGroup(&'a str),
    /// These bytes, which are no message, are in the storage where the next message of all groups would be.
    Write(&'a [u8]),
}

/// How long the suite waits, and how much it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// How long what must come may take, besides leases and delays. What is well takes no more of it than it needs.
    pub patience: Duration,
    /// How long nothing must come before the suite believes that nothing comes. Each property that asks takes as long.
    pub quiet: Duration,
    /// How long a property may take in all.
    pub longest: Duration,
    /// Whether the counts are those of a release instead of those for every day. From `EVENTBUS_FULL`.
    pub is_full: bool,
}

impl Default for Limits {
    /// 10 seconds of patience, 100 ms of quiet, 2 minutes in all; 10 minutes with the counts of a release.
    fn default() -> Self {
        let is_full = std::env::var_os("EVENTBUS_FULL").is_some();
        Self {
            patience: Duration::from_secs(10),
            quiet: Duration::from_millis(100),
            longest: Duration::from_mins(if is_full { 10 } else { 2 }),
            is_full,
        }
    }
}

impl Limits {
    /// With another patience.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// With another quiet.
    #[must_use]
    pub fn with_quiet(self, quiet: Duration) -> Self {
        Self { quiet, ..self }
    }

    /// With another bound for a whole property.
    #[must_use]
    pub fn with_longest(self, longest: Duration) -> Self {
        Self { longest, ..self }
    }

    /// With the counts of a release, or those for every day, whatever `EVENTBUS_FULL` says.
    #[must_use]
    pub fn with_full_counts(self, is_full: bool) -> Self {
        Self { is_full, ..self }
    }

    pub(crate) fn count(&self, every_day: u64, full: u64) -> u64 {
        if self.is_full { full } else { every_day }
    }
}
