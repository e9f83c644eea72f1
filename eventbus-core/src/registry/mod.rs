//! Floor 2: who listens to what.
//!
//! A [`Registry`] is a `DashMap` of slots, one for each event type. A [`Slot`] holds the listeners of its event and
//! publishes them as immutable snapshots. Nothing here calls a listener, and what kind of thing a listener is does not
//! matter here: slots are generic over it. The next floor calls.

mod bus_id;
mod conflict;
mod departure;
mod entry;
mod group;
mod index;
mod modules;
mod names;
mod slot;
mod snapshot;
mod subscription;
mod type_id_hasher;
mod types;

pub(crate) use bus_id::BusId;
pub(crate) use conflict::{Claim, Conflict};
pub(crate) use departure::{Departs, Departure};
pub(crate) use entry::{Entry, Key, Spent, Turn};
pub(crate) use group::Group;
pub(crate) use modules::Modules;
pub(crate) use names::NameListener;
pub(crate) use slot::{Seed, Slot};
pub(crate) use snapshot::{Late, Member, Snapshot};
pub use subscription::{Subscription, SubscriptionGuard};
pub(crate) use types::{AnySlot, Home, Registry};
