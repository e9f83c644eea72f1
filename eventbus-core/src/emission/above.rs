//! What this floor asks of those above it.

use std::{any::Any, sync::Arc};

use crate::event::EventType;

/// What the floors above keep with a bus. They know its type, and here only this is known.
pub(crate) trait Above: Any + Send + Sync {
    /// The groups whose consumers on this bus handle events of this name and version, when such an event is published.
    fn groups_of(&self, name: &str, version: u32) -> Vec<Arc<str>>;

    /// The event was emitted and nobody listens. Told again only after another consumer has started.
    fn unheard(&self, event: &'static EventType);
}
