//! Floor 3: the listeners of a bus, by event type and by pattern.
//!
//! A [`Registry`] is a `DashMap` keyed by `TypeId`, with one [`Slot`] for each event type. A slot keeps the listeners of its
//! event in order and publishes them as immutable [`Snapshot`]s. Only a chunk's list of synchronous code knows the event's
//! type; everything else here is compiled once. Nothing here calls a listener; the next floor does.

mod chunks;
mod code;
mod conflict;
mod departure;
mod entry;
mod group;
mod hashed_keys;
mod modules;
mod patterns;
mod registration;
#[expect(clippy::module_inception, reason = "the type that the folder is named after")]
mod registry;
mod slot;
mod slot_table;
mod snapshot;
mod subscription;

pub(crate) use chunks::Chunk;
pub(crate) use code::{Code, ErasedCall, FutureCall, Member, SyncCall, SyncCode};
pub(crate) use conflict::{Claim, Conflict};
pub(crate) use departure::{Departs, Departure};
pub(crate) use entry::{Entry, Filter, OnceState};
pub(crate) use group::ListenerGroup;
pub(crate) use hashed_keys::BuildHashedKeys;
pub(crate) use modules::Modules;
pub(crate) use registration::{Place, Registration};
pub(crate) use registry::{Claimant, Registry};
pub(crate) use slot::{Loan, Slot, SlotType};
pub(crate) use snapshot::Snapshot;
pub use subscription::{Subscription, SubscriptionGuard};
