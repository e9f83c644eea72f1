//! Attempts that failed.

use std::{fmt, sync::Arc, time::Duration};

use crate::{listener::Excerpt, publish::AttemptError, transport::Message};

/// An attempt that failed, as [`on_attempt_failed`](crate::ConsumerBuilder::on_attempt_failed) gets it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailedAttempt {
    /// The group.
    pub group: Arc<str>,
    /// The message.
    pub message: Message,
    /// How the attempt went wrong.
    pub error: AttemptError,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// After which time the next attempt follows; `None` if it was the last one.
    pub next_after: Option<Duration>,
}

/// Prints on one line, without the event's content.
impl fmt::Display for FailedAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, message, error, attempt, next_after } = self;
        write!(f, "{} {} in group `{}`: attempt {attempt} ", message.wire_type(), message.id(), Excerpt(group))?;
        match next_after {
            Some(delay) => write!(f, "failed, the next one follows after {delay:?}: {error}"),
            None => write!(f, "failed and was the last one: {error}"),
        }
    }
}
