//! The rules for patterns, and what is said of a text that breaks them.

use crate::event::EventName;

use super::{MANY, ONE};

/// An error returned by [`Pattern::new`](super::Pattern::new): the text is not a pattern.
///
/// # Examples
///
/// ```
/// # mod eventbus { pub use eventbus_core::*; pub mod by_name { pub use eventbus_core::*; } }
/// use eventbus::by_name::Pattern;
///
/// let error = Pattern::new("user.Created").unwrap_err();
/// assert!(error.to_string().starts_with("malformed pattern `user.Created`, at byte 5: "));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("malformed pattern `{}`{}, at byte {at}: {kind}", pattern.escape_debug(), if *cut { ".." } else { "" })]
pub struct PatternError {
    pattern: Box<str>,
    cut: bool,
    at: usize,
    kind: PatternErrorKind,
}

impl PatternError {
    pub(super) fn new(text: &str, at: usize, kind: PatternErrorKind) -> Self {
        // The text may come from anywhere: no more of it is kept than a pattern may have.
        let kept = &text[..text.floor_char_boundary(EventName::MAX_LEN)];
        Self { pattern: kept.into(), cut: kept.len() < text.len(), at, kind }
    }

    /// The text that was refused, or its start if it is longer than a pattern may be.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The first byte of the text that breaks a rule, counted from 0. May be the text's length: something is missing there.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The rule that is broken.
    pub fn kind(&self) -> PatternErrorKind {
        self.kind
    }
}

/// The rule that a malformed pattern breaks; see [`PatternError::kind`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatternErrorKind {
    /// The pattern is empty.
    #[error("it is empty; write `**` to match every name")]
    Empty,
    /// The pattern has more than [`EventName::MAX_LEN`] bytes.
    #[error("a pattern has at most {} bytes, as a name has", EventName::MAX_LEN)]
    TooLong,
    /// There is nothing between two dots, before the first or behind the last.
    #[error("a segment is empty; write no dot first, last, or twice in a row")]
    EmptySegment,
    /// A word starts with `_` or `-`.
    #[error("a word starts with a lowercase letter or a digit")]
    BadStart,
    /// A word has a character that no name has.
    #[error("patterns are lowercase words, `*` and `**`, joined by dots, such as `user.*` (in words: a-z 0-9 _ -)")]
    BadCharacter,
    /// A wildcard is part of a segment, as in `user_*`, or a segment has three stars or more.
    #[error(
        "a wildcard is a whole segment, not a part of one; write `*` for exactly one segment, `**` for any number, or the word in full"
    )]
    PartialWildcard,
    /// The last segment looks like a version.
    #[error(
        "the last segment looks like a version, and versions are not part of names; leave it out and look at the event's version"
    )]
    Version,
}

/// Where `text` first breaks a rule, and which.
pub(super) fn check(text: &str) -> Option<(usize, PatternErrorKind)> {
    if text.is_empty() {
        return Some((0, PatternErrorKind::Empty));
    }
    if text.len() > EventName::MAX_LEN {
        return Some((EventName::MAX_LEN, PatternErrorKind::TooLong));
    }
    let mut start = 0;
    for segment in text.split('.') {
        if let Some((at, kind)) = check_segment(segment) {
            return Some((start + at, kind));
        }
        let end = start + segment.len();
        if end == text.len() && is_version(segment) {
            return Some((start, PatternErrorKind::Version));
        }
        start = end + 1;
    }
    None
}

fn check_segment(segment: &str) -> Option<(usize, PatternErrorKind)> {
    if segment == ONE || segment == MANY {
        return None;
    }
    if segment.is_empty() {
        return Some((0, PatternErrorKind::EmptySegment));
    }
    segment.bytes().enumerate().find_map(|(at, byte)| match byte {
        b'a'..=b'z' | b'0'..=b'9' => None,
        b'_' | b'-' if at > 0 => None,
        b'_' | b'-' => Some((at, PatternErrorKind::BadStart)),
        b'*' => Some((at, PatternErrorKind::PartialWildcard)),
        _ => Some((at, PatternErrorKind::BadCharacter)),
    })
}

/// Whether the segment is `v` and digits.
fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}
