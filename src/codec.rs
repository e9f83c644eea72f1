//! Events as bytes: the codec of an event type, formats on the wire, and what does not decode or encode.

pub use eventbus_core::{
    Codec, DecodeCategory, DecodeError, Decoded, Encodable, EncodeError, EventCodec, Json, JsonError, Serde,
};
