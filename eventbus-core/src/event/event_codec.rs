//! How the events of a type are written by a codec, and read by it.

use std::any::Any;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Codec, DecodeError, Encodable, EncodeError, codec,
    decode::{BoxedEvent, ReadTree, diagnose, read_tree},
    isolate,
};

/// Can be written and read by serde: what `#[event(serde)]` asks of an event. Implemented for all that can.
#[diagnostic::on_unimplemented(
    message = "`{Self}` says `#[event(serde)]` and is not both `Serialize` and `Deserialize`",
    label = "cannot be written and read by serde",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to `{Self}`"
)]
pub trait Serde: Serialize + DeserializeOwned {}
impl<E: Serialize + DeserializeOwned> Serde for E {}

/// How a type's events are written and read, as JSON or by a [`Codec`]. `#[event(serde)]` makes one.
///
/// Only what these three point to is compiled for each event type.
#[derive(Clone, Copy, Debug)]
pub struct EventCodec {
    /// The event, for any serializer; `None` if it is of another type.
    serialize: for<'a> fn(&'a dyn Any) -> Option<&'a dyn erased_serde::Serialize>,
    /// JSON is read straight from its text.
    read_json: fn(&[u8]) -> serde_json::Result<BoxedEvent>,
    read_tree: ReadTree,
}

impl EventCodec {
    /// That of `E`. Panics of its `Serialize` and `Deserialize` are errors.
    pub const fn of<E: Serde + Send + Sync + 'static>() -> Self {
        Self {
            serialize: |event| Some(event.downcast_ref::<E>()?),
            read_json: |json| Ok(Box::new(serde_json::from_slice::<E>(json)?)),
            read_tree: read_tree::<E>,
        }
    }

    /// As a JSON value; `None` if the event is not of the type.
    pub(crate) fn json_value(&self, event: &dyn Any) -> Option<Result<serde_json::Value, EncodeError>> {
        let event = (self.serialize)(event)?;
        Some(written(|| serde_json::to_value(event)))
    }

    /// As JSON text; `None` if the event is not of the type.
    pub(crate) fn json_text(&self, event: &dyn Any) -> Option<Result<Vec<u8>, EncodeError>> {
        let event = (self.serialize)(event)?;
        Some(written(|| serde_json::to_vec(event)))
    }

    pub(crate) fn of_json(&self, json: &[u8]) -> Result<BoxedEvent, DecodeError> {
        match isolate(|| (self.read_json)(json)) {
            Ok(Ok(event)) => Ok(event),
            // Decoded once more to learn what is wrong: to keep track of that costs more than decoding does.
            Ok(Err(error)) => Err(DecodeError::new(&error, || diagnose(json, self.read_tree))),
            Err(_) => Err(DecodeError::panicked()),
        }
    }

    /// As a codec writes it; `None` if the event is not of the type.
    pub(crate) fn encode(&self, codec: &dyn Codec, event: &dyn Any) -> Option<Result<Vec<u8>, EncodeError>> {
        let event = Encodable((self.serialize)(event)?);
        let encoded = isolate(|| {
            // The error is foreign code, and may panic as it is dropped.
            codec.encode(event).map_err(drop)
        });
        Some(match encoded {
            Ok(encoded) => encoded.map_err(|()| EncodeError::of_codec()),
            Err(_) => Err(EncodeError::codec_panicked()),
        })
    }

    pub(crate) fn decode(&self, with: &dyn Codec, bytes: &[u8]) -> Result<BoxedEvent, DecodeError> {
        let tree = codec::read(with, bytes)?;
        tree.event(self.read_tree).map_err(|mismatch| DecodeError::of_mismatch(mismatch, 0, 0))
    }
}

fn written<T>(write: impl FnOnce() -> serde_json::Result<T>) -> Result<T, EncodeError> {
    match isolate(write) {
        Ok(written) => written.map_err(|error| EncodeError::new(&error)),
        Err(_) => Err(EncodeError::panicked()),
    }
}
