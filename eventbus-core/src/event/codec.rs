//! Events as JSON.

use std::any::Any;

use serde::{Serialize, de::DeserializeOwned};

use super::Event;

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
    encode: fn(&dyn Any) -> Option<serde_json::Result<serde_json::Value>>,
    decode: fn(&[u8]) -> Result<BoxedEvent, Undecodable>,
}

impl Codec {
    /// The codec of `E`.
    pub const fn of<E: Event + Serde>() -> Self {
        Self {
            encode: |event| event.downcast_ref::<E>().map(serde_json::to_value),
            decode: |json| match serde_json::from_slice::<E>(json) {
                Ok(event) => Ok(Box::new(event)),
                Err(source) => Err(Undecodable { path: path::<E>(json), source }),
            },
        }
    }

    /// `None` if the event is not of the codec's type.
    pub(crate) fn encode(&self, event: &dyn Any) -> Option<serde_json::Result<serde_json::Value>> {
        (self.encode)(event)
    }

    pub(crate) fn decode(&self, json: &[u8]) -> Result<BoxedEvent, Undecodable> {
        (self.decode)(json)
    }
}

/// JSON that is no event of the codec's type.
pub(crate) struct Undecodable {
    /// Where it differs, such as `issue.labels[2].name`; empty at the root.
    pub(crate) path: String,
    pub(crate) source: serde_json::Error,
}

/// Where `json` differs from an `E`. Reads it once more: to keep track of the path costs more than reading does.
fn path<E: DeserializeOwned>(json: &[u8]) -> String {
    let again: Result<E, _> = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(json));
    let path = again.err().map(|error| error.path().to_string());
    path.filter(|path| path != ".").unwrap_or_default()
}
