//! What a bus has counted.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Bus;
#[cfg(feature = "publish")]
use super::{GroupStats, Published};

/// What a bus has counted since it was made; given by [`Bus::stats`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stats {
    /// Events kept by [`Bus::deferred`].
    pub deferred: DeferredStats,
    /// Events that were to be published.
    #[cfg(feature = "publish")]
    pub published: Published,
    /// The consumer groups, by name.
    #[cfg(feature = "publish")]
    pub groups: Vec<GroupStats>,
    /// Dead letters that have made room for newer ones.
    #[cfg(feature = "publish")]
    pub dead_letters_evicted: u64,
}

/// Where the events have gone that were kept by a [`Deferred`](crate::Deferred). Together they are all that were ever kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeferredStats {
    /// Kept, and neither released nor discarded yet.
    pub pending: u64,
    /// Emitted by a release, or offered to the transport by it, whether or not that has taken them. How that went is in what the
    /// release gives.
    pub released: u64,
    /// Dropped without being emitted or published: by `discard`, with their `Deferred`, or with a release that was given up.
    pub discarded: u64,
}

/// What is counted while it happens.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) deferred: DeferredCounters,
}

/// Each only grows.
#[derive(Debug, Default)]
pub(super) struct DeferredCounters {
    kept: AtomicU64,
    released: AtomicU64,
    discarded: AtomicU64,
}

impl DeferredCounters {
    pub(super) fn keep(&self) {
        self.kept.fetch_add(1, Ordering::Release);
    }

    pub(super) fn release(&self) {
        self.released.fetch_add(1, Ordering::Release);
    }

    pub(super) fn discard(&self) {
        self.discarded.fetch_add(1, Ordering::Release);
    }

    fn now(&self) -> DeferredStats {
        // Read last, what was kept is at least what has left: the events that are pending never come out negative.
        let (released, discarded) = (self.released.load(Ordering::Acquire), self.discarded.load(Ordering::Acquire));
        let pending = self.kept.load(Ordering::Acquire) - released - discarded;
        DeferredStats { pending, released, discarded }
    }
}

impl Bus {
    /// What the bus has counted so far.
    ///
    /// The numbers are read one after the other while the bus goes on: they may be apart by what happens meanwhile. When nothing
    /// happens they are exact.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// let bus = Bus::new();
    /// let pending = bus.deferred();
    /// pending.emit(UserCreated);
    /// assert_eq!(bus.stats().deferred.pending, 1);
    ///
    /// drop(pending);
    /// assert_eq!(bus.stats().deferred.discarded, 1);
    /// ```
    pub fn stats(&self) -> Stats {
        #[cfg_attr(not(feature = "publish"), expect(unused_mut, reason = "nothing is added"))]
        let mut stats = Stats {
            deferred: self.inner.counters.deferred.now(),
            #[cfg(feature = "publish")]
            published: Published::default(),
            #[cfg(feature = "publish")]
            groups: Vec::new(),
            #[cfg(feature = "publish")]
            dead_letters_evicted: 0,
        };
        #[cfg(feature = "publish")]
        if let Some(extension) = self.inner.extension.get() {
            extension.tell(&mut stats);
        }
        stats
    }
}
