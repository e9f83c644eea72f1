//! Event names and the rules for them.

use std::{borrow::Borrow, fmt, ops::Deref};

/// The dotted name of an event, such as `user.created`.
///
/// A name consists of segments joined by dots. A segment starts with a lowercase ASCII letter or a digit and goes on with
/// lowercase ASCII letters, digits, `_` and `-`. A name has at most [`EventName::MAX_LEN`] bytes. Its last segment must
/// not look like a version (`v2`): a version belongs into [`Event::VERSION`](crate::Event::VERSION).
///
/// Any value of this type has passed these checks, most often at compile time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventName(&'static str);

impl EventName {
    /// The longest name allowed, in bytes.
    pub const MAX_LEN: usize = 128;

    /// Checks `name` and makes it an event name.
    ///
    /// # Panics
    ///
    /// Panics if `name` breaks one of the rules above. In a `const`, as in a hand-written `impl Event`, that is a compile
    /// error.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// use eventbus::EventName;
    ///
    /// const PAGE_VIEW: EventName = EventName::new("analytics.page_view");
    /// assert_eq!(PAGE_VIEW.as_str(), "analytics.page_view");
    /// ```
    ///
    /// ```compile_fail
    /// # use eventbus_core::EventName;
    /// const SHOUTED: EventName = EventName::new("User.Created");
    /// ```
    pub const fn new(name: &'static str) -> Self {
        match check(name.as_bytes()) {
            Ok(()) => Self(name),
            Err(error) => panic!("{}", error.message()),
        }
    }

    /// Checks a name that is known only at run time.
    ///
    /// # Errors
    ///
    /// [`NameError`] says which rule it breaks.
    pub const fn check(name: &str) -> Result<(), NameError> {
        check(name.as_bytes())
    }

    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// What is wrong with an event name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NameError {
    /// It is empty.
    Empty,
    /// It has more than [`EventName::MAX_LEN`] bytes.
    TooLong,
    /// A dot stands first, last, or next to another one.
    EmptySegment,
    /// A segment starts with `_` or `-`.
    BadStart,
    /// It has a character that names do not have.
    BadByte,
    /// Its last segment looks like a version.
    Version,
}

impl NameError {
    const fn message(self) -> &'static str {
        match self {
            Self::Empty => "an event name must not be empty; write words joined by dots, such as `user.created`",
            Self::TooLong => "an event name has at most 128 bytes",
            Self::EmptySegment => "an event name must not have an empty segment: no dot first, last, or twice in a row",
            Self::BadStart => "each segment of an event name starts with a lowercase letter or a digit",
            Self::BadByte => {
                "event names are lowercase words joined by dots, such as `user.created` (allowed: a-z 0-9 _ - .)"
            }
            Self::Version => {
                "the last segment of an event name must not look like a version, such as `v2`; set `VERSION` (`#[event(version = 2)]`) instead"
            }
        }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for NameError {}

/// The rules in one place; written with `while` since it runs in `const`.
const fn check(name: &[u8]) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > EventName::MAX_LEN {
        return Err(NameError::TooLong);
    }
    let mut start = 0; // where the current segment starts
    let mut at = 0;
    while at < name.len() {
        match name[at] {
            b'a'..=b'z' | b'0'..=b'9' => {}
            b'.' if at == start => return Err(NameError::EmptySegment),
            b'.' => start = at + 1,
            b'_' | b'-' if at > start => {}
            b'_' | b'-' => return Err(NameError::BadStart),
            _ => return Err(NameError::BadByte),
        }
        at += 1;
    }
    if start == name.len() {
        return Err(NameError::EmptySegment);
    }
    if is_version(name, start) { Err(NameError::Version) } else { Ok(()) }
}

/// Whether the segment from `start` to the end is `v` and digits.
const fn is_version(name: &[u8], start: usize) -> bool {
    if name[start] != b'v' || start + 1 == name.len() {
        return false;
    }
    let mut at = start + 1;
    while at < name.len() {
        if !name[at].is_ascii_digit() {
            return false;
        }
        at += 1;
    }
    true
}

impl Deref for EventName {
    type Target = str;

    fn deref(&self) -> &str {
        self.0
    }
}

impl AsRef<str> for EventName {
    fn as_ref(&self) -> &str {
        self.0
    }
}

// Lets a map keyed by names be searched by text: `str` and `EventName` hash and compare alike.
impl Borrow<str> for EventName {
    fn borrow(&self) -> &str {
        self.0
    }
}

impl PartialEq<str> for EventName {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for EventName {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl fmt::Debug for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    fn accepted(name: &'static str) -> bool {
        catch_unwind(|| EventName::new(name)).is_ok()
    }

    #[test]
    fn names_are_lowercase_segments_joined_by_dots() {
        for name in [
            "user.created",
            "startup",
            "post.featured_image.uploaded",
            "a",
            "0",
            "a-b.c_d",
            "api.v2x",
            "v2.users",
            "api.v",
        ] {
            assert!(accepted(name), "{name}");
        }
        for name in
            ["", ".", "a.", ".a", "a..b", "User", "user created", "_a", "-a", "a._b", "é", "a.v1", "v22", "a.b.v007"]
        {
            assert!(!accepted(name), "{name}");
        }
    }

    #[test]
    fn a_name_has_at_most_128_bytes() {
        assert!(accepted(Box::leak("a".repeat(128).into_boxed_str())));
        assert!(!accepted(Box::leak("a".repeat(129).into_boxed_str())));
    }

    #[test]
    fn a_name_is_compared_with_text() {
        let name = EventName::new("user.created");
        assert!(name == *"user.created" && name == "user.created");
        assert!(name != *"user.renamed" && name != "user.renamed");
    }
}
