//! Floor 8: publish and consume. The same events, handed to a transport and consumed later by groups of handlers.

mod answer;
mod batch;
#[cfg(feature = "serde")]
mod codecs;
mod consumer;
mod counts;
mod dead_letter;
mod dead_letters;
mod drain;
mod error;
mod events;
mod failed;
mod failed_attempt;
mod gather;
mod groups;
#[cfg(feature = "serde")]
mod json;
mod ledger;
mod notices;
mod outbox;
#[expect(clippy::module_inception, reason = "the verb that the floor is named after")]
mod publish;
mod publishing;
mod returned;
mod sending;
mod settings;
mod shutdown;
mod shutdown_report;
mod stats;
mod stream;
mod unrouted;
mod upcast;

pub use batch::PublishAll;
#[cfg(feature = "rate-limit")]
pub use consumer::Rate;
pub use consumer::{
    AttemptError, Batch, BatchHandlerFn, BatchReturn, Consumer, ConsumerBuilder, ConsumerError, ConsumerHealth,
    Delivery, Handler, HandlerFn, KeyFn, NameHandlerFn, NameStateHandlerFn, NoHandlerState, RemoveError, Retry,
    StateHandlerFn, StopReport, Unfinished, Unhandled, WithState,
};
pub use counts::{Deliveries, GroupStats, Published};
pub use dead_letter::DeadLetter;
pub use dead_letters::{DeadLetterError, DeadLetterPage, DeadLetters, ReplayError};
pub use drain::NotDrained;
pub use error::PublishError;
pub use failed::Failed;
pub use failed_attempt::FailedAttempt;
pub use groups::BusHealth;
#[cfg(feature = "serde")]
pub use json::PublishJson;
pub use notices::Notice as PublishNotice;
pub use publish::Publish;
pub(crate) use publishing::Publishing;
pub use returned::{Returned as ReturnedMessage, Unconsumed};
pub(crate) use settings::Settings;
pub use shutdown_report::ShutdownReport;
pub use stats::Stats;
pub use stream::{EventStream, Lagged, Next, NoEvent, StreamFull};
pub use unrouted::UnroutedEvent;
pub use upcast::UpcastError;

use crate::event::EventType;

/// Whether the events of a type can be encoded.
#[cfg(feature = "serde")]
fn has_codec(event: &EventType) -> bool {
    event.has_codec()
}

#[cfg(not(feature = "serde"))]
fn has_codec(_event: &EventType) -> bool {
    false
}
