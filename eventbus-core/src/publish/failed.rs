//! The event that is emitted for a dead letter.

use std::{any::Any, fmt, panic::Location, sync::Arc};
#[cfg(feature = "serde")]
use std::{
    any::TypeId,
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::dead_letter::DeadLetter;
use crate::{
    call::{AnyEvent, Shared},
    emission::{Bus, EmitAny},
    event::{Event, EventName},
    registry::SlotType,
    transport::MessageKind,
};

/// The name of all [`Failed`] events.
pub(crate) const FAILED: EventName = EventName::new("delivery.failed");

/// A delivery of `E` has failed for the last time: emitted on the bus whose consumer it was, once its dead letter is kept.
///
/// Over a transport that carries bytes, `E` is the type that the group's handler handles, and the event is read once more. What
/// cannot be read, and what a handler by name handles, is heard by the hook alone.
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName, Failed};
/// # struct UserCreated;
/// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
/// let bus = Bus::new();
/// bus.on::<Failed<UserCreated>>(|e| eprintln!("{}", e.letter));
/// ```
///
/// [`BusBuilder::on_dead_letter`](crate::BusBuilder::on_dead_letter) hears those of all types.
#[non_exhaustive]
pub struct Failed<E> {
    /// The event.
    pub event: Arc<E>,
    /// What is known of the delivery.
    pub letter: DeadLetter,
}

impl<E> fmt::Debug for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failed").field("letter", &self.letter).finish_non_exhaustive()
    }
}

#[diagnostic::do_not_recommend]
impl<E: Event> Event for Failed<E> {
    const NAME: EventName = FAILED;
    const DOCS: &'static str = "A delivery has failed for the last time.";
    const SHARES_NAME: bool = true;
}

/// What a message knows of its event's type.
pub(crate) fn kind_of<E: Event>() -> &'static MessageKind {
    &MessageKind { event: E::TYPE, failed: Some(emit_failed::<E>) }
}

/// The same for a type of which only the description is known. Each is kept for as long as the process lives, once.
#[cfg(feature = "serde")]
pub(crate) fn described(event: &'static crate::event::EventType) -> &'static MessageKind {
    static DESCRIBED: Mutex<BTreeMap<TypeId, &'static MessageKind>> = Mutex::new(BTreeMap::new());
    let mut described = DESCRIBED.lock().unwrap_or_else(PoisonError::into_inner);
    described.entry(event.id()).or_insert_with(|| Box::leak(Box::new(MessageKind { event, failed: None })))
}

/// All that is compiled for each event type that is published or handled.
fn emit_failed<E: Event>(bus: &Bus, event: Shared, letter: Box<dyn Any + Send>) {
    if let (Ok(event), Ok(letter)) = (event.downcast::<E>(), letter.downcast::<DeadLetter>()) {
        emit_erased(bus, SlotType::of::<Failed<E>>(), Arc::new(Failed { event, letter: *letter }));
    }
}

fn emit_erased(bus: &Bus, slot_type: SlotType, event: Shared) {
    let slot = bus.slot(slot_type, Location::caller());
    // Nobody awaits it here: what goes wrong in it reaches the failure hook.
    drop(EmitAny::new(bus, slot, AnyEvent::shared(slot_type.event, event)).spawn());
}
