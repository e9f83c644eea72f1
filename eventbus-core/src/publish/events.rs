//! Events to messages, and back.

use super::{PublishError, failed::kind_of, sending::Rejected};
use crate::{
    event::IntoEvent,
    transport::{Content, Message, SharedEvent},
};

/// The content of a message with this event.
pub(super) fn content_of<I: IntoEvent>(event: I) -> Content {
    Content::Shared(SharedEvent { event: event.into_arc(), kind: kind_of::<I::Event>() })
}

/// The event of a message that was not published; `None` if a transport that carries events themselves still holds it.
pub(super) fn back_of<I: IntoEvent>(message: Message) -> Option<I> {
    message.into_event()
}

pub(super) fn error_of<I: IntoEvent>(Rejected { why, message }: Rejected) -> PublishError<I> {
    let id = message.id();
    PublishError::new(why, id, back_of(message))
}
