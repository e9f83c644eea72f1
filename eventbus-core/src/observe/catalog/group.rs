//! The consumer groups of a catalog.

use std::{panic::Location, time::Duration};

use super::CatalogEvent;
use crate::{
    consumer::{Consumers, WiredGroup},
    event::EventType,
    pattern::Pattern,
};

/// A consumer group; see [`Catalog::groups`](super::Catalog::groups).
#[derive(Clone, Debug)]
pub struct CatalogGroup {
    wired: WiredGroup,
    events: Vec<String>,
}

impl CatalogGroup {
    pub(super) fn all(consumers: &Consumers) -> Vec<WiredGroup> {
        consumers.all().iter().map(|control| control.wired()).collect()
    }

    pub(super) fn new(wired: WiredGroup, events: &[CatalogEvent]) -> Self {
        let is_given = |event: &&CatalogEvent| wired.wants.includes_type(event.name().as_str(), event.version());
        let mut given: Vec<_> = events.iter().filter(is_given).map(CatalogEvent::wire_type).collect();
        given.dedup();
        Self { wired, events: given }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.wired.name
    }

    /// Where its consumer was wired.
    pub fn location(&self) -> &'static Location<'static> {
        self.wired.location
    }

    /// The event types that it has handlers for.
    pub fn handled_types(&self) -> impl Iterator<Item = &'static EventType> + '_ {
        self.wired.types.iter().map(|(event, _)| *event)
    }

    /// The patterns that it has handlers for.
    pub fn handled_patterns(&self) -> &[Pattern] {
        &self.wired.patterns
    }

    /// Whether it has a handler for what no other handler of it handles.
    pub fn handles_rest(&self) -> bool {
        self.wired.handles_rest
    }

    /// The wire types of the known events that it is given.
    pub fn events(&self) -> &[String] {
        &self.events
    }

    /// How many workers this process has for it.
    pub fn workers(&self) -> usize {
        self.wired.workers
    }

    /// How long an attempt may take.
    pub fn timeout(&self) -> Option<Duration> {
        self.wired.timeout
    }

    /// How many attempts are made, the first one included, before a delivery is a dead letter.
    pub fn max_attempts(&self) -> u32 {
        self.wired.retry.most_attempts()
    }

    /// The delay after the first attempt, and the longest that there can be.
    pub fn retry_delays(&self) -> (Duration, Duration) {
        self.wired.retry.delays()
    }
}
