//! Floor 0: patterns of event names, such as `user.*`.
//!
//! A [`Pattern`] is checked once, when it is made, and then asked of one name. The bus holds its patterns in a trie, which
//! finds all those that match a name at a cost that does not grow with those that don't. Neither ever backtracks, so no
//! pattern is slow, however it is written.

mod active;
mod error;
mod fold_hash;
mod slab;
#[cfg(test)]
mod tests;
mod trie;
mod words;

use std::{fmt, str::FromStr, sync::Arc};

pub use error::{PatternError, PatternErrorKind};
pub(crate) use fold_hash::FoldHash;
pub(crate) use trie::{Trie, TrieKey};

use crate::event::EventName;

/// The segment that stands for exactly one segment of a name.
const ONE: &str = "*";
/// The segment that stands for any number of segments, zero included.
const MANY: &str = "**";

/// A pattern of event names, such as `user.*`.
///
/// A pattern consists of segments joined by dots, at most [`EventName::MAX_LEN`] bytes in all. A segment is
///
/// - `*`, which matches exactly one segment,
/// - `**`, which matches any number of segments, zero included, or
/// - a word, under the rules of [`EventName`], which matches itself. The last one must not look like a version (`v2`):
///   no name ends like that, so the pattern would never match.
///
/// Wildcards may stand anywhere, any number of times. They stand for whole segments: `user_*` is refused.
///
/// | pattern | matches | does not match |
/// |---|---|---|
/// | `user.created` | `user.created` | `user.created.twice` |
/// | `user.*` | `user.created` | `user`, `user.email.changed` |
/// | `user.**` | `user`, `user.created`, `user.email.changed` | `users.created` |
/// | `**.failed` | `failed`, `payment.card.failed` | `failed.payment` |
/// | `*.*` | `user.created` | `startup` |
/// | `**` | every name | |
///
/// Wildcards in a row are put in order: `**.**` becomes `**`, and `**.*` becomes `*.**`. The text of a pattern is the
/// ordered one, and two patterns are equal if their texts are.
///
/// # Examples
///
/// ```
/// # mod eventbus { pub use eventbus_core::*; pub mod by_name { pub use eventbus_core::*; } }
/// use eventbus::by_name::Pattern;
///
/// let pattern: Pattern = "user.**".parse()?;
/// assert!(pattern.matches("user.created"));
/// assert!(pattern.matches("user.email.changed"));
/// assert!(!pattern.matches("order.completed"));
///
/// let error = Pattern::new("user_*.created").unwrap_err();
/// assert_eq!(error.at(), 5);
/// # Ok::<(), eventbus_core::PatternError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: Arc<str>,
    exact: bool,
}

impl Pattern {
    /// Checks `text` and makes it a pattern.
    ///
    /// # Errors
    ///
    /// Returns a [`PatternError`] that points at the first byte that breaks one of the rules above, and says what to write
    /// instead.
    ///
    /// # Examples
    ///
    /// ```
    /// # mod eventbus { pub use eventbus_core::*; pub mod by_name { pub use eventbus_core::*; } }
    /// use eventbus::by_name::Pattern;
    ///
    /// let failures = Pattern::new("**.failed")?;
    /// assert!(failures.matches("payment.failed"));
    /// # Ok::<(), eventbus_core::PatternError>(())
    /// ```
    pub fn new(text: &str) -> Result<Self, PatternError> {
        match error::check(text) {
            None => Ok(Self { text: in_order(text).into(), exact: !text.contains('*') }),
            Some((at, kind)) => Err(PatternError::new(text, at, kind)),
        }
    }

    /// The pattern as text, with its wildcards in order.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern has no wildcard: it matches one name, itself.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// Whether the pattern matches `name`.
    ///
    /// Takes at most as many steps as the pattern's segments times the name's. `name` is taken for an event name; it is
    /// split at its dots and not checked.
    pub fn matches(&self, name: &str) -> bool {
        if self.exact {
            return *self.text == *name;
        }
        let (mut own, mut words) = (self.segments(), segments(name));
        // What follows the last `**`, and the words that `**` has not taken. A mismatch gives it one word more. Earlier
        // ones need no second try: what stands between them and the last one has matched as early as it can.
        let mut retry = None;
        loop {
            let fits = match own.next() {
                Some(MANY) => {
                    if own.clone().next().is_none() {
                        return true;
                    }
                    retry = Some((own.clone(), words.clone()));
                    continue;
                }
                Some(segment) => match words.next() {
                    Some(word) => segment == ONE || segment == word,
                    // Too few words are left; another try would leave fewer.
                    None => return false,
                },
                None => match words.next() {
                    Some(_) => false,
                    None => return true,
                },
            };
            if !fits {
                let Some((after, untaken)) = &mut retry else { return false };
                if untaken.next().is_none() {
                    return false;
                }
                own = after.clone();
                words = untaken.clone();
            }
        }
    }

    /// Whether there can be a name that both match.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let (own, others): (Vec<_>, Vec<_>) = (self.segments().collect(), other.segments().collect());
        // `meets[j]`: whether what is left of `own` from here on, and of `others` from `j` on, have a name in common.
        let mut meets = vec![false; others.len() + 1];
        for i in (0..=own.len()).rev() {
            let mut diagonal = false;
            for j in (0..=others.len()).rev() {
                let below = meets[j];
                let right = j < others.len() && meets[j + 1];
                meets[j] = match (own.get(i), others.get(j)) {
                    (None, None) => true,
                    // It takes no more words, or one more.
                    (Some(&MANY), _) => below || right,
                    (_, Some(&MANY)) => right || (i < own.len() && below),
                    (Some(one), Some(other)) => diagonal && (*one == ONE || *other == ONE || one == other),
                    _ => false,
                };
                diagonal = below;
            }
        }
        meets[0]
    }

    fn segments(&self) -> impl Iterator<Item = &str> + Clone {
        segments(&self.text)
    }
}

/// What is between the dots, as `split('.')` has it; on segments as short as these a plain loop is quicker than its search.
fn segments(text: &str) -> impl Iterator<Item = &str> + Clone {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(dot) = text.bytes().position(|byte| byte == b'.') else { return rest.take() };
        rest = Some(&text[dot + 1..]);
        Some(&text[..dot])
    })
}

/// Puts wildcards in a row in order: each `*` first, then one `**` if there was any.
///
/// So no `**` is followed by a wildcard, which keeps the trie's sets of nodes small.
fn in_order(text: &str) -> String {
    let mut ordered = Vec::new();
    let mut many = false;
    for segment in segments(text) {
        if segment == MANY {
            many = true;
            continue;
        }
        if many && segment != ONE {
            ordered.push(MANY);
            many = false;
        }
        ordered.push(segment);
    }
    if many {
        ordered.push(MANY);
    }
    ordered.join(".")
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Pattern {
    type Error = PatternError;

    fn try_from(text: &str) -> Result<Self, PatternError> {
        Self::new(text)
    }
}

/// A name is a pattern that matches only itself.
impl From<EventName> for Pattern {
    fn from(name: EventName) -> Self {
        Self { text: name.as_str().into(), exact: true }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}
