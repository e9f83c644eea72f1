//! The registry: from an event type to its slot, from an identity to its type, from a name to its listeners.

use std::{
    any::{Any, TypeId},
    panic::Location,
    sync::Arc,
};

use dashmap::DashMap;

use super::{
    bus_id::BusId,
    conflict::{Claim, Conflict},
    entry::Key,
    index::Index,
    names::{NameListener, Names},
    slot::{Seed, Slot},
    type_id_hasher::BuildTypeIdHasher,
};
use crate::{
    event::{EventName, EventType},
    listener::ListenerInfo,
    sync::{Mutex, lock},
};

/// Where listeners live, as their subscriptions see it.
pub(crate) trait Home: Send + Sync {
    /// Whether the listener is there.
    fn contains(&self, key: Key) -> bool;
    /// Ends the listener; whether it was there.
    fn remove(&self, key: Key) -> bool;
}

/// A slot whose event type is forgotten. What its edits hand out is to be dropped where no lock is held.
pub(crate) trait AnySlot: Any + Home {
    fn event(&self) -> &'static EventType;
    fn location(&self) -> &'static Location<'static>;
    fn hooks(&self) -> &'static (dyn Any + Send + Sync);
    fn len(&self) -> usize;
    fn was_emitted(&self) -> bool;
    fn adopt(&self, listener: &Arc<NameListener>) -> Box<dyn Any>;
    fn take(&self, key: Key) -> Option<Box<dyn Any>>;
    fn clear(&self) -> Box<dyn Any>;
    fn infos(&self) -> Vec<ListenerInfo>;
}

/// What a slot may be generic over.
pub(crate) trait Kind: Send + Sync + 'static {}
impl<T: ?Sized + Send + Sync + 'static> Kind for T {}

impl<S: ?Sized + Kind, A: ?Sized + Kind> Home for Slot<S, A> {
    fn contains(&self, key: Key) -> bool {
        self.contains(key)
    }

    fn remove(&self, key: Key) -> bool {
        self.remove(key).is_some()
    }
}

impl<S: ?Sized + Kind, A: ?Sized + Kind> AnySlot for Slot<S, A> {
    fn event(&self) -> &'static EventType {
        self.event
    }

    fn location(&self) -> &'static Location<'static> {
        self.seed().location
    }

    fn hooks(&self) -> &'static (dyn Any + Send + Sync) {
        self.seed().hooks
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn was_emitted(&self) -> bool {
        self.was_emitted()
    }

    fn adopt(&self, listener: &Arc<NameListener>) -> Box<dyn Any> {
        Box::new(self.adopt(listener))
    }

    fn take(&self, key: Key) -> Option<Box<dyn Any>> {
        Some(Box::new(self.remove(key)?))
    }

    fn clear(&self) -> Box<dyn Any> {
        Box::new(self.clear())
    }

    fn infos(&self) -> Vec<ListenerInfo> {
        self.infos()
    }
}

