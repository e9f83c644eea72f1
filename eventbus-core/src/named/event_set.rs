//! Events listed without a bus.

use std::{fmt, panic::Location};

use super::wire_type::WireType;
use crate::{
    bus::NameTaken,
    emission::Bus,
    event::{Event, EventType},
    registry::{Claim, Conflict},
};

/// The events of a library or module, listed without a bus: to check, to document, to declare in one go.
///
/// No two types in it have one name and version, unless both say that they share it. So a set that could be made can be
/// declared on an empty bus.
///
/// # Examples
///
/// ```
/// # mod eventbus { pub use eventbus_core::*; pub mod catalog { pub use eventbus_core::*; } }
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct UserCreated;
/// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
/// # struct OrderDone;
/// # impl Event for OrderDone {
/// #     const NAME: EventName = EventName::new("order.done");
/// #     const VERSION: u32 = 2;
/// # }
/// use eventbus::catalog::EventSet;
///
/// pub fn user_events() -> EventSet {
///     EventSet::new().with::<UserCreated>()
/// }
///
/// # fn main() -> Result<(), eventbus_core::NameTaken> {
/// let mut all = EventSet::new().with::<OrderDone>();
/// all.merge(user_events())?;
/// let names: Vec<_> = all.iter().map(|event| event.wire_type().to_string()).collect();
/// assert_eq!(names, ["order.done.v2", "user.created"]);
/// assert!(all.get("order.done.v2").is_some());
///
/// let bus = Bus::new();
/// bus.declare_all(&all)?;
/// assert!(bus.catalog().event("user.created").is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct EventSet {
    /// By name, version and Rust type; each type once.
    listed: Vec<ListedClaim>,
}

#[derive(Clone, Copy)]
struct ListedClaim {
    claim: Claim,
    declare: fn(&Bus, &'static Location<'static>) -> Result<(), NameTaken>,
}

impl EventSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The set with `E`. One that is in it already stays as it is.
    ///
    /// # Panics
    ///
    /// Panics if another type in the set has `E`'s name and version; see [`add`](Self::add).
    #[must_use = "gives the set back"]
    #[track_caller]
    pub fn with<E: Event>(mut self) -> Self {
        match self.add::<E>() {
            Ok(()) => self,
            Err(conflict) => panic!("{conflict}"),
        }
    }

    /// Adds `E`. One that is in it already stays as it is.
    ///
    /// # Errors
    ///
    /// [`NameTaken`] if another type in the set has `E`'s name and version. It shows both types, and where each
    /// was listed. The set is then as it was.
    #[track_caller]
    pub fn add<E: Event>(&mut self) -> Result<(), NameTaken> {
        let claim = Claim { event: E::TYPE, location: Location::caller() };
        self.insert(ListedClaim { claim, declare: Bus::declare_at::<E> })
    }

    /// Adds the events of another set.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). The set is then as it was.
    pub fn merge(&mut self, other: Self) -> Result<(), NameTaken> {
        let mut merged = self.clone();
        other.listed.into_iter().try_for_each(|listed| merged.insert(listed))?;
        *self = merged;
        Ok(())
    }

    fn insert(&mut self, new: ListedClaim) -> Result<(), NameTaken> {
        let key = |listed: &ListedClaim| {
            let event = listed.claim.event;
            (event.name(), event.version(), event.rust_type())
        };
        if let Some(first) = self.listed.iter().find(|listed| listed.claim.excludes(&new.claim)) {
            return Err(NameTaken(Conflict { first: first.claim, second: new.claim }));
        }
        if !self.listed.iter().any(|listed| listed.claim.event == new.claim.event) {
            let at = self.listed.partition_point(|listed| key(listed) <= key(&new));
            self.listed.insert(at, new);
        }
        Ok(())
    }

    /// The events, by name, version and Rust type.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'static EventType> {
        self.listed.iter().map(|listed| listed.claim.event)
    }

    /// The events of a name: its versions, and the types that share it.
    pub fn by_name(&self, name: &str) -> impl Iterator<Item = &'static EventType> {
        let first = self.listed.partition_point(|listed| listed.claim.event.name().as_str() < name);
        let others = self.listed.partition_point(|listed| listed.claim.event.name().as_str() <= name);
        self.listed[first..others].iter().map(|listed| listed.claim.event)
    }

    /// The event of a wire type: its name, with its version where that is not 1 (`user.created.v2`). The first one, if
    /// several types share it.
    pub fn get(&self, wire_type: &str) -> Option<&'static EventType> {
        let WireType { name, version } = WireType::parse(wire_type).ok()?;
        self.by_name(name).find(|event| event.version() == version)
    }

    /// Whether `E` is in it.
    pub fn contains<E: Event>(&self) -> bool {
        self.by_name(E::NAME.as_str()).any(|event| event == E::TYPE)
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.listed.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }
}

impl fmt::Debug for EventSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Bus {
    /// Binds the names of all events of a set, as [`declare`](Self::declare) does; the place of each is where the set
    /// lists it.
    ///
    /// # Errors
    ///
    /// [`NameTaken`] if another type has the name and version of one of them on this bus. Those before it, by
    /// name and version, stay declared.
    pub fn declare_all(&self, events: &EventSet) -> Result<(), NameTaken> {
        events.listed.iter().try_for_each(|listed| (listed.declare)(self, listed.claim.location))
    }
}
