//! What an interceptor sees of an attempt to handle a delivery, and how it ends.

use std::{fmt, time::Duration};

use super::{message_info::MessageInfo, test_plan::TestPlan};
use crate::listener::{Excerpt, ListenerInfo, Outcome};

/// An attempt to handle a delivery, as an [`Interceptor`](super::Interceptor) sees it.
pub struct DeliveryInfo<'a> {
    pub(crate) message: MessageInfo<'a>,
    pub(crate) group: &'a str,
    pub(crate) attempt: u32,
    pub(crate) deliveries: u32,
    pub(crate) batch: usize,
    pub(crate) handler: Option<&'a ListenerInfo>,
    pub(crate) plan: TestPlan,
}

impl<'a> DeliveryInfo<'a> {
    /// The message.
    pub fn message(&self) -> &MessageInfo<'a> {
        &self.message
    }

    /// The group.
    pub fn group(&self) -> &str {
        self.group
    }

    /// The number of this attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// How often the message was handed out to the group, this time included; 1 if the transport cannot tell.
    pub fn deliveries(&self) -> u32 {
        self.deliveries
    }

    /// How many deliveries are handled together: 1, but for a handler of batches.
    pub fn batch_len(&self) -> usize {
        self.batch
    }

    /// The handler; `None` if the group has none for it, or the message cannot be handed to one. Nothing runs then.
    pub fn handler(&self) -> Option<&ListenerInfo> {
        self.handler
    }
}

impl fmt::Debug for DeliveryInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryInfo")
            .field("message", &self.message)
            .field("group", &Excerpt(self.group))
            .field("attempt", &self.attempt)
            .field("batch_len", &self.batch)
            .field("handler", &self.handler)
            .finish_non_exhaustive()
    }
}

/// How an attempt to handle a delivery ended; see [`Around::end`](super::Around::end).
#[derive(Clone, Debug)]
pub struct DeliveryEnd {
    outcome: Option<Outcome>,
    next: AfterAttempt,
}

/// The state of a delivery after an attempt.
#[derive(Clone, Copy, Debug)]
enum AfterAttempt {
    Done,
    Ignored,
    /// Back to the group, with no attempt used up.
    Back,
    Again(Duration),
    Dead,
}

impl DeliveryEnd {
    pub(crate) const HANDLED: Self = Self { outcome: None, next: AfterAttempt::Done };

    pub(crate) const IGNORED: Self = Self { outcome: None, next: AfterAttempt::Ignored };

    pub(crate) const INTERRUPTED: Self = Self { outcome: Some(Outcome::Cancelled), next: AfterAttempt::Back };

    /// A failed attempt, and after which time the next one follows.
    pub(crate) fn failed(outcome: Outcome, next_after: Option<Duration>) -> Self {
        Self { outcome: Some(outcome), next: next_after.map_or(AfterAttempt::Dead, AfterAttempt::Again) }
    }

    /// Whether the delivery was handled, or ignored: it is done.
    pub fn is_ok(&self) -> bool {
        self.outcome.is_none()
    }

    /// Whether the group has no handler for the event, and that is no error.
    pub fn is_ignored(&self) -> bool {
        matches!(self.next, AfterAttempt::Ignored)
    }

    /// Whether the attempt was interrupted: its consumer stops. It does not count, and the delivery goes back to the group.
    pub fn is_interrupted(&self) -> bool {
        matches!(self.next, AfterAttempt::Back)
    }

    /// What became of the attempt, if it did not go well: failed, panicked, timed out, refused by an interceptor, or
    /// [`Cancelled`](Outcome::Cancelled), which is interrupted.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// After which time the next attempt follows, if one does.
    pub fn next_after(&self) -> Option<Duration> {
        if let AfterAttempt::Again(after) = self.next { Some(after) } else { None }
    }

    /// Whether it was the last attempt, and failed: the delivery is a dead letter.
    pub fn is_dead_letter(&self) -> bool {
        matches!(self.next, AfterAttempt::Dead)
    }
}
