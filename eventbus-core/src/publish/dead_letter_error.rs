//! What can go wrong with dead letters: an error for each way to end one.

use std::sync::Arc;

use crate::transport::LetterId;

/// An error of a transport that keeps dead letters; returned by [`DeadLetters::list`](super::DeadLetters::list) and
/// [`page`](super::DeadLetters::page).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the transport cannot serve its dead letters: {reason}")]
#[non_exhaustive]
pub struct DeadLetterError {
    /// What the transport says.
    pub reason: String,
}

impl DeadLetterError {
    pub(super) fn new(reason: String) -> Self {
        Self { reason }
    }
}

/// An error returned by [`DeadLetters::replay`](super::DeadLetters::replay). The letter stays a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// There is no such dead letter.
    #[error("there is no dead letter {id}: it has been replayed, discarded, or has made room for newer ones")]
    Unknown {
        /// The id.
        id: LetterId,
    },
    /// The group's queue is full.
    #[error("dead letter {id} was not replayed: the queue of group `{group}` is full; replay it later")]
    Full {
        /// The id.
        id: LetterId,
        /// The group.
        group: Arc<str>,
    },
    /// The bus is shutting down, or has shut down.
    #[error("dead letter {id} was not replayed: the bus has shut down, or is about to")]
    Closed {
        /// The id.
        id: LetterId,
    },
    /// The transport does not take it.
    #[error("dead letter {id} was not replayed: the transport does not take it for group `{group}`: {reason}")]
    Refused {
        /// The id.
        id: LetterId,
        /// The group.
        group: Arc<str>,
        /// What the transport says.
        reason: String,
    },
    /// The transport cannot serve its dead letters.
    #[error(transparent)]
    Transport(#[from] DeadLetterError),
}

/// An error returned by [`DeadLetters::replay_where`](super::DeadLetters::replay_where): of the first letter that was refused. Those
/// before it have been replayed. A letter that somebody else has ended meanwhile is no error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayWhereError {
    /// The queue of the letter's group is full.
    #[error(
        "dead letter {id} was not replayed, nor those behind it: the queue of group `{group}` is full; replay them later"
    )]
    Full {
        /// The letter's id.
        id: LetterId,
        /// The group.
        group: Arc<str>,
    },
    /// The bus is shutting down, or has shut down.
    #[error("dead letter {id} was not replayed, nor those behind it: the bus has shut down, or is about to")]
    Closed {
        /// The letter's id.
        id: LetterId,
    },
    /// The transport does not take it.
    #[error(
        "dead letter {id} was not replayed, nor those behind it: the transport does not take it for group `{group}`: {reason}"
    )]
    Refused {
        /// The letter's id.
        id: LetterId,
        /// The group.
        group: Arc<str>,
        /// What the transport says.
        reason: String,
    },
    /// The transport cannot serve its dead letters.
    #[error(transparent)]
    Transport(#[from] DeadLetterError),
}

impl ReplayWhereError {
    /// `None` if somebody else has ended the letter.
    pub(super) fn of(error: ReplayError) -> Option<Self> {
        Some(match error {
            ReplayError::Unknown { .. } => return None,
            ReplayError::Full { id, group } => Self::Full { id, group },
            ReplayError::Closed { id } => Self::Closed { id },
            ReplayError::Refused { id, group, reason } => Self::Refused { id, group, reason },
            ReplayError::Transport(error) => Self::Transport(error),
        })
    }
}

/// An error returned by [`DeadLetters::discard`](super::DeadLetters::discard).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscardError {
    /// There is no such dead letter.
    #[error("there is no dead letter {id}: it has been replayed, discarded, or has made room for newer ones")]
    Unknown {
        /// The id.
        id: LetterId,
    },
    /// The transport cannot serve its dead letters.
    #[error(transparent)]
    Transport(#[from] DeadLetterError),
}
