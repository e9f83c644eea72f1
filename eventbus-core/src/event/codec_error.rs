//! Why JSON does not decode, or an event does not encode: without a value of the payload.

use std::{error::Error, fmt};

use serde_json::error::Category;

use super::{
    CUT,
    diagnose::{Mismatch, Problem},
};

/// Why JSON does not decode as an event.
///
/// It says what kind of error it is, where in the payload, and what the type expects there. It never shows or keeps a value
/// of the payload, which may be a secret and may be large: not in `Display`, not in `Debug`, and it has no source. For that
/// reason the message of a `Deserialize` of your own is not shown either.
///
/// # Examples
///
/// ```
/// # use eventbus_core::{Bus, ByNameError, Codec, DecodeCategory, Event, EventName};
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct UserCreated { id: u64 }
/// # impl Event for UserCreated {
/// #     const NAME: EventName = EventName::new("user.created");
/// #     fn __codec() -> Option<&'static Codec> { const { Some(&Codec::of::<UserCreated>()) } }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bus = Bus::new();
/// bus.declare::<UserCreated>()?;
/// let error = bus.emit_json("user.created", r#"{"id": "hunter2"}"#).unwrap_err();
/// let ByNameError::Payload { source, .. } = error else { return Err(error.into()) };
/// assert_eq!(source.category(), DecodeCategory::Data);
/// assert_eq!((source.path(), source.expected()), ("id", Some("u64")));
/// assert_eq!(source.to_string(), "at `id`: expected u64, line 1 column 16");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    category: DecodeCategory,
    path: String,
    problem: Problem,
    line: usize,
    column: usize,
}

/// What kind of error a [`DecodeError`] is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DecodeCategory {
    /// The text is not JSON.
    Syntax,
    /// The text ends too early.
    Eof,
    /// It is JSON of another shape than the type's: another type, a missing or unknown field, a value that the type refuses.
    Data,
    /// The type's `Deserialize` panicked.
    Panicked,
}

impl DecodeError {
    /// How many bytes of a path are kept.
    const MAX_PATH: usize = 256;

    /// What `serde_json` says of text that was to be JSON of any shape.
    pub(crate) fn of_json(error: &serde_json::Error) -> Self {
        Self::new(error, || None)
    }

    /// What `serde_json` says, and, if the shape is wrong, what the type says.
    pub(super) fn new(error: &serde_json::Error, diagnose: impl FnOnce() -> Option<Mismatch>) -> Self {
        let (line, column) = (error.line(), error.column());
        let category = match error.classify() {
            Category::Data => DecodeCategory::Data,
            Category::Eof => DecodeCategory::Eof,
            Category::Syntax | Category::Io => DecodeCategory::Syntax,
        };
        if category == DecodeCategory::Data {
            let mismatch = diagnose().unwrap_or_default();
            let mut path = mismatch.path();
            if path.len() > Self::MAX_PATH {
                path.truncate(path.floor_char_boundary(Self::MAX_PATH));
                path.push_str(CUT);
            }
            return Self(Box::new(Inner { category, path, problem: mismatch.problem, line, column }));
        }
        // These texts are serde_json's own, and have no values in them.
        let text = error.to_string();
        let text = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text).to_owned();
        Self(Box::new(Inner { category, path: String::new(), problem: Problem::Json(text), line, column }))
    }

    pub(super) fn panicked() -> Self {
        let (category, path) = (DecodeCategory::Panicked, String::new());
        Self(Box::new(Inner { category, path, problem: Problem::Panicked, line: 0, column: 0 }))
    }

    /// What kind of error it is.
    pub fn category(&self) -> DecodeCategory {
        self.0.category
    }

    /// Where in the payload, such as `issue.labels[2].name`; empty for the whole of it, or where that is not known.
    ///
    /// Keys that the type does not declare are shown if they have at most 64 letters, digits, `_` and `-`, else as `?`. At most
    /// 256 bytes are kept.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What the type expects there, such as `u64` or `a sequence`, if it says so.
    pub fn expected(&self) -> Option<&str> {
        if let Problem::Expected(expected) = &self.0.problem { Some(expected) } else { None }
    }

    /// The line in which decoding ended, from 1; 0 if not known.
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// The byte of the line at which decoding ended, from 1; 0 if not known.
    pub fn column(&self) -> usize {
        self.0.column
    }
}

/// Prints as ``at `issue.number`: expected u64, line 1 column 30``.
impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { path, problem, line, column, .. } = &*self.0;
        if !path.is_empty() {
            write!(f, "at `{path}`: ")?;
        }
        write!(f, "{problem}")?;
        if *line > 0 {
            write!(f, ", line {line} column {column}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({:?}: {self})", self.0.category)
    }
}

impl Error for DecodeError {}

/// Why an event does not encode as JSON.
///
/// It does not show what a `Serialize` of your own says, which may quote the event, nor what it panics with.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(EncodeProblem);

#[derive(Clone, PartialEq, Eq)]
enum EncodeProblem {
    /// `serde_json`'s own text.
    Json(String),
    /// The type's `Serialize` returned an error.
    Refused,
    /// The type's `Serialize` panicked.
    Panicked,
}

impl EncodeError {
    pub(super) fn new(error: &serde_json::Error) -> Self {
        Self(if error.is_data() { EncodeProblem::Refused } else { EncodeProblem::Json(error.to_string()) })
    }

    pub(super) fn panicked() -> Self {
        Self(EncodeProblem::Panicked)
    }

    /// Whether the type's `Serialize` panicked.
    pub fn is_panic(&self) -> bool {
        self.0 == EncodeProblem::Panicked
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            EncodeProblem::Json(text) => text,
            EncodeProblem::Refused => {
                "the type's `Serialize` returned an error (its text is withheld: it may quote the event)"
            }
            EncodeProblem::Panicked => "the type's `Serialize` panicked",
        })
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodeError({self})")
    }
}

impl Error for EncodeError {}
