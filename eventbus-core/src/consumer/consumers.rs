//! The consumers of a bus, by group.

use std::{collections::BTreeMap, sync::Arc};

use super::{ConsumerError, Control};
use crate::{
    emission::{Bus, BusState},
    event::EventType,
    publish::{FAILED, Publishing},
    sync::{Mutex, lock},
    transport::Wants,
};

/// The consumers that run, and the groups that are reserved for those about to start.
#[derive(Default)]
pub(crate) struct Consumers {
    running: Mutex<BTreeMap<Arc<str>, Option<Arc<Control>>>>,
    /// What the groups want whose consumers have stopped.
    stopped: Mutex<BTreeMap<Arc<str>, Wants>>,
}

impl Consumers {
    /// Reserves a group for a consumer that is about to start. One whose tasks have all ended with their runtime is taken
    /// over.
    pub(super) fn reserve<'a>(
        &'a self,
        group: &Arc<str>,
        publishing: &'a Publishing,
    ) -> Result<Reservation<'a>, ConsumerError> {
        let dead = lock(&self.running).get(group).cloned().flatten().filter(|control| control.is_dead());
        if let Some(control) = dead {
            control.end_now();
            self.leave(&control);
        }
        let mut consumers = lock(&self.running);
        if publishing.is_closed_for(false) {
            return Err(ConsumerError::Closed { group: Arc::clone(group) });
        }
        if consumers.contains_key(group) {
            return Err(ConsumerError::GroupTaken { group: Arc::clone(group) });
        }
        consumers.insert(Arc::clone(group), None);
        Ok(Reservation { consumers: self, publishing, group: Arc::clone(group) })
    }

    /// Those that run.
    pub(crate) fn all(&self) -> Vec<Arc<Control>> {
        lock(&self.running).values().flatten().cloned().collect()
    }

    /// Whether a consumer reads a group, or is about to.
    pub(crate) fn contains(&self, group: &str) -> bool {
        lock(&self.running).contains_key(group)
    }

    /// The groups that want events of this name and version, and whose consumers have stopped.
    pub(crate) fn stopped_groups_of(&self, name: &str, version: u32) -> Vec<Arc<str>> {
        let stopped = lock(&self.stopped);
        let wanting = stopped.iter().filter(|(_, wants)| wants.includes_type(name, version));
        wanting.map(|(group, _)| Arc::clone(group)).collect()
    }

    /// Forgets a group that has been removed.
    pub(crate) fn forget_stopped(&self, group: &str) {
        lock(&self.stopped).remove(group);
    }

    /// Frees the group of a consumer that has stopped.
    pub(super) fn leave(&self, control: &Arc<Control>) {
        let mut consumers = lock(&self.running);
        let is_its = |taken: &Option<Arc<Control>>| taken.as_ref().is_some_and(|taken| Arc::ptr_eq(taken, control));
        if consumers.get(control.group()).is_some_and(is_its) {
            consumers.remove(control.group());
            lock(&self.stopped).insert(Arc::clone(control.group()), control.wants());
        }
    }
}

impl Drop for Consumers {
    /// The bus is gone: ends all of them at once.
    fn drop(&mut self) {
        for control in self.all() {
            control.abandon();
        }
    }
}

/// Tells of an event that was emitted and that nobody listens to. If a group handles it, most likely it was to be published.
pub(crate) fn tell_unheard(bus: &BusState, event: &'static EventType) {
    // The bus itself emits those, whether or not somebody wants to hear of them.
    if event.name() == FAILED {
        return;
    }
    let (name, version) = (event.name().as_str(), event.version());
    let consumers = bus.parts.get::<Consumers>().all();
    match consumers.iter().find(|control| control.has_handler(name, version)) {
        Some(control) if control.hands_to_listeners(name, version) => {
            bus.warnings.handed_to_nobody(event, control.group());
        }
        Some(control) => bus.warnings.emitted_to_group(event, control.group()),
        None => bus.warnings.unheard(event),
    }
}

/// A group that is reserved; given up when this is dropped, unless a consumer has taken it.
pub(super) struct Reservation<'a> {
    consumers: &'a Consumers,
    publishing: &'a Publishing,
    group: Arc<str>,
}

impl Reservation<'_> {
    pub(super) fn take(self, control: &Arc<Control>) -> Result<(), ConsumerError> {
        let mut consumers = lock(&self.consumers.running);
        // A shutdown that began meanwhile has not seen it.
        if self.publishing.is_closed_for(false) {
            return Err(ConsumerError::Closed { group: Arc::clone(&self.group) });
        }
        consumers.insert(Arc::clone(&self.group), Some(Arc::clone(control)));
        self.consumers.forget_stopped(&self.group);
        Ok(())
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut consumers = lock(&self.consumers.running);
        if let Some(None) = consumers.get(&self.group) {
            consumers.remove(&self.group);
        }
    }
}

impl Bus {
    pub(crate) fn consumers(&self) -> &Consumers {
        self.state.parts.get()
    }
}
