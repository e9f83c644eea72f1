//! What no type claims: counted by kind, so that nothing that arrives is lost in silence.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use eventbus::{Bus, WiringError};

use super::lock;

/// The module.
pub(crate) struct Unclaimed {
    kinds: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Unclaimed {
    /// Registers the module's one listener: for every name, if no type claims it.
    ///
    /// # Errors
    ///
    /// None, as long as `**` is a pattern.
    pub(crate) fn new(bus: &Bus) -> Result<Self, WiringError> {
        let unclaimed = Self { kinds: Arc::default() };
        let scope = bus.scope("unclaimed");
        let listener = scope.listener_name("**")?.named("unclaimed").filter(|e| e.event_type().is_none());
        listener.with(Arc::clone(&unclaimed.kinds)).on(|kinds, event| {
            let kind = event.name().strip_prefix("github.").unwrap_or(event.name());
            *lock(&kinds).entry(kind.to_owned()).or_default() += 1;
        });
        Ok(unclaimed)
    }

    /// How many of each kind have arrived, most first.
    pub(crate) fn kinds(&self) -> Vec<(String, usize)> {
        let mut kinds: Vec<_> = lock(&self.kinds).iter().map(|(kind, count)| (kind.clone(), *count)).collect();
        kinds.sort_by_key(|(_, count)| Reverse(*count));
        kinds
    }
}
