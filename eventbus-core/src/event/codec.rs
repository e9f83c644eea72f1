//! How events are written as bytes, and read.

use std::{error::Error, fmt};

use serde::{Serialize, Serializer};

use super::{DecodeError, Decoded, isolate};

/// `BoxError`, which is defined on a higher floor.
type BoxError = Box<dyn Error + Send + Sync>;

/// Writes events as bytes, and reads them: the content of messages over a transport that carries bytes. JSON is built in.
///
/// A bus writes in one codec ([`BusBuilder::codec`](crate::BusBuilder::codec)), and reads JSON, that codec, and others
/// ([`BusBuilder::read_codec`](crate::BusBuilder::read_codec)), each message by its content type.
///
/// The format must describe itself, as CBOR, `MessagePack` and JSON do: a payload is read into a tree of values, from which the event
/// is read. So what is wrong with a payload is told as for JSON: where, and what the type expects there.
///
/// # Errors and panics
///
/// What [`encode`](Self::encode) and [`decode`](Self::decode) return as an error is not shown, since it may quote the event: only
/// that there was one. A panic is an error, too.
///
/// # Examples
///
/// ```
/// # mod eventbus { pub use eventbus_core::*; pub mod codec { pub use eventbus_core::*; } }
/// use eventbus::{BoxError, Bus, codec::{Codec, Decoded, Encodable}};
///
/// /// JSON that people can read.
/// struct Pretty;
///
/// impl Codec for Pretty {
///     fn content_type(&self) -> &'static str {
///         "application/vnd.pretty"
///     }
///     fn encode(&self, event: Encodable<'_>) -> Result<Vec<u8>, BoxError> {
///         Ok(serde_json::to_vec_pretty(&event)?)
///     }
///     fn decode(&self, bytes: &[u8]) -> Result<Decoded, BoxError> {
///         Ok(serde_json::from_slice(bytes)?)
///     }
/// }
///
/// let bus = Bus::builder().codec(Pretty).build();
/// ```
pub trait Codec: Send + Sync + 'static {
    /// The media type of what it writes and reads, such as `application/cbor`. Constant.
    fn content_type(&self) -> &'static str;

    /// Writes an event.
    ///
    /// # Errors
    ///
    /// What went wrong. The event is not published then.
    fn encode(&self, event: Encodable<'_>) -> Result<Vec<u8>, BoxError>;

    /// Reads what [`encode`](Self::encode), or another program, has written.
    ///
    /// # Errors
    ///
    /// What went wrong. The message is a dead letter then.
    fn decode(&self, bytes: &[u8]) -> Result<Decoded, BoxError>;
}

/// An event that a [`Codec`] is to write: serialize it.
#[derive(Clone, Copy)]
pub struct Encodable<'a>(pub(super) &'a dyn erased_serde::Serialize);

impl Serialize for Encodable<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

/// Shows no content: events are not asked for `Debug`, and may hold what logs must not.
impl fmt::Debug for Encodable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encodable").finish_non_exhaustive()
    }
}

/// Reads a payload, whatever its type.
pub(crate) fn read(codec: &dyn Codec, bytes: &[u8]) -> Result<Decoded, DecodeError> {
    // The error is foreign code, and may panic as it is dropped.
    match isolate(|| codec.decode(bytes).map_err(drop)) {
        Ok(decoded) => decoded.map_err(|()| DecodeError::unreadable()),
        Err(_) => Err(DecodeError::codec_panicked()),
    }
}
