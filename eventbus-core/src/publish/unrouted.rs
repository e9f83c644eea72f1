//! Events that no group handles, counted by their names.

use std::collections::BTreeMap;

use crate::sync::{Mutex, lock};

/// An event that was published while no group handled it; see [`Stats::unrouted_events`](crate::Stats::unrouted_events).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct UnroutedEvent {
    /// The wire type of the event.
    pub event: String,
    /// How many were published while no group handled it. A group that came later may have got those that waited.
    pub published: u64,
    /// How many of them have made room for newer ones, and have reached nobody.
    pub dropped: u64,
}

/// The counts by wire type.
#[derive(Default)]
pub(crate) struct UnroutedEvents(Mutex<BTreeMap<Box<str>, (u64, u64)>>);

impl UnroutedEvents {
    /// How many events are told apart. Names may come from outside.
    const MAX: usize = 1024;

    pub(crate) fn published(&self, event: &str) {
        self.count(event, |(published, _)| published);
    }

    pub(crate) fn dropped(&self, event: &str) {
        self.count(event, |(_, dropped)| dropped);
    }

    fn count(&self, event: &str, which: impl FnOnce(&mut (u64, u64)) -> &mut u64) {
        let mut counts = lock(&self.0);
        if let Some(counts) = counts.get_mut(event) {
            *which(counts) += 1;
        } else if counts.len() < Self::MAX {
            *which(counts.entry(event.into()).or_default()) += 1;
        }
    }

    /// The events, the most frequent first.
    pub(crate) fn all(&self) -> Vec<UnroutedEvent> {
        let counts = lock(&self.0).clone();
        let one = |(event, (published, dropped))| UnroutedEvent { event: String::from(event), published, dropped };
        let mut all: Vec<_> = counts.into_iter().map(one).collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.published));
        all
    }
}
