//! Lease ids: what a lease is of, and which delivery.

use std::fmt;

use eventbus_core::LeaseId;

use crate::entry::EntryId;

/// What a lease is of.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Held {
    /// An entry of the stream, in the group's pending list.
    Entry(EntryId),
    /// A position of the group's redelivery queue.
    Position(String),
}

/// After so many hand-outs without an end a message is a suspect: it may be what ends the processes that handle it. `common.lua` has
/// the same number.
pub(crate) const SUSPECT: u32 = 2;

/// As the scripts know it.
impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(id) => fmt::Display::fmt(id, f),
            Self::Position(position) => write!(f, "q{position}"),
        }
    }
}

/// A lease: a delivery of an entry or of a position. The number of the delivery tells a lease that has run out from a later one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Lease {
    /// Of which stream: 0 is the main one.
    pub(crate) stream: usize,
    pub(crate) held: Held,
    pub(crate) deliveries: u32,
}

impl Lease {
    /// Whether an entry was a suspect when it was handed out. Of positions the server tells.
    pub(crate) fn is_of_suspect(&self) -> bool {
        matches!(self.held, Held::Entry(_)) && self.deliveries > SUSPECT
    }

    pub(crate) fn id(&self) -> LeaseId {
        LeaseId::new(&format!("{}:{}:{}", self.stream, self.deliveries, self.held))
    }

    pub(crate) fn parse(id: &LeaseId) -> Option<Self> {
        let (stream, rest) = id.as_str().split_once(':')?;
        let (deliveries, held) = rest.split_once(':')?;
        let held = match held.strip_prefix('q') {
            Some(position) => Held::Position(position.to_owned()),
            None => Held::Entry(EntryId::parse(held)?),
        };
        Some(Self { stream: stream.parse().ok()?, held, deliveries: deliveries.parse().ok()? })
    }

    /// Where the message belongs among those that are delivered again.
    pub(crate) fn position(&self) -> String {
        match &self.held {
            Held::Entry(id) => id.position(),
            Held::Position(position) => position.clone(),
        }
    }
}
