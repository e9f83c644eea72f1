//! What a message needs of its event's type, once the type is forgotten.

use std::{any::Any, sync::Arc};
#[cfg(feature = "serde")]
use std::{
    any::TypeId,
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::{DeadLetter, Failed};
use crate::{
    emission::Bus,
    event::{Event, EventType},
};

/// An event type, and its functions.
pub(super) struct TypedKind {
    pub(super) event: &'static EventType,
    /// Emits [`Failed`] for an event of the type; not known where only the type's description is.
    pub(super) failed: Option<FailedFn>,
}

type FailedFn = fn(&Bus, Arc<dyn Any + Send + Sync>, DeadLetter);

impl TypedKind {
    pub(super) fn of<E: Event>() -> &'static Self {
        &Self { event: E::TYPE, failed: Some(failed::<E>) }
    }

    /// Of a type of which no more than the description is known. Each is kept for as long as the process lives, once.
    #[cfg(feature = "serde")]
    pub(super) fn described(event: &'static EventType) -> &'static Self {
        static DESCRIBED: Mutex<BTreeMap<TypeId, &'static TypedKind>> = Mutex::new(BTreeMap::new());
        let mut described = DESCRIBED.lock().unwrap_or_else(PoisonError::into_inner);
        described.entry(event.id()).or_insert_with(|| Box::leak(Box::new(Self { event, failed: None })))
    }
}

fn failed<E: Event>(bus: &Bus, event: Arc<dyn Any + Send + Sync>, letter: DeadLetter) {
    if let Ok(event) = event.downcast::<E>() {
        // Nobody awaits it here: what goes wrong in it reaches the failure hook.
        drop(bus.emit(Failed::<E> { event, letter }).spawn());
    }
}
