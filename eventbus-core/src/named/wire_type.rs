//! Wire types: an event's name, and its version from version 2 on (`user.created.v2`).

use std::fmt;

use super::MalformedName;
use crate::event::{EventName, NameError};

/// A wire type that has been checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct WireType<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: u32,
}

impl<'a> WireType<'a> {
    /// Takes a wire type apart. Version 1 is written without a suffix, and only so.
    pub(crate) fn parse(text: &'a str) -> Result<Self, MalformedName> {
        let malformed = |kind| MalformedName::new(text, kind);
        let last = text.rsplit_once('.').and_then(|(name, last)| Some((name, last.strip_prefix('v')?)));
        let (name, version) = match last {
            Some((name, digits)) if is_number(digits) => match digits.parse() {
                Ok(version @ 2..) if !digits.starts_with('0') => (name, version),
                _ => return Err(malformed(NameError::Version)),
            },
            _ => (text, 1),
        };
        EventName::check(name).map_err(malformed)?;
        Ok(Self { name, version })
    }
}

impl fmt::Display for WireType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            1 => f.write_str(self.name),
            version => write!(f, "{}.v{version}", self.name),
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_last_segment_from_two_on() {
        let parsed = |text| WireType::parse(text).map(|wire| (wire.name.to_owned(), wire.version)).ok();
        assert_eq!(parsed("user.created"), Some(("user.created".into(), 1)));
        assert_eq!(parsed("user.created.v2"), Some(("user.created".into(), 2)));
        assert_eq!(parsed("user.v2.created"), Some(("user.v2.created".into(), 1)));
        for name in ["user.vip", "user.v", "user.v2x"] {
            assert_eq!(parsed(name), Some((name.into(), 1)));
        }
        assert_eq!(parsed("v2"), None);
        for wrong in
            ["user.created.v1", "user.created.v0", "user.created.v02", "user.created.v99999999999", "a..v2", ".v2"]
        {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_parsed_prints_as_it_was() {
        for text in ["user.created", "user.created.v2"] {
            assert_eq!(WireType::parse(text).unwrap().to_string(), text);
        }
    }
}
