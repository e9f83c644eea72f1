//! Leases: messages that have been handed out, and how they end.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::Message;
use crate::listener::{BoxError, ErrorText};

/// A message that has been handed out, with its settlement. It goes back to its source as a whole, so that a transport in
/// memory needs no table of leases, and a broker has what it needs for a dead letter.
#[derive(Debug)]
pub struct Leased {
    pub(crate) message: Message,
    pub(crate) attempts: u32,
    pub(crate) deliveries: u32,
    pub(crate) settlement: Settlement,
    /// In which order the consumer got it.
    pub(crate) number: u64,
    pub(crate) rest: Option<Box<Rest>>,
}

/// What most leases in memory do not have.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    pub(crate) lease: LeaseId,
    /// The consumer's own notes; no transport sees them.
    pub(crate) key: Option<u64>,
    pub(crate) first_failed: Option<SystemTime>,
    /// Its end is in the ledger already.
    pub(crate) is_counted: bool,
}

impl Leased {
    /// A message that is handed out for the first time.
    pub fn new(message: Message, lease: LeaseId) -> Self {
        let rest = lease.0.is_some().then(|| Box::new(Rest { lease, ..Rest::default() }));
        Self { message, attempts: 0, deliveries: 1, settlement: Settlement::Release, number: 0, rest }
    }

    /// How many attempts have failed, as the last [`Settlement::Again`] has said (B24).
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// How often the message was handed out to this group, this time included (T26).
    #[must_use]
    pub fn with_deliveries(mut self, deliveries: u32) -> Self {
        self.deliveries = deliveries;
        self
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Takes the message out of its lease.
    pub fn into_message(self) -> Message {
        self.message
    }

    /// How many attempts have failed.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How often the message was handed out to this group, this time included; 1 if the transport cannot tell.
    pub fn deliveries(&self) -> u32 {
        self.deliveries
    }

    /// The lease.
    pub fn lease(&self) -> &LeaseId {
        self.rest.as_ref().map_or(&LeaseId::NONE, |rest| &rest.lease)
    }

    /// How the lease ends. [`Settlement::Release`] until the bus has said something else, so that a dropped batch is given
    /// back.
    pub fn settlement(&self) -> &Settlement {
        &self.settlement
    }

    /// Sets how the lease ends: for tests of a transport.
    pub fn settle_as(&mut self, settlement: Settlement) {
        self.settlement = settlement;
    }

    /// Gives the message the codec that reads it.
    #[cfg(feature = "serde")]
    pub(crate) fn find_codec(&mut self, codecs: &[Arc<dyn crate::event::Codec>]) {
        if let Some(message) = self.message.with_codec_of(codecs) {
            self.message = message;
        }
    }

    pub(crate) fn rest_mut(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    pub(crate) fn key(&self) -> Option<u64> {
        self.rest.as_ref()?.key
    }
}

/// Identifies a lease: a stream's entry id, a reply subject, a row. The bus stores, compares and returns it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct LeaseId(Option<Box<str>>);

impl LeaseId {
    /// For transports that know a lease by its message and whose leases do not run out: nothing is asked by it. Others need an
    /// identifier to settle by, whether or not leases run out.
    pub const NONE: Self = Self(None);

    /// An identifier, unique among the leases of its source that are not settled.
    pub fn new(text: &str) -> Self {
        Self(Some(text.into()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

/// How a lease ends.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Settlement {
    /// Not tried, or interrupted by a stop: back to the group at once. It counts as no attempt.
    Release,
    /// Handled.
    Done,
    /// To be handed out again.
    Again {
        /// Not before this time has passed.
        after: Duration,
    },
    /// Failed for the last time.
    Dead {
        /// Why, in bounded text without a payload's values.
        reason: Arc<str>,
    },
}

/// A lease that could not be settled.
pub struct Unsettled {
    /// The lease.
    pub leased: Leased,
    /// Whether the lease had run out, so that trying again is of no use.
    pub is_lost: bool,
    /// Why.
    pub error: BoxError,
}

impl std::fmt::Debug for Unsettled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unsettled")
            .field("leased", &self.leased)
            .field("is_lost", &self.is_lost)
            .field("error", &ErrorText::with_sources(&*self.error))
            .finish()
    }
}
