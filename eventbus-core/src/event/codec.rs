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
    decode: fn(&[u8]) -> serde_json::Result<BoxedEvent>,
}

impl Codec {
    /// The codec of `E`.
    pub const fn of<E: Event + Serde>() -> Self {
        Self {
            encode: |event| event.downcast_ref::<E>().map(serde_json::to_value),
            decode: |json| serde_json::from_slice::<E>(json).map(|event| Box::new(event) as BoxedEvent),
        }
    }

    /// `None` if the event is not of the codec's type.
    pub(crate) fn encode(&self, event: &dyn Any) -> Option<serde_json::Result<serde_json::Value>> {
        (self.encode)(event)
    }

    pub(crate) fn decode(&self, json: &[u8]) -> serde_json::Result<BoxedEvent> {
        (self.decode)(json)
    }
}
