//! How publishing is set up, until the bus is built.

use std::{any::Any, collections::BTreeSet, sync::Arc};

#[cfg(feature = "serde")]
use super::codecs::Codecs;
use super::{dead_letter::DeadLetter, notices::Notices};
use crate::{call::Isolated, memory::Memory, transport::Transport};

/// The settings of publishing, as [`BusBuilder`](crate::BusBuilder) has them.
pub(crate) struct Settings {
    pub(crate) transport: Arc<dyn Transport>,
    /// The transport, if it is [`Memory`]: that keeps its contract, and needs no safeguards that cost time.
    pub(crate) memory: Option<Arc<Memory>>,
    pub(crate) source: &'static &'static str,
    pub(crate) require_codecs: bool,
    #[cfg(feature = "serde")]
    pub(crate) codecs: Codecs,
    pub(crate) max_hops: u32,
    pub(crate) dead_letters: usize,
    pub(crate) dead_letter_bytes: usize,
    pub(crate) dead_letter_hook: Option<DeadLetterHook>,
    pub(crate) notices: Notices,
}

pub(crate) type DeadLetterHook = Isolated<Box<dyn Fn(&DeadLetter) + Send + Sync>>;

impl Settings {
    pub(crate) const MAX_HOPS: u32 = 64;
    pub(crate) const DEAD_LETTERS: usize = 1024;
    pub(crate) const DEAD_LETTER_BYTES: usize = 64 << 20;

    pub(crate) fn set_transport<T: Transport>(&mut self, transport: T) {
        let transport = Arc::new(transport);
        let any: Arc<dyn Any + Send + Sync> = Arc::clone(&transport) as _;
        (self.memory, self.transport) = (any.downcast().ok(), transport);
    }

    pub(crate) fn set_dead_letter_hook(&mut self, hook: impl Fn(&DeadLetter) + Send + Sync + 'static) {
        self.dead_letter_hook = Some(Isolated::new(Box::new(hook)));
    }

    pub(crate) fn set_source(&mut self, source: &str) {
        self.source = intern(source);
    }
}

impl Default for Settings {
    fn default() -> Self {
        let memory = Arc::new(Memory::new());
        Self {
            transport: Arc::clone(&memory) as _,
            memory: Some(memory),
            source: &"eventbus",
            require_codecs: false,
            #[cfg(feature = "serde")]
            codecs: Codecs::default(),
            max_hops: Settings::MAX_HOPS,
            dead_letters: Settings::DEAD_LETTERS,
            dead_letter_bytes: Settings::DEAD_LETTER_BYTES,
            dead_letter_hook: None,
            notices: Notices::default(),
        }
    }
}

/// Keeps a bus's source for as long as the process lives, each text once: every message names it, and a counted handle would be
/// a cache line that all threads fight for. Sources come from the program, not from outside.
fn intern(source: &str) -> &'static &'static str {
    static SOURCES: std::sync::Mutex<BTreeSet<&'static &'static str>> = std::sync::Mutex::new(BTreeSet::new());
    let mut sources = SOURCES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(known) = sources.iter().find(|known| ***known == source) {
        return known;
    }
    let kept: &'static str = Box::leak(Box::from(source));
    let kept: &'static &'static str = Box::leak(Box::new(kept));
    sources.insert(kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::intern;

    #[test]
    fn each_source_is_kept_once_and_is_taken_for_no_other() {
        let (one, other) = (intern("shop"), intern("warehouse"));
        assert_eq!((*one, *other), ("shop", "warehouse"));
        assert!(std::ptr::eq(one, intern("shop")));
    }
}
