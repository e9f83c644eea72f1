//! Emitting JSON by name.

use std::{any::Any, borrow::Cow, sync::Arc};

use super::{ReadJsonError, wire_type::WireType};
use crate::{
    call::UnclaimedContent,
    emission::{Bus, EmitAny},
    event::{DecodeError, EventType},
    listener::Subject,
};

/// JSON text, not yet read: what `Bus::emit_json` takes. Made from text, bytes, or a `serde_json` value.
#[derive(Clone, Debug)]
pub struct Json<'a>(Cow<'a, [u8]>);

/// JSON that came under a name, read.
pub(crate) enum ReadJson {
    /// No type claims the name.
    Unclaimed(Subject, Arc<str>),
    /// An event of the type that claims it.
    Typed(&'static EventType, Box<dyn Any + Send + Sync>),
}

impl Bus {
    /// Emits JSON under a name, with its version where that is not 1 (`user.created.v2`).
    ///
    /// If a type has claimed the name, the payload is decoded as that type (`#[event(serde)]`) and its listeners get it
    /// as if it had been emitted typed. Under a name that no type claims it goes, as JSON, to the listeners by pattern that
    /// match.
    ///
    /// The payload's size and nesting are checked before it is read; see `max_payload` and `max_nesting` of
    /// [`BusBuilder`](crate::BusBuilder).
    ///
    /// # Errors
    ///
    /// [`ReadJsonError`]: [`Name`](ReadJsonError::Name) if the name is malformed,
    /// [`UnknownVersion`](ReadJsonError::UnknownVersion) if it is known but not in this version,
    /// [`TooLarge`](ReadJsonError::TooLarge) and [`TooDeep`](ReadJsonError::TooDeep) if the payload is beyond the limits of the bus,
    /// [`NoCodec`](ReadJsonError::NoCodec) if the name's type cannot be read from JSON,
    /// [`Payload`](ReadJsonError::Payload) if this payload cannot, [`Ambiguous`](ReadJsonError::Ambiguous) if several types
    /// share the name. Nothing has been emitted then. A type's `Deserialize` that panics is a `Payload` error, too. What is wrong
    /// with a payload is described by its [`DecodeError`], which shows no value of it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::Bus;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// bus.on_pattern("issues.*", |e| println!("{}: {:?}", e.name(), e.to_json()))?;
    ///
    /// let report = bus.emit_json("issues.opened", r#"{"number": 7}"#)?.blocking();
    /// assert_eq!(report.succeeded(), 1);
    /// assert!(bus.emit_json("issues.opened", "{").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn emit_json<'a>(&self, name: &str, json: impl Into<Json<'a>>) -> Result<EmitAny<'_>, ReadJsonError> {
        Ok(match self.read_json(name, json)? {
            ReadJson::Unclaimed(subject, json) => self.emit_unclaimed(subject, UnclaimedContent::Json(json)),
            ReadJson::Typed(event, value) => self.emit_as(event, Arc::from(value)),
        })
    }

    /// Finds the type of a name, and decodes the payload.
    pub(crate) fn read_json<'a>(&self, name: &str, json: impl Into<Json<'a>>) -> Result<ReadJson, ReadJsonError> {
        let wire = WireType::parse(name)?;
        let claims = self.claims(wire)?;
        let json = json.into().0;
        self.check_limits(wire, &json)?;
        let undecodable = |rust_type, source: DecodeError| {
            let path = source.path().to_owned();
            ReadJsonError::Payload { name: wire.to_string(), rust_type, path, source }
        };
        match claims[..] {
            [] => {
                let json: &serde_json::value::RawValue =
                    serde_json::from_slice(&json).map_err(|error| undecodable(None, DecodeError::of_json(&error)))?;
                Ok(ReadJson::Unclaimed(wire.subject(), Arc::from(json.get())))
            }
            [event] => {
                let rust_type = event.rust_type();
                let Some(codec) = event.codec() else {
                    return Err(ReadJsonError::NoCodec { name: wire.to_string(), rust_type });
                };
                let value = codec.of_json(&json).map_err(|error| undecodable(Some(rust_type), error))?;
                Ok(ReadJson::Typed(event, value))
            }
            _ => {
                let types = claims.iter().map(|event| event.rust_type()).collect();
                Err(ReadJsonError::Ambiguous { name: wire.to_string(), types })
            }
        }
    }

    fn check_limits(&self, wire: WireType<'_>, json: &[u8]) -> Result<(), ReadJsonError> {
        let (max_payload, max_nesting) = self.payload_limits();
        if json.len() > max_payload {
            return Err(ReadJsonError::TooLarge { name: wire.to_string(), size: json.len(), limit: max_payload });
        }
        if nesting(json) > max_nesting {
            return Err(ReadJsonError::TooDeep { name: wire.to_string(), limit: max_nesting });
        }
        Ok(())
    }
}

/// How deep arrays and objects are nested. Of what is not JSON it need not be right: the parser will refuse that.
fn nesting(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

impl<'a> From<&'a [u8]> for Json<'a> {
    fn from(json: &'a [u8]) -> Self {
        Self(Cow::Borrowed(json))
    }
}

impl<'a> From<&'a Vec<u8>> for Json<'a> {
    fn from(json: &'a Vec<u8>) -> Self {
        Self(Cow::Borrowed(json))
    }
}

impl<'a> From<&'a str> for Json<'a> {
    fn from(json: &'a str) -> Self {
        Self(Cow::Borrowed(json.as_bytes()))
    }
}

impl<'a> From<&'a String> for Json<'a> {
    fn from(json: &'a String) -> Self {
        Self(Cow::Borrowed(json.as_bytes()))
    }
}

impl<'a> From<&'a serde_json::value::RawValue> for Json<'a> {
    fn from(json: &'a serde_json::value::RawValue) -> Self {
        json.get().into()
    }
}

impl<'a> From<&'a Box<serde_json::value::RawValue>> for Json<'a> {
    fn from(json: &'a Box<serde_json::value::RawValue>) -> Self {
        json.get().into()
    }
}

impl From<&serde_json::Value> for Json<'_> {
    fn from(json: &serde_json::Value) -> Self {
        Self(Cow::Owned(json.to_string().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert_eq!(nesting(br#"{"a": "[[[\"[[", "b": [1, {"c": []}]}"#), 4);
        assert_eq!(nesting(br#"["]]", [["}"]]]"#), 3);
        assert_eq!(nesting(b"7"), 0);
    }

    #[test]
    fn what_has_been_closed_does_not_nest() {
        assert_eq!(nesting(b"[[], [], {}, [{}, {}]]"), 3);
        assert_eq!(nesting(b"]][["), 2);
    }
}
