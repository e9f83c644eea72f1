//! The listeners of one event type.
//!
//! Registration does the work so that emission does not. `insert` and `remove` edit an ordered map under the slot's lock
//! and withdraw the published snapshot; the next emit builds it anew, once. So registering costs the same at any number
//! of listeners, and emitting reads an immutable slice.
//!
//! Closures are dropped where no lock is held: what an edit takes out travels to the end of the method, behind the guard.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::{ArcSwapOption, Guard};

use super::{
    entry::{Key, key},
    snapshot::{Member, Snapshot},
};
use crate::{
    event::EventType,
    listener::ListenerInfo,
    sync::{AtomicUsize, Mutex, Ordering, lock},
};

/// The slot of an event type. `S` is what its listeners are that are called, `A` what those are that give futures.
pub(crate) struct Slot<S: ?Sized, A: ?Sized> {
    pub(crate) event: &'static EventType,
    /// How many listeners there are. Read first by every emit: an event that nobody listens to costs one load.
    len: AtomicUsize,
    /// The snapshot; `None` when an edit has made it stale. Written under the lock only.
    current: ArcSwapOption<Snapshot<S, A>>,
    listeners: Mutex<Listeners<S, A>>,
}

type Listeners<S, A> = BTreeMap<Key, Member<S, A>>;

/// A snapshot on loan. Loading it writes no cache line that other threads read.
pub(crate) type Loan<S, A> = Guard<Option<Arc<Snapshot<S, A>>>>;

impl<S: ?Sized, A: ?Sized> Slot<S, A> {
    pub(crate) fn new(event: &'static EventType) -> Self {
        Self {
            event,
            len: AtomicUsize::new(0),
            current: ArcSwapOption::empty(),
            listeners: Mutex::new(BTreeMap::new()),
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// The published cell, for a handle that caches its content.
    pub(crate) fn cell(&self) -> &ArcSwapOption<Snapshot<S, A>> {
        &self.current
    }

    /// The current snapshot; `None` where nobody listens.
    #[inline]
    pub(crate) fn load(&self) -> Loan<S, A> {
        if self.len() == 0 { Guard::from_inner(None) } else { self.snapshot() }
    }

    /// The current snapshot: always `Some`.
    #[inline]
    pub(crate) fn snapshot(&self) -> Loan<S, A> {
        let loan = self.current.load();
        if loan.is_some() { loan } else { Guard::from_inner(Some(self.rebuild())) }
    }

    #[cold]
    fn rebuild(&self) -> Arc<Snapshot<S, A>> {
        let listeners = lock(&self.listeners);
        // Somebody else may have been first.
        if let Some(snapshot) = self.current.load_full() {
            return snapshot;
        }
        let snapshot = Arc::new(listeners.values().cloned().collect());
        self.current.store(Some(Arc::clone(&snapshot)));
        snapshot
    }

    pub(crate) fn insert(&self, member: Member<S, A>) {
        let stale;
        {
            let mut listeners = lock(&self.listeners);
            listeners.insert(key(member.info()), member);
            stale = self.edited(&listeners);
        }
        drop(stale);
    }

    /// Takes a listener out and switches it off; whether it was there.
    pub(crate) fn remove(&self, key: Key) -> bool {
        let removed;
        let stale;
        {
            let mut listeners = lock(&self.listeners);
            removed = listeners.remove(&key);
            // First the flag, then the rest: an emission under way must not call it any more.
            let Some(member) = &removed else { return false };
            member.turn_off();
            stale = self.edited(&listeners);
        }
        drop((removed, stale));
        true
    }

    /// Takes all listeners out and switches them off. Hands out what is to be dropped.
    pub(crate) fn clear(&self) -> impl Sized + use<S, A> {
        let mut listeners = lock(&self.listeners);
        let removed = std::mem::take(&mut *listeners);
        for member in removed.values() {
            member.turn_off();
        }
        (removed, self.edited(&listeners))
    }

    pub(crate) fn contains(&self, key: Key) -> bool {
        lock(&self.listeners).contains_key(&key)
    }

    /// Who listens, in the order of their turns.
    pub(crate) fn infos(&self) -> Vec<ListenerInfo> {
        lock(&self.listeners).values().map(|member| member.info().clone()).collect()
    }

    /// Ends an edit: publishes the length and hands out the stale snapshot, to be dropped without the lock.
    fn edited(&self, listeners: &Listeners<S, A>) -> Option<Arc<Snapshot<S, A>>> {
        self.len.store(listeners.len(), Ordering::Release);
        // A row of edits without an emit between them finds nothing to withdraw.
        if self.current.load().is_some() { self.current.swap(None) } else { None }
    }
}
