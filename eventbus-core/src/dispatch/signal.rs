//! The signal that tells listeners that their emission is cancelled.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use event_listener::Event;

use super::clock::Deadline;
#[cfg(feature = "tokio")]
use tokio_util::sync::CancellationToken;

/// Set once, by the emission, when it stops before its listeners have.
#[derive(Default)]
pub(crate) struct Signal {
    set: AtomicBool,
    event: Event,
    /// What will set it, asked directly: while a synchronous listener runs, nobody drives the emission.
    deadline: Option<Deadline>,
    #[cfg(feature = "tokio")]
    tokens: Vec<CancellationToken>,
}

impl Signal {
    #[cfg(feature = "tokio")]
    pub(crate) fn new(deadline: Option<Deadline>, tokens: Vec<CancellationToken>) -> Self {
        Self { deadline, tokens, ..Self::default() }
    }

    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.event.notify(usize::MAX);
    }

    pub(crate) fn is_set(&self) -> bool {
        let set = self.set.load(Ordering::Acquire) || self.deadline.is_some_and(Deadline::is_over);
        #[cfg(feature = "tokio")]
        let set = set || self.tokens.iter().any(CancellationToken::is_cancelled);
        set
    }

    pub(crate) async fn wait(&self) {
        while !self.is_set() {
            let set = self.event.listen();
            // Asked again: it may have been set between the question and `listen`.
            if self.is_set() {
                return;
            }
            set.await;
        }
    }
}

/// A signal that is made when the first listener asks for it: most emissions need none.
#[derive(Default)]
pub(crate) struct LazySignal(OnceLock<Arc<Signal>>);

impl LazySignal {
    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> Signal) -> Arc<Signal> {
        Arc::clone(self.0.get_or_init(|| Arc::new(make())))
    }

    /// Sets it, if anybody has asked for it.
    pub(crate) fn set(&self) {
        if let Some(signal) = self.0.get() {
            signal.set();
        }
    }
}

impl From<Arc<Signal>> for LazySignal {
    fn from(signal: Arc<Signal>) -> Self {
        Self(OnceLock::from(signal))
    }
}
