//! Why a payload does not decode, or an event does not encode. The errors hold no value of the payload.

use std::{error::Error, fmt};

use serde_json::error::Category;

use super::{
    CUT,
    decode::{Mismatch, Problem},
};

/// Why a payload does not decode as an event.
///
/// It says what kind of error it is, where in the payload, and what the type expects there. It never shows or keeps a value
/// of the payload, which may be a secret and may be large: not in `Display`, not in `Debug`, and it has no source. For that
/// reason the message of a `Deserialize` of your own is not shown either.
///
/// # Examples
///
/// ```
/// # use eventbus_core::{Bus, ReadJsonError, DecodeCategory, Event, EventCodec, EventName};
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct UserCreated { id: u64 }
/// # impl Event for UserCreated {
/// #     const NAME: EventName = EventName::new("user.created");
/// #     fn __codec() -> Option<&'static EventCodec> { const { Some(&EventCodec::of::<UserCreated>()) } }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bus = Bus::new();
/// bus.declare::<UserCreated>()?;
/// let error = bus.emit_json("user.created", r#"{"id": "hunter2"}"#).unwrap_err();
/// let ReadJsonError::Payload { source, .. } = error else { return Err(error.into()) };
/// assert_eq!(source.category(), DecodeCategory::Data);
/// assert_eq!((source.path(), source.expected()), ("id", Some("u64")));
/// assert_eq!(source.to_string(), "at `id`: expected u64, line 1 column 16");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<DecodeDetails>);

#[derive(Clone, PartialEq, Eq)]
struct DecodeDetails {
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
    /// It is not of its format: the text is not JSON, or the codec does not read it.
    Syntax,
    /// The JSON text ends too early.
    Eof,
    /// It is of another shape than the type's: another type, a missing or unknown field, a value that the type refuses.
    Data,
    /// No codec of the bus reads its content type.
    ContentType,
    /// The type's `Deserialize`, or the codec, panicked.
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
            return Self::of_mismatch(diagnose().unwrap_or_default(), line, column);
        }
        // These texts are serde_json's own, and have no values in them.
        let text = error.to_string();
        let text = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text).to_owned();
        Self(Box::new(DecodeDetails { category, path: String::new(), problem: Problem::Json(text), line, column }))
    }

    /// What a type says of a payload.
    pub(super) fn of_mismatch(mismatch: Mismatch, line: usize, column: usize) -> Self {
        let mut path = mismatch.path();
        if path.len() > Self::MAX_PATH {
            path.truncate(path.floor_char_boundary(Self::MAX_PATH));
            path.push_str(CUT);
        }
        let is_panic = mismatch.problem == Problem::Panicked;
        let category = if is_panic { DecodeCategory::Panicked } else { DecodeCategory::Data };
        Self(Box::new(DecodeDetails { category, path, problem: mismatch.problem, line, column }))
    }

    pub(super) fn panicked() -> Self {
        Self::whole(DecodeCategory::Panicked, Problem::Panicked)
    }

    /// The codec has returned an error, which is not kept.
    pub(super) fn unreadable() -> Self {
        Self::whole(DecodeCategory::Syntax, Problem::Unreadable)
    }

    pub(super) fn codec_panicked() -> Self {
        Self::whole(DecodeCategory::Panicked, Problem::CodecPanicked)
    }

    /// Nobody reads content of this type.
    pub(crate) fn unknown_content_type(content_type: &str) -> Self {
        /// How many bytes of it are shown. It comes from outside.
        const MAX: usize = 64;
        let cut = &content_type[..content_type.floor_char_boundary(MAX)];
        let more = if cut.len() < content_type.len() { CUT } else { "" };
        let text = format!("{}{more}", cut.escape_debug());
        Self::whole(DecodeCategory::ContentType, Problem::ContentType(text))
    }

    /// An error of the payload as a whole.
    fn whole(category: DecodeCategory, problem: Problem) -> Self {
        Self(Box::new(DecodeDetails { category, path: String::new(), problem, line: 0, column: 0 }))
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
        let DecodeDetails { path, problem, line, column, .. } = &*self.0;
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

/// Why an event does not encode.
///
/// It does not show what a `Serialize` or a codec of your own says, which may quote the event, nor what it panics with.
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
    /// The codec, or the type's `Serialize` in it, returned an error.
    Codec,
    /// The codec, or the type's `Serialize` in it, panicked.
    CodecPanicked,
}

impl EncodeError {
    pub(super) fn new(error: &serde_json::Error) -> Self {
        Self(if error.is_data() { EncodeProblem::Refused } else { EncodeProblem::Json(error.to_string()) })
    }

    pub(super) fn panicked() -> Self {
        Self(EncodeProblem::Panicked)
    }

    pub(super) fn of_codec() -> Self {
        Self(EncodeProblem::Codec)
    }

    pub(super) fn codec_panicked() -> Self {
        Self(EncodeProblem::CodecPanicked)
    }

    /// Whether the type's `Serialize`, or the codec, panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.0, EncodeProblem::Panicked | EncodeProblem::CodecPanicked)
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
            EncodeProblem::Codec => {
                "the codec, or the type's `Serialize`, returned an error (its text is withheld: it may quote the event)"
            }
            EncodeProblem::CodecPanicked => "the codec, or the type's `Serialize`, panicked",
        })
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodeError({self})")
    }
}

impl Error for EncodeError {}
