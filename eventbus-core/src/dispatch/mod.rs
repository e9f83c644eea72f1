//! Floor 3: runs one snapshot. Order, isolation, and the frame that tells who is emitting inside whom.

mod call;
mod frame;
mod isolate;
mod run;
mod tally;

pub(crate) use call::{Filter, Filtered, Isolated, Plain, Stateful, SyncCall};
pub use frame::EmissionId;
pub(crate) use frame::Frame;
pub(crate) use isolate::isolate;
pub(crate) use run::run_sync;
pub(crate) use tally::Tally;

use crate::registry::Slot;

/// The slot of an event type.
pub(crate) type EventSlot<E> = Slot<dyn SyncCall<E>>;
