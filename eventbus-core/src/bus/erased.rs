//! Emissions whose event type is not known where they are made, and what a bus knows of its events.

use std::panic::Location;

use super::NameTaken;
use crate::{
    call::{AnyEvent, Shared, UnclaimedContent},
    emission::{Bus, EmitAny},
    event::{Event, EventType},
    listener::{ListenerInfo, Subject},
    registry::{Slot, SlotType},
};

impl Bus {
    /// Emits `event`, which is of the type that `claim` describes.
    pub(crate) fn emit_as(&self, claim: &'static EventType, event: Shared) -> EmitAny<'_> {
        match self.state.registry.get(claim) {
            Some(slot) => EmitAny::new(self, slot, AnyEvent::shared(claim, event)),
            None => unreachable!("a type that claims a name has a slot"),
        }
    }

    /// Emits something under a name that no type claims.
    pub(crate) fn emit_unclaimed(&self, subject: Subject, content: UnclaimedContent) -> EmitAny<'_> {
        EmitAny::new(self, &self.state.unclaimed, AnyEvent::of_content(subject, content))
    }

    /// The types that have claimed a name, in any version.
    pub(crate) fn types_of_name(&self, name: &str) -> Vec<&'static EventType> {
        self.state.registry.claims(name)
    }

    /// All event types that this bus has seen, by name, version and Rust type.
    pub(crate) fn known_events(&self) -> Vec<KnownEvent> {
        self.state.registry.all().into_iter().map(|slot| KnownEvent::of(slot)).collect()
    }

    /// What the bus knows of an event type.
    pub(crate) fn known_event(&self, event: &'static EventType) -> Option<KnownEvent> {
        self.state.registry.get(event).map(|slot| KnownEvent::of(slot))
    }

    /// The listeners by pattern, in the order of priority and registration.
    pub(crate) fn infos_by_pattern(&self) -> Vec<ListenerInfo> {
        self.state.registry.infos_by_pattern()
    }

    pub(crate) fn declare_at<E: Event>(&self, location: &'static Location<'static>) -> Result<(), NameTaken> {
        self.try_slot(SlotType::of::<E>(), location).map(drop).map_err(NameTaken)
    }

    /// The largest payload in bytes, and the deepest nesting, that is read.
    #[cfg(feature = "serde")]
    pub(crate) fn payload_limits(&self) -> (usize, usize) {
        (self.state.max_payload, self.state.max_nesting)
    }
}

/// What a bus knows of an event type.
#[derive(Clone, Debug)]
pub(crate) struct KnownEvent {
    pub(crate) event: &'static EventType,
    /// Where the event was first used on the bus.
    pub(crate) location: &'static Location<'static>,
    pub(crate) emitted: bool,
    /// In the order of their turns.
    pub(crate) listeners: Vec<ListenerInfo>,
}

impl KnownEvent {
    fn of(slot: &Slot) -> Self {
        let (event, location) = (slot.event, slot.location);
        Self { event, location, emitted: slot.was_emitted(), listeners: slot.infos() }
    }
}
