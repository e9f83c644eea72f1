//! The moment at which a listener is gone for good: off, no call of it under way, its closure dropped.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use event_listener::Event;

/// Announces the departure when it is dropped: after the listener's code and filter.
pub(crate) struct Departs(Arc<Departure>);

/// Waits for a departure.
#[derive(Default)]
pub(crate) struct Departure {
    gone: AtomicBool,
    event: Event,
}

impl Departs {
    pub(crate) fn new() -> (Self, Arc<Departure>) {
        let departure = Arc::<Departure>::default();
        (Self(Arc::clone(&departure)), departure)
    }
}

impl Drop for Departs {
    fn drop(&mut self) {
        self.0.gone.store(true, Ordering::Release);
        self.0.event.notify(usize::MAX);
    }
}

impl Departure {
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    pub(crate) async fn wait(&self) {
        while !self.is_gone() {
            let departed = pin!(self.event.listen());
            // Asked again: it may have left between the question and `listen`.
            if self.is_gone() {
                return;
            }
            departed.await;
        }
    }
}
