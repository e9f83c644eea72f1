//! An event that is kept to be published, and its options.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::kept::{Kept, ReleaseTime, ToPublish};
use crate::{
    call::{Isolated, MessageId},
    event::Event,
    sync::Mutex,
};

/// An event that is kept to be published; made by [`Deferred::publish`](crate::Deferred::publish). It takes its place when this is
/// dropped: at the end of the statement.
///
/// How long the release waits for room, and what cancels it, is said of the [`Release`](crate::Release).
pub struct DeferredPublish<'d, E: Event> {
    kept: &'d Mutex<Kept>,
    /// Until it is dropped.
    event: Option<Box<ToPublish<E>>>,
}

#[expect(clippy::return_self_not_must_use, reason = "dropped, it takes its place: that is its use")]
impl<'d, E: Event> DeferredPublish<'d, E> {
    pub(super) fn new(kept: &'d Mutex<Kept>, event: Arc<E>) -> Self {
        let event = Isolated::new(event);
        Self { kept, event: Some(Box::new(ToPublish { event, key: None, id: None, dedupe: None, when: None })) }
    }

    /// The key it is published with; see [`Publish::key`](crate::Publish::key).
    pub fn key(self, key: impl Into<Box<str>>) -> Self {
        self.with(|event| event.key = Some(key.into()))
    }

    /// The message's id, instead of a new one; see [`Publish::id`](crate::Publish::id).
    pub fn id(self, id: MessageId) -> Self {
        self.with(|event| event.id = Some(id))
    }

    /// Refuses the event, when it is released, if one with the same [`id`](Self::id) was published within this time; see
    /// [`Publish::dedupe`](crate::Publish::dedupe).
    pub fn dedupe(self, window: Duration) -> Self {
        self.with(|event| event.dedupe = Some(window))
    }

    /// Handlers get the event when this time has passed since its release, and not before; see
    /// [`Publish::after`](crate::Publish::after).
    pub fn after(self, delay: Duration) -> Self {
        self.with(|event| event.when = Some(ReleaseTime::After(delay)))
    }

    /// Handlers get the event at this time of day, and not before; see [`Publish::at`](crate::Publish::at).
    pub fn at(self, time: SystemTime) -> Self {
        self.with(|event| event.when = Some(ReleaseTime::At(time)))
    }

    fn with(mut self, change: impl FnOnce(&mut ToPublish<E>)) -> Self {
        if let Some(event) = &mut self.event {
            change(event);
        }
        self
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
