//! Floor 8: publishing. Events become messages and are handed to a transport; streams; what is counted of both.

// First in the docs of `Bus`.
#[expect(clippy::module_inception, reason = "the verb that the floor is named after")]
mod publish;

mod answer;
mod attempt_error;
mod batch;
#[cfg(feature = "serde")]
mod codecs;
mod counts;
mod dead_letter;
mod dead_letter_error;
mod dead_letters;
mod error;
mod events;
mod failed;
mod gather;
#[cfg(feature = "serde")]
mod json;
mod ledger;
mod notices;
mod outbox;
mod publishing;
mod sending;
mod settings;
mod stream;
mod unrouted;
mod upcast;

pub(crate) use answer::{Contained, asked, isolated};
pub use attempt_error::AttemptError;
pub use batch::PublishAll;
pub use counts::{Deliveries, GroupStats, Published};
pub use dead_letter::DeadLetter;
pub(crate) use dead_letter::DeadStore;
pub use dead_letter_error::{DeadLetterError, DiscardError, ReplayError, ReplayWhereError};
pub use dead_letters::{DeadLetterPage, DeadLetters};
#[cfg(feature = "serde")]
pub use error::PublishJsonError;
pub use error::{PublishAllError, PublishError, TryPublishError};
pub use failed::Failed;
pub(crate) use failed::{FAILED, kind_of};
pub(crate) use gather::PublishCounts;
#[cfg(feature = "serde")]
pub use json::PublishJson;
pub(crate) use ledger::GroupLedger;
pub(crate) use notices::Notices;
pub use publish::Publish;
pub(crate) use publishing::Publishing;
pub(crate) use settings::Settings;
pub use stream::{EventStream, Lagged, Next, NoEvent, Recv, StreamFull};
pub use unrouted::UnroutedEvent;
pub use upcast::UpcastError;
pub(crate) use upcast::{Shared as SharedUpcasts, Upcast};

use crate::event::EventType;

/// Whether the events of a type can be encoded.
#[cfg(feature = "serde")]
pub(crate) fn has_codec(event: &EventType) -> bool {
    event.has_codec()
}

#[cfg(not(feature = "serde"))]
pub(crate) fn has_codec(_event: &EventType) -> bool {
    false
}
