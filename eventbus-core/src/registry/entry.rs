//! One registered listener without its code: its identity, its options, and the flag that says whether it may be called.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use super::departure::Departs;
use crate::{
    call::{AnyEvent, Isolated},
    counting::ListenerCounts,
    listener::{ListenerId, ListenerInfo, ListenerKind},
    sync::{AtomicU8, Ordering},
};

/// The order of calls: larger priorities first, then by registration.
pub(crate) type Key = (Reverse<i32>, ListenerId);

/// A filter, typed or by pattern, its type erased.
pub(crate) type Filter = Box<dyn Fn(&AnyEvent<'_>) -> bool + Send + Sync>;

const OFF: u8 = 1;
const ONCE: u8 = 2;
const FILTERED: u8 = 4;
const STARTED_APART: u8 = 8;

/// A registered listener. One that listens by pattern has the same entry in each slot that it matches, so its flag is one.
pub(crate) struct Entry {
    state: AtomicU8,
    pub(crate) info: ListenerInfo,
    /// Its own limit of time.
    pub(crate) timeout: Option<Duration>,
    filter: Option<Isolated<Filter>>,
    /// What is counted of it, on a bus that counts.
    pub(crate) counts: Option<Arc<ListenerCounts>>,
    /// Last: announces that the listener is gone when its code and its filter have been dropped.
    _departs: Departs,
}

/// The answer of [`Entry::spend`].
pub(crate) enum OnceState {
    /// It may run any number of times.
    Unlimited,
    /// This is its only run: remove it, then call it.
    Last,
    /// It has run, or is off.
    Spent,
}

impl Entry {
    pub(crate) fn new(
        info: ListenerInfo,
        timeout: Option<Duration>,
        filter: Option<Filter>,
        counts: Option<Arc<ListenerCounts>>,
        departs: Departs,
    ) -> Self {
        let apart = timeout.is_some() || matches!(info.kind, ListenerKind::Spawned | ListenerKind::Blocking);
        let state = if info.once { ONCE } else { 0 }
            | if filter.is_some() { FILTERED } else { 0 }
            | if apart { STARTED_APART } else { 0 };
        let filter = filter.map(Isolated::new);
        Self { state: AtomicU8::new(state), info, timeout, filter, counts, _departs: departs }
    }

    pub(crate) fn key(&self) -> Key {
        (Reverse(self.info.priority), self.info.id)
    }

    /// Whether it may be called with nothing else to ask. Reads the flag (promise P3: once, before each call).
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.state.load(Ordering::Acquire) == 0
    }

    pub(crate) fn is_off(&self) -> bool {
        self.state.load(Ordering::Acquire) & OFF != 0
    }

    /// Asks the filter, if there is one.
    pub(crate) fn admits(&self, event: &AnyEvent<'_>) -> bool {
        self.filter.as_ref().is_none_or(|filter| (filter.get())(event))
    }

    /// Claims the right to call: granted unless the listener is off, or runs once and another thread was first.
    pub(crate) fn spend(&self) -> OnceState {
        let state = self.state.load(Ordering::Acquire);
        match state & (OFF | ONCE) {
            0 => OnceState::Unlimited,
            ONCE if self.turn_off() => OnceState::Last,
            _ => OnceState::Spent,
        }
    }

    /// Switches it off; whether it was on.
    pub(crate) fn turn_off(&self) -> bool {
        self.state.fetch_or(OFF, Ordering::AcqRel) & OFF == 0
    }
}
