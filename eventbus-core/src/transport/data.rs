//! An event in bytes, as a message carries it.

use std::{any::Any, sync::Arc};

use super::{format::Format, write_error::WriteError};
use crate::{
    event::{EventType, read_with},
    listener::{BoxError, Subject},
};

/// An event that has not been decoded.
pub(crate) struct Data {
    pub(crate) subject: Subject,
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) format: Format,
}

impl Data {
    /// Decodes an event of a known type.
    pub(crate) fn event(&self, event: &'static EventType) -> Result<Arc<dyn Any + Send + Sync>, BoxError> {
        let Some(codec) = event.codec() else {
            return Err(WriteError::NoCodec { name: event.wire_type().to_string() }.into());
        };
        Ok(Arc::from(match self.format.codec()? {
            None => codec.of_json(&self.bytes)?,
            Some(with) => codec.decode(with, &self.bytes)?,
        }))
    }

    /// The event as JSON text, whatever it is in.
    pub(super) fn as_json(&self) -> Result<Arc<str>, BoxError> {
        let Some(codec) = self.format.codec()? else { return Ok(std::str::from_utf8(&self.bytes)?.into()) };
        let json = serde_json::to_string(&read_with(codec, &self.bytes)?);
        // Its own words may quote the payload.
        Ok(json.map_err(|_| "it has keys that JSON cannot have")?.into())
    }
}
