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

/// The event of a message that was not published. Nobody else may hold it; see [`Transport`](crate::Transport), T5.
pub(super) fn back_of<I: IntoEvent>(message: Message) -> Option<I> {
    let event = message.into_event();
    assert!(event.is_some(), "the transport has kept a message that it refused: clause T5 forbids it");
    event
}

pub(super) fn error_of<I: IntoEvent>(Rejected { why, message }: Rejected) -> PublishError<I> {
    let id = message.id();
    let Some(event) = back_of(message) else { unreachable!("checked there") };
    PublishError::new(why, id, event)
}
