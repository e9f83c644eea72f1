//! What the bytes of a message are: JSON, or what a codec has written.

use std::sync::Arc;

use crate::event::{Codec, DecodeError};

/// In what format a message's event is.
#[derive(Clone)]
pub(crate) enum Format {
    /// JSON, which needs no codec.
    Json,
    /// What this codec reads.
    Of(Arc<dyn Codec>),
    /// What another program says, until the codec is found; without parameters.
    Named(Arc<str>),
}

impl Format {
    pub(super) const JSON: &'static str = "application/json";

    /// The format of a content type that comes from outside.
    pub(super) fn named(content_type: &str) -> Self {
        let media_type = media_type(content_type);
        // Most say exactly that.
        if media_type == Self::JSON || media_type.is_empty() { Self::Json } else { Self::Named(media_type.into()) }
    }

    pub(super) fn content_type(&self) -> &str {
        match self {
            Self::Json => Self::JSON,
            Self::Of(codec) => codec.content_type(),
            Self::Named(content_type) => content_type,
        }
    }

    /// The codec of a bus that reads it.
    pub(super) fn find(&self, codecs: &[Arc<dyn Codec>]) -> Option<Arc<dyn Codec>> {
        let reads =
            |codec: &&Arc<dyn Codec>| media_type(codec.content_type()).eq_ignore_ascii_case(self.content_type());
        codecs.iter().find(reads).cloned()
    }

    /// The codec that reads it; `None` for JSON.
    pub(super) fn codec(&self) -> Result<Option<&dyn Codec>, DecodeError> {
        match self {
            Self::Json => Ok(None),
            Self::Of(codec) => Ok(Some(&**codec)),
            Self::Named(name) if is_json(name) => Ok(None),
            Self::Named(name) => Err(DecodeError::unknown_content_type(name)),
        }
    }
}

/// A content type without its parameters, such as `charset`.
fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether a media type is JSON, or built upon it (RFC 6839).
fn is_json(media_type: &str) -> bool {
    let media_type = media_type.to_ascii_lowercase();
    matches!(&*media_type, Format::JSON | "text/json") || media_type.ends_with("+json")
}