/// All slots of a bus, which type owns which identity, and who listens by name.
///
/// No guard of its maps and no lock leaves this file: each method clones an `Arc` out, or hands out what is to be dropped.
pub(crate) struct Registry {
    id: BusId,
    index: Index,
    slots: DashMap<TypeId, Arc<dyn AnySlot>, BuildTypeIdHasher>,
    identities: DashMap<EventName, Vec<Claim>>,
    /// Also the lock under which slots are made, so that a slot and a listener by name that come at once find each other.
    names: Mutex<Names>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        let names = Mutex::new(Names::new());
        let (index, slots, identities) = (Index::default(), DashMap::default(), DashMap::default());
        Self { id: BusId::next(), index, slots, identities, names }
    }

    /// The identity of the bus whose registry this is.
    pub(crate) fn id(&self) -> BusId {
        self.id
    }

    /// The slot of an event type, made when it is first asked for.
    ///
    /// `S` and `A` must be the same for the same event type; the callers derive them from it.
    #[inline]
    pub(crate) fn slot<S: ?Sized + Kind, A: ?Sized + Kind>(
        &self,
        seed: Seed<S, A>,
    ) -> Result<Arc<Slot<S, A>>, Conflict> {
        match self.get(seed.event) {
            Some(slot) => Ok(slot),
            None => self.make(seed),
        }
    }

    /// The slot of `event`, if the bus has seen the event.
    #[inline]
    pub(crate) fn get<S: ?Sized + Kind, A: ?Sized + Kind>(&self, event: &'static EventType) -> Option<Arc<Slot<S, A>>> {
        let slot = Arc::clone(&*self.slots.get(&event.id())?);
        Some(downcast(slot))
    }

    /// The same on loan, if the index in front of the map knows it. Most emissions need no more.
    #[inline]
    pub(crate) fn find<S: ?Sized + Kind, A: ?Sized + Kind>(&self, event: &'static EventType) -> Option<&Slot<S, A>> {
        self.index.get(event)
    }

    #[cold]
    fn make<S: ?Sized + Kind, A: ?Sized + Kind>(&self, seed: Seed<S, A>) -> Result<Arc<Slot<S, A>>, Conflict> {
        let event = seed.event;
        let names = lock(&self.names);
        // Somebody else may have been first.
        if let Some(slot) = self.get(event) {
            return Ok(slot);
        }
        let claim = Claim { event, location: seed.location };
        let slot = Arc::new(Slot::new(seed));
        for listener in names.matching(event.name().as_str()) {
            // Nobody has seen the slot: there is no stale snapshot to drop.
            let _ = slot.adopt(&listener);
        }
        let erased: Arc<dyn AnySlot> = Arc::<Slot<S, A>>::clone(&slot);
        self.claim(claim, &erased)?;
        Ok(slot)
    }

    /// Promise P8: one identity, one type. Whoever finds the claim finds the slot.
    fn claim(&self, claim: Claim, slot: &Arc<dyn AnySlot>) -> Result<(), Conflict> {
        let mut claims = self.identities.entry(claim.event.name()).or_default();
        if let Some(first) = claims.iter().find(|first| first.excludes(&claim)) {
            return Err(Conflict { first: *first, second: claim });
        }
        // Under the guard of the claims, so that nobody sees one without the other.
        self.slots.insert(claim.event.id(), Arc::clone(slot));
        claims.push(claim);
        self.index.insert(claim.event, slot);
        Ok(())
    }

    /// The types that have claimed a name, all versions of it.
    pub(crate) fn claims(&self, name: &str) -> Vec<&'static EventType> {
        let claims = self.identities.get(name);
        claims.map_or_else(Vec::new, |claims| claims.iter().map(|claim| claim.event).collect())
    }

    /// The slot of `event` as it is, if the bus has seen the event.
    pub(crate) fn any(&self, event: &'static EventType) -> Option<Arc<dyn AnySlot>> {
        Some(Arc::clone(&*self.slots.get(&event.id())?))
    }

    /// All slots, as they are at this moment.
    pub(crate) fn all(&self) -> Vec<Arc<dyn AnySlot>> {
        self.slots.iter().map(|slot| Arc::clone(slot.value())).collect()
    }

    /// Adds a listener by name. It joins the slots that it matches.
    pub(crate) fn add_by_name(&self, listener: &Arc<NameListener>) {
        let mut stale = Vec::new();
        {
            let mut names = lock(&self.names);
            names.insert(listener);
            for slot in self.matched_by(listener) {
                stale.push(slot.adopt(listener));
            }
        }
        drop(stale);
    }

    /// Ends a listener by name; whether it was there.
    pub(crate) fn remove_by_name(&self, key: Key) -> bool {
        let listener;
        let mut removed = Vec::new();
        {
            let mut names = lock(&self.names);
            let Some(found) = names.remove(key) else { return false };
            listener = found;
            for slot in self.matched_by(&listener) {
                removed.push(slot.take(key));
            }
        }
        drop((listener, removed));
        true
    }

    pub(crate) fn has_by_name(&self, key: Key) -> bool {
        lock(&self.names).contains(key)
    }

    /// The listeners that match a name which no type claims, in the order of their turns.
    pub(crate) fn by_name(&self, name: &str) -> Vec<Arc<NameListener>> {
        lock(&self.names).matching(name)
    }

    /// Who listens by name, in the order of priority and registration.
    pub(crate) fn infos_by_name(&self) -> Vec<ListenerInfo> {
        lock(&self.names).all().map(|listener| listener.info.clone()).collect()
    }

    /// Ends every listener.
    pub(crate) fn clear(&self) {
        // Dropped when all are gone: what a closure registers in its `Drop` is not swept away with the rest.
        let by_name;
        let mut typed = Vec::new();
        {
            // Held to the end, so that a listener by name that comes meanwhile is in all its slots, or in none.
            let mut names = lock(&self.names);
            by_name = names.take();
            for slot in self.all() {
                typed.push(slot.clear());
            }
        }
        drop((by_name, typed));
    }

    fn matched_by(&self, listener: &NameListener) -> Vec<Arc<dyn AnySlot>> {
        let Some(pattern) = &listener.info.pattern else { return Vec::new() };
        let mut slots = self.all();
        slots.retain(|slot| pattern.matches(slot.event().name().as_str()));
        slots
    }
}

fn downcast<S: ?Sized + Kind, A: ?Sized + Kind>(slot: Arc<dyn AnySlot>) -> Arc<Slot<S, A>> {
    let slot: Arc<dyn Any + Send + Sync> = slot;
    match slot.downcast() {
        Ok(slot) => slot,
        Err(_) => unreachable!("the slot of an event type is always made with the same listener type"),
    }
}
