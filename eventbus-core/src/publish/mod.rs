//! Floor 7: publish and consume. The same events, handed to a transport and consumed later by groups of handlers.

mod batch;
mod capabilities;
mod consumer;
mod counts;
mod dead;
mod error;
mod gather;
#[cfg(feature = "serde")]
mod json;
mod ledger;
mod memory;
mod message;
mod message_id;
#[expect(clippy::module_inception, reason = "the verb that the floor is named after")]
mod publish;
mod publishing;
mod sending;
mod shutdown;
mod stats;
mod stream;
mod transport;
mod typed;
#[cfg(feature = "serde")]
mod wire;

pub use batch::PublishAll;
pub use capabilities::{Capabilities, Durability, Ordering as TransportOrdering};
#[cfg(feature = "rate-limit")]
pub use consumer::Rate;
pub use consumer::{
    AttemptError, Consumer, ConsumerBuilder, ConsumerError, Delivery, Handler, HandlerFn, KeyFn, NameHandlerFn, Retry,
    StopReport, Unfinished, Unhandled,
};
pub use counts::{Deliveries, GroupStats, Published};
pub use dead::{DeadLetter, DeadLetters, Failed, ReplayError};
pub use error::PublishError;
#[cfg(feature = "serde")]
pub use json::PublishJson;
pub use memory::Memory;
pub use message::Message;
pub use message_id::MessageId;
pub use publish::Publish;
pub(crate) use publishing::{Publishing, Settings};
pub use shutdown::{Returned as ReturnedMessage, ShutdownReport};
pub use stats::Stats;
pub use stream::{EventStream, Lagged, Next, NoEvent, StreamFull};
pub use transport::{BoxFuture, Group, GroupState, LeaseId, Leased, Overflow, Refused, Settle, Source, Transport};
#[cfg(feature = "serde")]
pub use wire::{MalformedMessage, WriteError};

use crate::event::EventType;

/// Whether the events of a type can be written.
#[cfg(feature = "serde")]
fn has_codec(event: &EventType) -> bool {
    event.has_codec()
}

#[cfg(not(feature = "serde"))]
fn has_codec(_event: &EventType) -> bool {
    false
}
