//! Transports: the contract, and the types in which it speaks. [`Memory`] is the one inside the process.
//!
//! Applications name [`Memory`] or a transport of another crate when they build the bus; the rest is for those who write one.

pub use eventbus_core::{
    Answer, BoxFuture, Capabilities, Durability, GroupSpec, GroupState, LeaseId, Leased, Letter, LetterEnd,
    LetterError, LetterId, LetterPage, LetterQuery, Memory, Message, MessageId, NoSuchGroup, Operation, Read, Refusal,
    Settlement, Source, Start, Transport, TransportError, TransportHealth, TransportOrdering, TransportReports,
    Unrouted, Unsettled, Wants,
};
#[cfg(feature = "serde")]
pub use eventbus_core::{MalformedMessage, WriteError};
