//! The registry by type: from an event type to its slot.

use std::{any::Any, any::TypeId, fmt, panic::Location, sync::Arc};

use dashmap::{DashMap, Entry};

use super::{bus_id::BusId, entry::Key, index::Index, slot::Slot, type_id_hasher::BuildTypeIdHasher};
use crate::{
    event::{EventName, EventType},
    listener::ListenerInfo,
};

/// Where listeners live, as their subscriptions see it.
pub(crate) trait Home: Send + Sync {
    /// Whether the listener is there.
    fn contains(&self, key: Key) -> bool;
    /// Ends the listener; whether it was there.
    fn remove(&self, key: Key) -> bool;
}

/// A slot whose event type is forgotten.
pub(crate) trait AnySlot: Any + Home {
    fn event(&self) -> &'static EventType;
    fn len(&self) -> usize;
    /// Takes all listeners out and switches them off; they are dropped with what is returned.
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
        self.remove(key)
    }
}

impl<S: ?Sized + Kind, A: ?Sized + Kind> AnySlot for Slot<S, A> {
    fn event(&self) -> &'static EventType {
        self.event
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn clear(&self) -> Box<dyn Any> {
        Box::new(self.clear())
    }

    fn infos(&self) -> Vec<ListenerInfo> {
        self.infos()
    }
}

/// All slots of a bus, and which type owns which identity.
///
/// No guard of these maps leaves this file: each method clones an `Arc` out and lets go.
pub(crate) struct Registry {
    id: BusId,
    index: Index,
    slots: DashMap<TypeId, Arc<dyn AnySlot>, BuildTypeIdHasher>,
    identities: DashMap<(EventName, u32), Claim>,
}

/// The first type seen under an identity, and where.
#[derive(Clone, Copy)]
struct Claim {
    event: &'static EventType,
    location: &'static Location<'static>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self { id: BusId::next(), index: Index::default(), slots: DashMap::default(), identities: DashMap::default() }
    }

    /// The identity of the bus whose registry this is.
    pub(crate) fn id(&self) -> BusId {
        self.id
    }

    /// The slot of `event`, made when it is first asked for. This is the one place that looks slots up: an index in front
    /// of the map belongs here.
    ///
    /// `S` and `A` must be the same for the same `event.id()`; the callers derive them from the event type.
    #[inline]
    pub(crate) fn slot<S: ?Sized + Kind, A: ?Sized + Kind>(
        &self,
        event: &'static EventType,
        location: &'static Location<'static>,
    ) -> Result<Arc<Slot<S, A>>, Conflict> {
        match self.get(event) {
            Some(slot) => Ok(slot),
            None => self.make(event, location),
        }
    }

    /// The slot of `event`, if the bus has seen the event.
    #[inline]
    pub(crate) fn get<S: ?Sized + Kind, A: ?Sized + Kind>(&self, event: &'static EventType) -> Option<Arc<Slot<S, A>>> {
        let slot = Arc::clone(&*self.slots.get(&event.id())?);
        Some(downcast(slot))
    }

    /// The same on loan, if the index in front of the map knows the slot. Most emissions need no more.
    #[inline]
    pub(crate) fn find<S: ?Sized + Kind, A: ?Sized + Kind>(&self, event: &'static EventType) -> Option<&Slot<S, A>> {
        self.index.get(event)
    }

    #[cold]
    fn make<S: ?Sized + Kind, A: ?Sized + Kind>(
        &self,
        event: &'static EventType,
        location: &'static Location<'static>,
    ) -> Result<Arc<Slot<S, A>>, Conflict> {
        self.claim(Claim { event, location })?;
        let slot = Arc::clone(&*self.slots.entry(event.id()).or_insert_with(|| Arc::new(Slot::<S, A>::new(event))));
        self.index.insert(event, &slot);
        Ok(downcast(slot))
    }

    /// Promise P8: one identity, one type.
    fn claim(&self, claim: Claim) -> Result<(), Conflict> {
        let first = match self.identities.entry((claim.event.name(), claim.event.version())) {
            Entry::Vacant(vacant) => {
                vacant.insert(claim);
                return Ok(());
            }
            Entry::Occupied(occupied) => *occupied.get(),
        };
        let shared = first.event.shares_name() && claim.event.shares_name();
        if first.event == claim.event || shared { Ok(()) } else { Err(Conflict { first, second: claim }) }
    }

    /// All slots, as they are at this moment.
    pub(crate) fn all(&self) -> Vec<Arc<dyn AnySlot>> {
        self.slots.iter().map(|slot| Arc::clone(slot.value())).collect()
    }
}

fn downcast<S: ?Sized + Kind, A: ?Sized + Kind>(slot: Arc<dyn AnySlot>) -> Arc<Slot<S, A>> {
    let slot: Arc<dyn Any + Send + Sync> = slot;
    match slot.downcast() {
        Ok(slot) => slot,
        Err(_) => unreachable!("the slot of an event type is always made with the same listener type"),
    }
}

/// Two types under one name and version on one bus.
pub(crate) struct Conflict {
    first: Claim,
    second: Claim,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, second } = self;
        write!(
            f,
            "two event types have the name `{}` and the version {}: `{}`, first used at {}, and `{}`, used at {}; \
             give one of them another name or version",
            first.event.name(),
            first.event.version(),
            first.event.rust_type(),
            first.location,
            second.event.rust_type(),
            second.location,
        )?;
        if same_generic(first.event.rust_type(), second.event.rust_type()) {
            f.write_str(" (monomorphs of one generic type may share them if it says `#[event(shares_name)]`)")?;
        }
        Ok(())
    }
}

fn same_generic(first: &str, second: &str) -> bool {
    match (first.split_once('<'), second.split_once('<')) {
        (Some((first, _)), Some((second, _))) => first == second,
        _ => false,
    }
}
