//! Events as JSON.

use std::any::Any;

use serde::{Serialize, de::DeserializeOwned};

use super::Event;

/// An event whose type is forgotten.
pub(crate) type BoxedEvent = Box<dyn Any + Send + Sync>;

/// How a type's events are written and read as JSON. `#[event(serde)]` makes one.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    encode: fn(&dyn Any) -> Option<serde_json::Result<serde_json::Value>>,
    decode: fn(&[u8]) -> serde_json::Result<BoxedEvent>,
}

impl Codec {
    /// The codec of `E`.
    pub const fn of<E: Event + Serialize + DeserializeOwned>() -> Self {
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
