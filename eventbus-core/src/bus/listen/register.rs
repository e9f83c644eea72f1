//! Puts a listener into its slot.

use std::{panic::Location, sync::Arc};

use super::options::ListenOptions;
use crate::{
    emission::{Bus, WeakBus},
    event::EventType,
    listener::{ListenerId, ListenerInfo, ListenerKind},
    pattern::Pattern,
    registry::{Code, Departs, Departure, Entry, ListenerGroup, Member, Place, Registration, SlotType, Subscription},
};

/// Where a listener goes: a bus that may be gone, perhaps through a scope.
pub(in crate::bus) struct ListenTarget<'b> {
    pub(in crate::bus) bus: Option<Bus>,
    /// The name of the scope, and its listeners.
    pub(in crate::bus) scope: Option<(Arc<str>, &'b ListenerGroup)>,
    pub(in crate::bus) location: &'static Location<'static>,
    /// The names, for a listener by pattern.
    pub(in crate::bus) pattern: Option<Pattern>,
}

impl ListenTarget<'_> {
    /// The bus, for the contexts of the listener's calls.
    pub(super) fn weak_bus(&self) -> WeakBus {
        self.bus.as_ref().map_or_else(WeakBus::default, Bus::downgrade)
    }

    /// Registers a listener to an event type.
    #[track_caller]
    pub(super) fn register(
        self,
        options: ListenOptions,
        kind: ListenerKind,
        slot_type: SlotType,
        code: Code,
    ) -> Subscription {
        let info = self.info(&options, kind, Some(slot_type.event), None);
        let (entry, departure) = self.entry(&info, options);
        let member = Member::new(entry, code);
        let Some(bus) = &self.bus else { return nowhere(info, &member, departure) };
        let slot = bus.slot(slot_type, self.location);
        let place = Place::Slot(Arc::downgrade(slot));
        let registration = Registration::new(member.entry.key(), place, departure);
        let subscription = self.subscribe(info, registration, || drop(slot.insert(member)));
        bus.state.warnings.count_listeners(slot.len(), Some(slot.event), self.location);
        subscription
    }

    /// Registers a listener by pattern.
    pub(super) fn register_by_pattern(self, options: ListenOptions, kind: ListenerKind, code: Code) -> Subscription {
        let info = self.info(&options, kind, None, self.pattern.clone());
        let (entry, departure) = self.entry(&info, options);
        let member = Member::new(entry, code);
        let Some(bus) = &self.bus else { return nowhere(info, &member, departure) };
        let registry = &bus.state.registry;
        let place = Place::Patterns(Arc::downgrade(registry));
        let registration = Registration::new(member.entry.key(), place, departure);
        let mut listeners = 0;
        let subscription = self.subscribe(info, registration, || listeners = registry.add_by_pattern(&member));
        bus.state.warnings.count_listeners(listeners, None, self.location);
        subscription
    }

    fn info(
        &self,
        options: &ListenOptions,
        kind: ListenerKind,
        event: Option<&'static EventType>,
        pattern: Option<Pattern>,
    ) -> ListenerInfo {
        ListenerInfo {
            id: ListenerId::next(),
            kind: if kind == ListenerKind::Async && options.spawned { ListenerKind::Spawned } else { kind },
            name: options.name.clone(),
            event,
            pattern,
            priority: options.priority,
            once: options.once,
            filtered: options.filter.is_some(),
            scope: self.scope.as_ref().map(|(name, _)| Arc::clone(name)),
            location: self.location,
        }
    }

    fn entry(&self, info: &ListenerInfo, options: ListenOptions) -> (Arc<Entry>, Arc<Departure>) {
        let (departs, departure) = Departs::new();
        let counts = self.bus.as_ref().and_then(|bus| bus.state.registry.listener_counts());
        (Arc::new(Entry::new(info.clone(), options.timeout, options.filter, counts, departs)), departure)
    }

    /// Registers a listener by `insert`, and returns its subscription. A scope knows of the listener before it is there:
    /// whoever closes the scope then waits for it, and one that is closed already gets none.
    fn subscribe(&self, info: ListenerInfo, registration: Registration, insert: impl FnOnce()) -> Subscription {
        let bus = self.bus.as_ref().map(|bus| bus.state.id);
        match &self.scope {
            None => insert(),
            Some((_, group)) if group.add(&registration) => {
                insert();
                // Closed in between, it was not there yet to be ended.
                if group.is_closed() {
                    registration.off();
                }
            }
            Some(_) => {}
        }
        Subscription::new(bus, info, registration)
    }
}

/// The subscription of a listener whose bus is gone.
fn nowhere(info: ListenerInfo, member: &Member, departure: Arc<Departure>) -> Subscription {
    Subscription::new(None, info, Registration::new(member.entry.key(), Place::Nowhere, departure))
}
