//! What no type claims: counted by kind, so that nothing that arrives is lost in silence.

use std::sync::{Arc, Mutex};

use eventbus::{Bus, WiringError, consumer::ConsumerBuilder};

use super::lock;
use crate::bounded::Counts;

type Kinds = Mutex<Counts>;

/// The module.
#[derive(Default)]
pub(crate) struct Unclaimed {
    kinds: Arc<Kinds>,
}

impl Unclaimed {
    /// Its group, where deliveries are published.
    pub(crate) const GROUP: &'static str = "unclaimed";

    /// Registers the module's one listener: for every name, if no type claims it.
    ///
    /// # Errors
    ///
    /// None, as long as `**` is a pattern.
    pub(crate) fn listen(&self, bus: &Bus) -> Result<(), WiringError> {
        let scope = bus.scope(Self::GROUP);
        let listener = scope.listener_pattern("**")?.named(Self::GROUP).filter(|e| e.event_type().is_none());
        listener.with(Arc::clone(&self.kinds)).on(|kinds, event| count(&kinds, event.name()));
        Ok(())
    }

    /// The same as a handler, which has no filter.
    pub(crate) fn handle(&self, consumer: ConsumerBuilder) -> ConsumerBuilder {
        let kinds = Arc::clone(&self.kinds);
        consumer.handle_pattern("**", move |event, _| {
            if event.event_type().is_none() {
                count(&kinds, event.name());
            }
            async {}
        })
    }

    /// How many of each kind have arrived, most first; the first hundred, and all others together.
    pub(crate) fn kinds(&self) -> Vec<(String, usize)> {
        lock(&self.kinds).ranking()
    }
}

fn count(kinds: &Kinds, name: &str) {
    let kind = name.strip_prefix("github.").unwrap_or(name);
    lock(kinds).add(kind);
}
