//! What a type says of a payload that does not fit it, without the content of the payload.

use std::{
    error::Error,
    fmt::{self, Write as _},
};

use serde::de::{self, Expected, Unexpected};

use super::super::text_of;

/// What is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::event) struct Mismatch {
    pub(in crate::event) problem: Problem,
    /// The innermost first.
    path: Vec<Segment>,
}

/// What is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::event) enum Problem {
    /// The type expects this, and there is something else.
    Expected(String),
    /// A field that the type declares is missing.
    Missing(&'static str),
    /// A field that the type declares is there twice.
    Duplicate(&'static str),
    /// There is a field that is none of these.
    UnknownField(&'static [&'static str]),
    /// There is a variant that is none of these.
    UnknownVariant(&'static [&'static str]),
    /// The type says it in words of its own, which may quote the payload; or it is not known.
    #[default]
    Withheld,
    /// The text is not JSON: `serde_json`'s own words.
    Json(String),
    /// The codec cannot read it; what it says may quote the payload.
    Unreadable,
    /// The codec panicked.
    CodecPanicked,
    /// No codec of the bus reads content of this type.
    ContentType(String),
    /// The type's `Deserialize` panicked.
    Panicked,
}

/// A step into a payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Segment {
    /// A field or variant that the type declares.
    Declared(&'static str),
    /// A key that comes from the payload.
    Key(String),
    Index(usize),
}

impl Segment {
    /// How many bytes a key may have that is shown.
    const MAX_KEY: usize = 64;

    /// A key of the payload: one of those that the type declares, or as much of it as may be shown.
    pub(super) fn of_key(key: &str, declared: &'static [&'static str]) -> Self {
        if let Some(declared) = declared.iter().find(|declared| **declared == key) {
            return Self::Declared(declared);
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let is_shown = (1..=Self::MAX_KEY).contains(&key.len()) && key.bytes().all(is_plain);
        Self::Key(if is_shown { key } else { "?" }.to_owned())
    }
}

impl Mismatch {
    fn new(problem: Problem) -> Self {
        Self { problem, path: Vec::new() }
    }

    pub(super) fn panicked() -> Self {
        Self::new(Problem::Panicked)
    }

    /// The same mismatch, seen from outside of a part of the payload.
    pub(super) fn inside(mut self, segment: Segment) -> Self {
        self.path.push(segment);
        self
    }

    /// Something else than `value` is expected.
    fn expected(value: Unexpected<'_>, expected: &dyn Expected) -> Self {
        /// How many bytes are kept of what a type expects.
        const MAX_EXPECTED: usize = 256;
        /// Shorter values are part of many texts.
        const SHORTEST: usize = 4;

        let expected = text_of(&expected, MAX_EXPECTED);
        let value = match value {
            Unexpected::Str(text) => text.to_owned(),
            Unexpected::Unsigned(number) => number.to_string(),
            Unexpected::Signed(number) => number.to_string(),
            Unexpected::Float(number) => number.to_string(),
            _ => String::new(),
        };
        // A type that puts the value into what it expects shall not show it either.
        let is_quoted = value.len() >= SHORTEST && expected.contains(&*value);
        Self::new(if is_quoted { Problem::Withheld } else { Problem::Expected(expected) })
    }

    /// Where, such as `issue.labels[2].name`; empty for the whole of it.
    pub(in crate::event) fn path(&self) -> String {
        let mut path = String::new();
        for segment in self.path.iter().rev() {
            let dot = if path.is_empty() { "" } else { "." };
            let _ = match segment {
                Segment::Declared(name) => write!(path, "{dot}{name}"),
                Segment::Key(key) => write!(path, "{dot}{key}"),
                Segment::Index(at) => write!(path, "[{at}]"),
            };
        }
        path
    }
}

impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::new(Problem::Withheld)
    }

    fn invalid_type(value: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(value, expected)
    }

    fn invalid_value(value: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(value, expected)
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::expected(Unexpected::Seq, expected)
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownVariant(expected))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownField(expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Problem::Missing(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(Problem::Duplicate(field))
    }
}

impl Error for Mismatch {}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected(expected) => write!(f, "expected {expected}"),
            Self::Missing(field) => write!(f, "missing field `{field}`"),
            Self::Duplicate(field) => write!(f, "duplicate field `{field}`"),
            Self::UnknownField(known) => write!(f, "unknown field, {}", OneOf(known)),
            Self::UnknownVariant(known) => write!(f, "unknown variant, {}", OneOf(known)),
            Self::Withheld => f.write_str("the type refuses it (its text is withheld: it may quote the payload)"),
            Self::Json(text) => f.write_str(text),
            Self::Unreadable => {
                f.write_str("the codec returned an error (its text is withheld: it may quote the payload)")
            }
            Self::CodecPanicked => f.write_str("the codec panicked"),
            Self::ContentType(content_type) => write!(
                f,
                "its content type is `{content_type}`, and this bus has no codec for that; add one with \
                 `Bus::builder().read_codec(..)`"
            ),
            Self::Panicked => f.write_str("the type's `Deserialize` panicked"),
        }
    }
}

/// Names that a type declares, the first of them.
struct OneOf(&'static [&'static str]);

impl fmt::Display for OneOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 12;
        let Self(names) = self;
        if names.is_empty() {
            return f.write_str("expected none");
        }
        f.write_str("expected ")?;
        for (at, name) in names.iter().take(MOST).enumerate() {
            let before = match at {
                0 => "",
                _ if at + 1 == names.len() => " or ",
                _ => ", ",
            };
            write!(f, "{before}`{name}`")?;
        }
        f.write_str(if names.len() > MOST { ", .." } else { "" })
    }
}
