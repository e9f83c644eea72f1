//! Older versions of the events that a group handles: how they are read.

use std::{any::TypeId, collections::HashMap};

use crate::{
    event::EventType,
    publish::{SharedUpcasts as Shared, Upcast},
    transport::Message,
};

/// The steps from each older type to the one that is handled.
#[derive(Default)]
pub(super) struct Versions {
    steps: HashMap<TypeId, Vec<Upcast>>,
    /// By name and version, for messages that carry bytes.
    named: HashMap<(&'static str, u32), TypeId>,
}

impl Versions {
    /// Adds the way of a type: one step at least.
    pub(super) fn add(&mut self, steps: Vec<Upcast>) {
        let Some(first) = steps.first() else { return };
        self.named.insert((first.from.name().as_str(), first.from.version()), first.from.id());
        self.steps.insert(first.from.id(), steps);
    }

    /// Whether every type is read as itself.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether a type is read as another one.
    pub(super) fn has(&self, event: &EventType) -> bool {
        self.steps.contains_key(&event.id())
    }

    /// The types that are read as others.
    pub(super) fn types(&self) -> impl Iterator<Item = &'static EventType> {
        self.steps.values().filter_map(|steps| Some(steps.first()?.from))
    }

    /// The steps by which a message is read; mostly none.
    #[inline]
    pub(super) fn steps(&self, message: &Message) -> &[Upcast] {
        if self.steps.is_empty() { &[] } else { self.find(message) }
    }

    fn find(&self, message: &Message) -> &[Upcast] {
        let named = || self.named.get(&(message.name(), message.version())).copied();
        let id = message.event_type().map(EventType::id).or_else(named);
        id.and_then(|id| self.steps.get(&id)).map_or(&[], Vec::as_slice)
    }
}

/// Takes the steps, one after the other; without any, the event stays as it is.
pub(super) fn read_through(steps: &[Upcast], event: Shared) -> Shared {
    steps.iter().fold(event, |event, step| step.convert(&event))
}
