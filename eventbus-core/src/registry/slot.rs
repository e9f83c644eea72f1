//! The listeners of one event type.
//!
//! Registration does the work so that emission does not. `insert` and `remove` edit an ordered map under the slot's lock
//! and withdraw the published snapshot; the next emit builds it anew, once. So registering costs the same at any number
//! of listeners, and emitting reads an immutable slice.
//!
//! Closures are dropped where no lock is held: what an edit takes out travels to the end of the method, behind the guard.

use std::{any::Any, collections::BTreeMap, panic::Location, sync::Arc};

use arc_swap::{ArcSwapOption, Guard};

use super::{
    entry::{Key, key},
    names::NameListener,
    snapshot::{Member, Snapshot},
};
use crate::{
    event::EventType,
    listener::{ListenerInfo, ListenerKind},
    sync::{AtomicBool, AtomicUsize, Mutex, Ordering, lock},
};

/// The slot of an event type. `S` is what its listeners are that are called, `A` what those are that give futures.
pub(crate) struct Slot<S: ?Sized, A: ?Sized> {
    pub(crate) event: &'static EventType,
    seed: Seed<S, A>,
    /// How many listeners there are. Read first by every emit: an event that nobody listens to costs one load.
    len: AtomicUsize,
    /// The snapshot; `None` when an edit has made it stale. Written under the lock only.
    current: ArcSwapOption<Snapshot<S, A>>,
    /// Whether the event has been emitted on this bus.
    emitted: AtomicBool,
    listeners: Mutex<Listeners<S, A>>,
}

/// What a slot is made from.
pub(crate) struct Seed<S: ?Sized, A: ?Sized> {
    pub(crate) event: &'static EventType,
    /// Where the event was first used on this bus.
    pub(crate) location: &'static Location<'static>,
    /// Makes a listener by name one of this slot's.
    pub(crate) adapt: fn(&Arc<NameListener>) -> Member<S, A>,
    /// What the floors above keep for the event type.
    pub(crate) hooks: &'static (dyn Any + Send + Sync),
}

type Listeners<S, A> = BTreeMap<Key, Member<S, A>>;

/// A snapshot on loan. Loading it writes no cache line that other threads read.
pub(crate) type Loan<S, A> = Guard<Option<Arc<Snapshot<S, A>>>>;

impl<S: ?Sized, A: ?Sized> Slot<S, A> {
    pub(crate) fn new(seed: Seed<S, A>) -> Self {
        Self {
            event: seed.event,
            seed,
            len: AtomicUsize::new(0),
            current: ArcSwapOption::empty(),
            emitted: AtomicBool::new(false),
            listeners: Mutex::new(BTreeMap::new()),
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Notes that the event is emitted. Writes only once: the cache line is shared.
    #[inline]
    pub(crate) fn note_emitted(&self) {
        if !self.emitted.load(Ordering::Relaxed) {
            self.emitted.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn was_emitted(&self) -> bool {
        self.emitted.load(Ordering::Relaxed)
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

    /// Adds a listener. Hands out what is to be dropped.
    pub(crate) fn insert(&self, member: Member<S, A>) -> impl Sized + use<S, A> {
        let mut listeners = lock(&self.listeners);
        listeners.insert(key(member.info()), member);
        self.edited(&listeners)
    }

    /// Adds a listener by name. Hands out what is to be dropped.
    pub(super) fn adopt(&self, listener: &Arc<NameListener>) -> impl Sized + use<S, A> {
        self.insert((self.seed.adapt)(listener))
    }

    /// Takes a listener out and switches it off. Hands out what is to be dropped; `None` if it was not there.
    pub(super) fn remove(&self, key: Key) -> Option<impl Sized + use<S, A>> {
        let mut listeners = lock(&self.listeners);
        let removed = listeners.remove(&key)?;
        // First the flag, then the rest: an emission under way must not call it any more.
        removed.turn_off();
        Some((removed, self.edited(&listeners)))
    }

    pub(super) fn seed(&self) -> &Seed<S, A> {
        &self.seed
    }

    /// Takes all listeners out and switches them off. Hands out what is to be dropped.
    pub(super) fn clear(&self) -> impl Sized + use<S, A> {
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
        let mut infos: Vec<_> = lock(&self.listeners).values().map(|member| member.info().clone()).collect();
        // As in a snapshot; the sort is stable.
        infos.sort_by_key(|info| info.kind != ListenerKind::Sync);
        infos
    }

    /// Ends an edit: publishes the length and hands out the stale snapshot, to be dropped without the lock.
    fn edited(&self, listeners: &Listeners<S, A>) -> Option<Arc<Snapshot<S, A>>> {
        self.len.store(listeners.len(), Ordering::Release);
        // A row of edits without an emit between them finds nothing to withdraw.
        if self.current.load().is_some() { self.current.swap(None) } else { None }
    }
}
