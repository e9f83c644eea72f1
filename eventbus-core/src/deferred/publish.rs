//! What may be said about an event that is kept to be published.

use std::{fmt, sync::Arc};

use super::kept::{Kept, ToPublish};
use crate::{call::Isolated, event::Event, sync::Mutex};

/// An event that is kept to be published; made by [`Deferred::publish`](crate::Deferred::publish). It takes its place when this is
/// dropped: at the end of the statement.
pub struct DeferredPublish<'d, E: Event> {
    kept: &'d Mutex<Kept>,
    /// Until it is dropped.
    event: Option<Box<ToPublish<E>>>,
}

impl<'d, E: Event> DeferredPublish<'d, E> {
    pub(super) fn new(kept: &'d Mutex<Kept>, event: Arc<E>) -> Self {
        Self { kept, event: Some(Box::new(ToPublish { event: Isolated::new(event), key: None })) }
    }

    /// The key it is published with; see [`Publish::key`](crate::Publish::key).
    pub fn key(mut self, key: impl Into<Box<str>>) {
        if let Some(event) = &mut self.event {
            event.key = Some(key.into());
        }
    }
}

impl<E: Event> Drop for DeferredPublish<'_, E> {
    fn drop(&mut self) {
        if let Some(event) = self.event.take() {
            Kept::keep(self.kept, event);
        }
    }
}

impl<E: Event> fmt::Debug for DeferredPublish<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredPublish").field("event", &E::NAME).finish_non_exhaustive()
    }
}
