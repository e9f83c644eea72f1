//! Reading the event of a message.

use std::{any::Any, sync::Arc};

use super::versions::{Versions, read_through};
use crate::{
    call::AnyEvent,
    event::{Event, EventType},
    listener::BoxError,
    publish::AttemptError,
    transport::{ContentRef, Message},
};

/// The event of a message that is handled by its name.
pub(super) fn any_event(message: &Message) -> Result<AnyEvent<'static>, AttemptError> {
    let content = message.as_content().map_err(|error| AttemptError::Undecodable(error.into()))?;
    Ok(AnyEvent::of_content(message.subject(), content))
}

/// The event of a message that is handled by its type.
#[inline]
pub(super) fn event_of<E: Event>(message: &Message, versions: &Versions) -> Result<Arc<E>, AttemptError> {
    shared_of(E::TYPE, message, versions).map(downcast)
}

/// The event of a message, if it takes no foreign code: the message carries the event itself, as that type.
#[inline]
pub(super) fn shared_event<E: Event>(message: &Message, versions: &Versions) -> Option<Arc<E>> {
    message.as_shared().filter(|_| versions.is_empty()).map(|shared| downcast(shared.to_arc()))
}

/// The event as its type.
#[inline]
pub(super) fn downcast<E: Event>(event: Arc<dyn Any + Send + Sync>) -> Arc<E> {
    match event.downcast() {
        Ok(event) => event,
        Err(_) => unreachable!("handlers of a type are found by the type"),
    }
}

/// The event of a message, as one of a type.
#[inline]
pub(super) fn shared_of(
    event: &'static EventType,
    message: &Message,
    versions: &Versions,
) -> Result<Arc<dyn Any + Send + Sync>, AttemptError> {
    match message.as_shared() {
        Some(shared) if versions.is_empty() => Ok(shared.to_arc()),
        _ => read(event, message, versions),
    }
}

/// The same where that takes foreign code: a codec's, or that of an upcast.
fn read(
    event: &'static EventType,
    message: &Message,
    versions: &Versions,
) -> Result<Arc<dyn Any + Send + Sync>, AttemptError> {
    let steps = versions.steps(message);
    let undecodable = |error: BoxError| AttemptError::Undecodable(error.into());
    let published = match message.content() {
        ContentRef::Shared(shared) => shared.to_arc(),
        #[cfg(feature = "serde")]
        ContentRef::Data(data) => data.event(steps.first().map_or(event, |first| first.from)).map_err(undecodable)?,
        ContentRef::Malformed(_) => {
            let text = format!("it is no message, and so no `{}`", event.wire_type());
            return Err(undecodable(text.into()));
        }
    };
    Ok(read_through(steps, published))
}
