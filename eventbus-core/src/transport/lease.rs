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
    /// In which order the consumer got it, and how the lease ends: in one word, since leases cross from one core to another.
    number_and_end: u64,
    pub(crate) rest: Option<Box<Rest>>,
}

/// How a lease ends: the lowest bits of a word, below the number.
const END: u64 = 0b11;
const RELEASE: u64 = 0;
const DONE: u64 = 1;
/// As [`Rest::settlement`] says.
const OTHER: u64 = 2;

/// What most leases in memory do not have.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) lease: LeaseId,
    pub(crate) attempts: u32,
    pub(crate) deliveries: u32,
    settlement: Settlement,
    /// The consumer's own notes; no transport sees them.
    pub(crate) key: Option<u64>,
    pub(crate) first_failed: Option<SystemTime>,
    /// Its end is in the ledger already.
    pub(crate) is_counted: bool,
}

impl Default for Rest {
    fn default() -> Self {
        Self {
            lease: LeaseId::NONE,
            attempts: 0,
            deliveries: 1,
            settlement: Settlement::Release,
            key: None,
            first_failed: None,
            is_counted: false,
        }
    }
}

impl Leased {
    /// A message that is handed out for the first time.
    #[inline]
    pub fn new(message: Message, lease: LeaseId) -> Self {
        let rest = lease.0.is_some().then(|| Box::new(Rest { lease, ..Rest::default() }));
        Self { message, number_and_end: RELEASE, rest }
    }

    /// How many attempts have failed, as the last [`Settlement::Again`] has said (B24).
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.rest_mut().attempts = attempts;
        self
    }

    /// How often the message was handed out to this group, this time included (T26).
    #[must_use]
    pub fn with_deliveries(mut self, deliveries: u32) -> Self {
        self.rest_mut().deliveries = deliveries;
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
    #[inline]
    pub fn attempts(&self) -> u32 {
        self.rest.as_ref().map_or(0, |rest| rest.attempts)
    }

    /// How often the message was handed out to this group, this time included; 1 if the transport cannot tell.
    #[inline]
    pub fn deliveries(&self) -> u32 {
        self.rest.as_ref().map_or(1, |rest| rest.deliveries)
    }

    /// The lease.
    pub fn lease(&self) -> &LeaseId {
        self.rest.as_ref().map_or(&LeaseId::NONE, |rest| &rest.lease)
    }

    /// How the lease ends. [`Settlement::Release`] until the bus has said something else, so that a dropped batch is given
    /// back.
    pub fn settlement(&self) -> &Settlement {
        match self.number_and_end & END {
            RELEASE => &Settlement::Release,
            DONE => &Settlement::Done,
            _ => self.rest.as_ref().map_or(&Settlement::Release, |rest| &rest.settlement),
        }
    }

    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.number_and_end & END == DONE
    }

    #[inline]
    pub(crate) fn set_done(&mut self) {
        self.set_end(DONE);
    }

    /// Sets how the lease ends: for tests of a transport.
    pub fn settle_as(&mut self, settlement: Settlement) {
        let end = match settlement {
            Settlement::Release => RELEASE,
            Settlement::Done => DONE,
            settlement => {
                self.rest_mut().settlement = settlement;
                OTHER
            }
        };
        self.set_end(end);
    }

    #[inline]
    fn set_end(&mut self, end: u64) {
        self.number_and_end = self.number_and_end & !END | end;
    }

    /// In which order the consumer got it.
    #[inline]
    pub(crate) fn number(&self) -> u64 {
        self.number_and_end >> END.count_ones()
    }

    #[inline]
    pub(crate) fn set_number(&mut self, number: u64) {
        self.number_and_end = number << END.count_ones() | self.number_and_end & END;
    }

    /// Forgets what belongs to a lease that is over. What stays is the message, and how often it was tried and handed out.
    pub(crate) fn renewed(self) -> Self {
        let (attempts, deliveries) = (self.attempts(), self.deliveries());
        let mut new = Self::new(self.message, LeaseId::NONE);
        if (attempts, deliveries) != (0, 1) {
            let rest = new.rest_mut();
            (rest.attempts, rest.deliveries) = (attempts, deliveries);
        }
        new
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_as_large_as_a_cache_line() {
        assert_eq!(size_of::<Leased>(), 64);
    }

    #[test]
    fn the_number_of_a_lease_and_its_end_do_not_touch_each_other() {
        let mut leased = Leased::new(Message::malformed("", b""), LeaseId::NONE);
        leased.set_done();
        leased.set_number(u64::MAX >> 2);
        assert!(leased.is_done());
        leased.settle_as(Settlement::Again { after: Duration::ZERO });
        assert_eq!(leased.number(), u64::MAX >> 2);
        assert_eq!(leased.settlement(), &Settlement::Again { after: Duration::ZERO });
    }
}
