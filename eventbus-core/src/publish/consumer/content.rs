//! Reading the event of a message.

use std::{any::Any, sync::Arc};

use super::AttemptError;
use crate::{
    call::AnyEvent,
    event::{Event, EventType},
    listener::BoxError,
    transport::{Content, Message},
};

/// The event of a message that is handled by its name.
pub(super) fn any_event(message: &Message) -> Result<AnyEvent<'static>, AttemptError> {
    let content = message.as_content().map_err(|error| AttemptError::Undecodable(error.into()))?;
    Ok(AnyEvent::of_content(message.subject(), content))
}

/// The event of a message that is handled by its type.
pub(super) fn event_of<E: Event>(message: &Message) -> Result<Arc<E>, AttemptError> {
    match message.content() {
        Content::Shared(shared) => Ok(downcast(Arc::clone(&shared.event))),
        other => Ok(downcast(shared_of(E::TYPE, other.clone())?)),
    }
}

/// The event as its type.
pub(super) fn downcast<E: Event>(event: Arc<dyn Any + Send + Sync>) -> Arc<E> {
    match event.downcast() {
        Ok(event) => event,
        Err(_) => unreachable!("handlers of a type are found by the type"),
    }
}

/// The event of a message's content.
pub(super) fn shared_of(
    event: &'static EventType,
    content: Content,
) -> Result<Arc<dyn Any + Send + Sync>, AttemptError> {
    let undecodable = |error: BoxError| AttemptError::Undecodable(error.into());
    match content {
        Content::Shared(shared) => Ok(shared.event),
        #[cfg(feature = "serde")]
        Content::Data(data) => data.event(event).map_err(undecodable),
        Content::Malformed(_) => {
            let text = format!("it is no message, and so no `{}`", event.wire_type());
            Err(undecodable(text.into()))
        }
    }
}
