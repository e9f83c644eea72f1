//! The delivery that running code was called for.

use super::BusId;
use crate::event::EventType;

/// The delivery that a handler runs for: what the handler publishes is caused by it.
#[derive(Clone, Copy)]
pub(crate) struct Cause {
    /// The bus whose handler it is.
    pub(crate) bus: BusId,
    /// The id of the message.
    pub(crate) message: u128,
    /// The id of the first message of the chain.
    pub(crate) correlation: u128,
    /// How many messages of the chain came before this one.
    pub(crate) hops: u32,
    /// The events of the chain's last messages, the newest first.
    pub(crate) trail: [Option<&'static EventType>; CAUSES],
}

/// How many events of a chain of messages are kept for error messages.
pub(crate) const CAUSES: usize = 4;
