//! Floor 0: what an event is. Knows nothing of buses and listeners.

#[cfg(feature = "serde")]
mod codec;
#[cfg(feature = "serde")]
mod codec_error;
mod debug;
#[cfg(feature = "serde")]
mod decode;
mod descriptor;
#[expect(clippy::module_inception, reason = "the trait that the folder is named after")]
mod event;
#[cfg(feature = "serde")]
mod event_codec;
#[cfg(not(all(feature = "serde", feature = "rate-limit")))]
mod features;
mod isolate;
mod name;
#[cfg(feature = "schema")]
mod schema;
mod text;

#[cfg(feature = "serde")]
pub(crate) use codec::read as read_with;
#[cfg(feature = "serde")]
pub use codec::{Codec, Encodable};
#[cfg(feature = "serde")]
pub use codec_error::{DecodeCategory, DecodeError, EncodeError};
#[doc(hidden)]
pub use debug::{DebugFn, DebugOf, NoDebug};
#[cfg(feature = "serde")]
pub use decode::Decoded;
pub use descriptor::{EventType, Field};
pub(crate) use event::number_of;
pub use event::{Event, IntoEvent};
#[cfg(feature = "serde")]
pub use event_codec::{EventCodec, Serde};
#[cfg(not(feature = "rate-limit"))]
pub(crate) use features::FeatureRateLimit;
#[cfg(not(feature = "serde"))]
pub(crate) use features::FeatureSerde;
pub(crate) use isolate::{isolate, panic_message};
pub use name::{EventName, NameError};
#[cfg(feature = "schema")]
pub use schema::{HasSchema, Schema};
pub(crate) use text::{CUT, OneLine, text_of};
