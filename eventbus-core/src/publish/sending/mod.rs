//! How an event is offered to the transport, sent, waited for, and handed back: the same for what is published typed and by name,
//! and compiled once for all event types.

mod batch;
mod fairness;
mod guard;
mod options;
mod poll;
#[expect(clippy::module_inception, reason = "what the folder is named after")]
mod sending;
mod wait;

pub(super) use batch::SendingAll;
pub(super) use options::{Limit, When};
pub(super) use sending::{Rejected, Sending};
