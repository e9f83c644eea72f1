//! Floor 7: what carries published messages. The contract between the bus and a transport, and the messages on it.
//!
//! Its clauses are in `clauses.md`, and part of the docs of [`Transport`].

mod capabilities;
mod content;
mod contract;
#[cfg(feature = "serde")]
mod data;
#[cfg(feature = "serde")]
mod format;
mod group;
mod health;
mod info;
mod lease;
mod letter;
mod message;
mod ordering;
mod refusal;
mod reports;
mod schedule;
#[cfg(feature = "serde")]
mod wire;
#[cfg(feature = "serde")]
mod write_error;

pub use capabilities::{Capabilities, Durability};
pub(crate) use content::{Content, ContentRef, FailedFn, MessageKind, PublishedEvent};
pub use contract::{Answer, BoxFuture, Read, Source, Transport};
#[cfg(feature = "serde")]
pub(crate) use data::Data;
#[cfg(feature = "serde")]
pub(crate) use format::Format;
pub use group::{GroupSpec, GroupState, NoSuchGroup, Overflow, Start, Wants};
pub use health::TransportHealth;
pub use lease::{LeaseId, Leased, Settlement, Unsettled};
pub use letter::{Letter, LetterEnd, LetterError, LetterId, LetterPage, LetterQuery};
pub use message::Message;
pub use ordering::Ordering;
pub use refusal::Refusal;
pub(crate) use reports::ReportSink;
pub use reports::{Operation, TransportError, TransportReports, Unrouted};
pub(crate) use schedule::Schedule;
#[cfg(feature = "serde")]
pub use wire::MalformedMessage;
#[cfg(feature = "serde")]
pub use write_error::WriteError;
