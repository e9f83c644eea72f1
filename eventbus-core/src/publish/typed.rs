//! What a message needs of its event's type, once the type is forgotten.

use std::{any::Any, sync::Arc};

use super::{DeadLetter, Failed};
use crate::{
    bus::Bus,
    event::{Event, EventType},
};

/// An event type, and its functions.
pub(super) struct TypedKind {
    pub(super) event: &'static EventType,
    /// Emits [`Failed`] for an event of the type.
    pub(super) failed: fn(&Bus, Arc<dyn Any + Send + Sync>, DeadLetter),
}

impl TypedKind {
    pub(super) fn of<E: Event>() -> &'static Self {
        &Self { event: E::TYPE, failed: failed::<E> }
    }
}

fn failed<E: Event>(bus: &Bus, event: Arc<dyn Any + Send + Sync>, letter: DeadLetter) {
    if let Ok(event) = event.downcast::<E>() {
        // Nobody awaits it here: what goes wrong in it reaches the failure hook.
        drop(bus.emit(Failed::<E> { event, letter }).spawn());
    }
}
