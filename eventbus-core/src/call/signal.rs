//! The signal that tells listeners that their emission is cancelled.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use event_listener::Event;
use tokio_util::sync::CancellationToken;

use super::clock::Deadline;

/// Set once, by an emission that stops before its listeners have ended.
#[derive(Default)]
pub(crate) struct Signal {
    set: AtomicBool,
    event: Event,
    /// The causes that will set it, checked directly: while a synchronous listener runs, the emission is not polled.
    deadline: Option<Deadline>,
    tokens: Vec<CancellationToken>,
    /// The signal of the emission around this one.
    outer: Option<Arc<Signal>>,
}

impl Signal {
    pub(crate) fn new(deadline: Option<Deadline>, tokens: Vec<CancellationToken>, outer: Option<Arc<Self>>) -> Self {
        Self { deadline, tokens, outer, ..Self::default() }
    }

    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.event.notify(usize::MAX);
    }

    pub(crate) fn is_set(&self) -> bool {
        let mut signal = Some(self);
        while let Some(Self { set, deadline, tokens, outer, .. }) = signal {
            if set.load(Ordering::Acquire)
                || deadline.is_some_and(Deadline::is_over)
                || tokens.iter().any(CancellationToken::is_cancelled)
            {
                return true;
            }
            signal = outer.as_deref();
        }
        false
    }

    pub(crate) async fn wait(&self) {
        while !self.is_set() {
            let set = self.event.listen();
            // Check again: it may have been set between the check and `listen`.
            if self.is_set() {
                return;
            }
            set.await;
        }
    }
}
