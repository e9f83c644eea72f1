//! The catalog: what a bus knows of its events and listeners, as data, and as documents made of it.

#[cfg(feature = "serde")]
mod asyncapi;
mod group;
#[cfg(feature = "serde")]
mod json;
mod markdown;
mod mermaid;
#[cfg(feature = "serde")]
mod schemas;

use std::panic::Location;

#[cfg(feature = "serde")]
pub use asyncapi::AsyncApiInfo;
pub use group::CatalogGroup;
#[cfg(feature = "serde")]
pub(super) use json::listener;

use crate::{
    bus::KnownEvent,
    emission::Bus,
    event::{EventName, EventType},
    listener::ListenerInfo,
    pattern::Pattern,
};

impl Bus {
    /// Everything that this bus knows: its events, who listens to them, and the consumer groups that it runs.
    ///
    /// An event is known once it has been listened to, emitted, declared or handled on this bus; names from outside that no type
    /// claims are not kept. The catalog is a copy: what is registered later is not in it. While it is made, registrations
    /// on other threads may come to be in one of its lists and not in another.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # fn main() -> Result<(), eventbus_core::PatternError> {
    /// let bus = Bus::new();
    /// bus.listener::<UserCreated>().named("welcome").on(|_| {});
    /// bus.listener_pattern("user.*")?.named("audit").priority(10).on(|_| {});
    ///
    /// let catalog = bus.catalog();
    /// let event = catalog.event("user.created").expect("it is listened to");
    /// let names: Vec<_> = event.listeners().iter().filter_map(|listener| listener.name()).collect();
    /// assert_eq!(names, ["audit", "welcome"]);
    /// assert!(!event.was_emitted());
    /// assert!(catalog.to_markdown().contains("## `user.created`"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn catalog(&self) -> Catalog {
        let (mut events, groups) = (self.known_events(), CatalogGroup::all(self.consumers()));
        for (event, location) in groups.iter().flat_map(|group| &group.types) {
            if !events.iter().any(|known| known.event == *event) {
                events.push(KnownEvent { event, location, emitted: false, listeners: Vec::new() });
            }
        }
        events.sort_by_key(|known| (known.event.name(), known.event.version(), known.event.rust_type()));
        let events: Vec<_> = events.into_iter().map(CatalogEvent).collect();
        let by_pattern = self.infos_by_pattern().into_iter().map(|info| CatalogListener::new(info, &events)).collect();
        let groups = groups.into_iter().map(|group| CatalogGroup::new(group, &events)).collect();
        Catalog { events, by_pattern, groups }
    }
}

/// What a bus knew of its events and listeners when it was asked; made by [`Bus::catalog`].
///
/// Under the feature `serde` it can be serialised, for an admin page of your own.
#[derive(Clone, Debug)]
pub struct Catalog {
    events: Vec<CatalogEvent>,
    by_pattern: Vec<CatalogListener>,
    groups: Vec<CatalogGroup>,
}

impl Catalog {
    /// The events, by name and version.
    pub fn events(&self) -> &[CatalogEvent] {
        &self.events
    }

    /// The event of a wire type: its name, with its version where that is not 1 (`user.created.v2`). The first one, if
    /// several types share it.
    pub fn event(&self, wire_type: &str) -> Option<&CatalogEvent> {
        self.events.iter().find(|event| event.wire_type() == wire_type)
    }

    /// The listeners by pattern, in the order of priority and registration, also those that match no known event.
    pub fn by_pattern(&self) -> &[CatalogListener] {
        &self.by_pattern
    }

    /// The groups of the consumers that run on this bus, by name.
    pub fn groups(&self) -> &[CatalogGroup] {
        &self.groups
    }
}

/// A known event; see [`Catalog::events`].
#[derive(Clone, Debug)]
pub struct CatalogEvent(KnownEvent);

impl CatalogEvent {
    pub(crate) fn new(known: KnownEvent) -> Self {
        Self(known)
    }

    /// The event's name.
    pub fn name(&self) -> EventName {
        self.0.event.name()
    }

    /// The event's version.
    pub fn version(&self) -> u32 {
        self.0.event.version()
    }

    /// The name as it is written outside of the process, with the version where that is not 1.
    pub fn wire_type(&self) -> String {
        self.0.event.wire_type().to_string()
    }

    /// The event's type: docs, fields, codec, schema.
    pub fn event_type(&self) -> &'static EventType {
        self.0.event
    }

    /// Where it was first used on this bus: listened to, emitted, declared or handled.
    pub fn location(&self) -> &'static Location<'static> {
        self.0.location
    }

    /// Whether it has been emitted on this bus.
    pub fn was_emitted(&self) -> bool {
        self.0.emitted
    }

    /// Its listeners in the order of their turns, those by pattern among them.
    pub fn listeners(&self) -> &[ListenerInfo] {
        &self.0.listeners
    }

    /// The patterns by which it is listened to, each once.
    pub fn patterns(&self) -> Vec<&Pattern> {
        let mut patterns = Vec::new();
        for pattern in self.0.listeners.iter().filter_map(ListenerInfo::pattern) {
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
        patterns
    }
}

/// A listener by pattern; see [`Catalog::by_pattern`].
#[derive(Clone, Debug)]
pub struct CatalogListener {
    info: ListenerInfo,
    matches: Vec<String>,
}

impl CatalogListener {
    fn new(info: ListenerInfo, events: &[CatalogEvent]) -> Self {
        let hears = |event: &&CatalogEvent| info.pattern().is_some_and(|pattern| pattern.matches(&event.name()));
        let mut matches: Vec<_> = events.iter().filter(hears).map(CatalogEvent::wire_type).collect();
        matches.dedup();
        Self { info, matches }
    }

    /// Who it is, and what it listens to.
    pub fn info(&self) -> &ListenerInfo {
        &self.info
    }

    /// The wire types of the known events that it matches.
    pub fn matches(&self) -> &[String] {
        &self.matches
    }
}
