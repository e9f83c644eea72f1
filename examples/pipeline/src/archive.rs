//! A group with several workers, and what it counts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use eventbus::{Bus, Consumer, consumer::ConsumerError};

pub(crate) const WORKERS: usize = 4;

/// How many events have been stored, and how many at the same time.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    pub(crate) stored: AtomicU64,
    pub(crate) at_most: AtomicU64,
    storing: AtomicU64,
}

impl Archive {
    /// Starts the group: it gets a copy of every event, and each event goes to one of its workers.
    pub(crate) async fn start(self: &Arc<Self>, bus: &Bus) -> Result<Consumer, ConsumerError> {
        let archive = Arc::clone(self);
        let store = move |_, _| {
            let archive = Arc::clone(&archive);
            async move { archive.store().await }
        };
        bus.consumer("archive").handle_pattern("github.*", store).workers(WORKERS).start().await
    }

    /// Stands for a write to a store.
    async fn store(&self) {
        let storing = self.storing.fetch_add(1, Ordering::Relaxed) + 1;
        self.at_most.fetch_max(storing, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(2)).await;
        self.storing.fetch_sub(1, Ordering::Relaxed);
        self.stored.fetch_add(1, Ordering::Relaxed);
    }
}
