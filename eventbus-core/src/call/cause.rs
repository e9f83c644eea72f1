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
    /// The type of its event, where that is known.
    pub(crate) event: Option<&'static EventType>,
    /// The chain before it; most messages are the first of theirs.
    pub(crate) before: Option<Before>,
}

/// The part of a chain of messages that came before one of them.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    /// The id of the first message of the chain.
    pub(crate) correlation: u128,
    /// How many messages they are.
    pub(crate) hops: u32,
    /// The events of the last of them, the newest first.
    pub(crate) trail: [Option<&'static EventType>; CAUSES],
}

/// How many events of a chain of messages are kept for error messages.
pub(crate) const CAUSES: usize = 4;

impl Cause {
    /// That of code which runs before its delivery is known.
    pub(crate) fn unknown(bus: BusId) -> Self {
        Self { bus, message: 0, event: None, before: None }
    }

    /// The id of the first message of the chain.
    pub(crate) fn correlation(&self) -> u128 {
        self.before.map_or(self.message, |before| before.correlation)
    }

    /// How many messages of the chain came before this one.
    pub(crate) fn hops(&self) -> u32 {
        self.before.map_or(0, |before| before.hops)
    }

    /// The events of the chain's last messages, this one first.
    pub(crate) fn trail(&self) -> [Option<&'static EventType>; CAUSES] {
        let mut trail = [None; CAUSES];
        trail[0] = self.event;
        if let Some(before) = &self.before {
            trail[1..].copy_from_slice(&before.trail[..CAUSES - 1]);
        }
        trail
    }
}
