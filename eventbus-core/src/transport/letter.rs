//! Dead letters that a transport keeps.

use std::{fmt, sync::Arc, time::SystemTime};

use super::Message;
use crate::interleave;

/// Identifies a dead letter.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetterId(Arc<str>);

impl LetterId {
    /// An identifier, unique in its transport.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LetterId({})", self.0)
    }
}

/// A message that has failed for the last time in a group.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Letter {
    /// The letter's identifier.
    pub id: LetterId,
    /// The group in which the message failed.
    pub group: Arc<str>,
    /// The message.
    pub message: Message,
    /// Why the last attempt failed.
    pub reason: Arc<str>,
    /// How many attempts were made.
    pub attempts: u32,
    /// When the last attempt failed.
    pub failed_at: SystemTime,
}

impl Letter {
    /// A letter.
    pub fn new(id: LetterId, group: Arc<str>, message: Message, reason: Arc<str>) -> Self {
        Self { id, group, message, reason, attempts: 1, failed_at: interleave::system_time() }
    }
}

/// Which dead letters a page is to hold.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LetterQuery {
    /// Those of this group only.
    pub group: Option<Arc<str>>,
    /// Those after this one.
    pub after: Option<LetterId>,
    /// At most so many.
    pub limit: usize,
}

/// A page of dead letters. Letters that come meanwhile may show or not; none shows twice.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LetterPage {
    /// The letters, oldest first.
    pub letters: Vec<Letter>,
    /// After which letter the next page begins: the last one of this page, or a later one; `None` at the end.
    pub next: Option<LetterId>,
}

/// Why a transport has not ended a dead letter, where that is no failure of its own. It is what
/// [`end_letters`](super::Transport::end_letters) returns as its error then; any other error means that the transport has failed.
///
/// ```
/// # mod eventbus { pub use eventbus_core::*; pub mod transport { pub use eventbus_core::*; } }
/// use eventbus::{BoxError, transport::LetterError};
///
/// fn find(rows: &[&str], id: &str) -> Result<usize, BoxError> {
///     Ok(rows.iter().position(|row| *row == id).ok_or(LetterError::NotFound)?)
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LetterError {
    /// There is no such letter: it never was, or has been ended, by another process perhaps.
    #[error("there is no such dead letter")]
    NotFound,
    /// The letter's group has no room. It stays a letter.
    #[error("the queue of group `{}` is full", crate::listener::Excerpt(group))]
    Full {
        /// The group.
        group: Arc<str>,
    },
}

/// How a dead letter ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum LetterEnd {
    /// It is delivered to its group again.
    Replay,
    /// It is removed.
    Discard,
}
