//! Events as JSON.

use std::any::Any;

use serde::{Serialize, de::DeserializeOwned};

use super::{DecodeError, EncodeError, diagnose::diagnose, isolate};

/// An event whose type is forgotten.
pub(crate) type BoxedEvent = Box<dyn Any + Send + Sync>;

/// Can be written and read by serde: what `#[event(serde)]` asks of an event. Implemented for all that can.
#[diagnostic::on_unimplemented(
    message = "`{Self}` says `#[event(serde)]` and is not both `Serialize` and `Deserialize`",
    label = "cannot be written and read by serde",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to `{Self}`"
)]
pub trait Serde: Serialize + DeserializeOwned {}
impl<E: Serialize + DeserializeOwned> Serde for E {}

/// How a type's events are written and read as JSON. `#[event(serde)]` makes one.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    encode: fn(&dyn Any) -> Option<Result<serde_json::Value, EncodeError>>,
    decode: fn(&[u8]) -> Result<BoxedEvent, DecodeError>,
}

impl Codec {
    /// The codec of `E`. Panics of its `Serialize` and `Deserialize` are errors.
    pub const fn of<E: Serde + Send + Sync + 'static>() -> Self {
        Self {
            encode: |event| {
                let event = event.downcast_ref::<E>()?;
                Some(match isolate(|| serde_json::to_value(event)) {
                    Ok(encoded) => encoded.map_err(|error| EncodeError::new(&error)),
                    Err(_) => Err(EncodeError::panicked()),
                })
            },
            decode: |json| match isolate(|| serde_json::from_slice::<E>(json)) {
                Ok(Ok(event)) => Ok(Box::new(event)),
                // Decoded once more to learn what is wrong: to keep track of that costs more than decoding does.
                Ok(Err(error)) => Err(DecodeError::new(&error, || diagnose::<E>(json))),
                Err(_) => Err(DecodeError::panicked()),
            },
        }
    }

    /// `None` if the event is not of the codec's type.
    pub(crate) fn encode(&self, event: &dyn Any) -> Option<Result<serde_json::Value, EncodeError>> {
        (self.encode)(event)
    }

    pub(crate) fn decode(&self, json: &[u8]) -> Result<BoxedEvent, DecodeError> {
        (self.decode)(json)
    }
}
