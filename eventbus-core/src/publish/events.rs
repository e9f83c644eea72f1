//! Events to messages, and back.

use super::{error::Why, failed::kind_of, sending::Rejected};
use crate::{
    call::MessageId,
    event::{Event, IntoEvent},
    transport::{Content, Message, MessageKind, PublishedEvent},
};

impl<E: Event> PublishedEvent for E {
    fn kind(&self) -> &'static MessageKind {
        kind_of::<E>()
    }
}

/// The content of a message with this event.
pub(super) fn content_of<I: IntoEvent>(event: I) -> Content {
    Content::Event(event.into_arc())
}

/// The event of a message that was not published; `None` if a transport that carries events themselves still holds it.
pub(super) fn back_of<I: IntoEvent>(message: Message) -> Option<I> {
    message.into_event()
}

/// What an error is made of.
pub(super) fn parts_of<I: IntoEvent>(Rejected { why, message }: Rejected) -> (Why, MessageId, Option<I>) {
    (why, message.id(), back_of(message))
}
