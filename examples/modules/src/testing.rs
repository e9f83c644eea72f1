//! What the modules' tests share: a listener that records.

use std::{
    mem,
    sync::{Arc, Mutex},
};

use eventbus::{Bus, Event};

/// The events of a type that were emitted on a bus.
pub(crate) struct Recorded<E>(Arc<Mutex<Vec<E>>>);

impl<E> Recorded<E> {
    /// Takes out what was recorded since the last time.
    pub(crate) fn take(&self) -> Vec<E> {
        mem::take(&mut self.0.lock().unwrap())
    }
}

/// Records the events of a type from now on.
pub(crate) fn record<E: Event + Clone>(bus: &Bus) -> Recorded<E> {
    let events = Arc::new(Mutex::new(Vec::new()));
    bus.listener::<E>()
        .named("recorder")
        .with(Arc::clone(&events))
        .on(|events, e| events.lock().unwrap().push(e.clone()));
    Recorded(events)
}
