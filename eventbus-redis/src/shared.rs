//! What a transport shares with its sources and its background task.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use eventbus_core::{BoxError, Durability, TransportReports};
use redis::Client;
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    background,
    error::CommandError,
    link::{Health, Link, LinkLimits},
    names::StreamKeys,
    reading::Reading,
};

/// The settings of a transport.
#[derive(Clone, Debug)]
pub(crate) struct RedisSettings {
    pub(crate) stream: String,
    pub(crate) partitions: u16,
    pub(crate) max_len: u64,
    pub(crate) max_dead_letters: u64,
    pub(crate) lease: Duration,
    pub(crate) block: Duration,
    pub(crate) poll: Duration,
    pub(crate) limits: LinkLimits,
    pub(crate) durability: Option<Durability>,
}

pub(crate) struct Shared {
    pub(crate) settings: RedisSettings,
    pub(crate) durability: Durability,
    pub(crate) keys: StreamKeys,
    pub(crate) client: Client,
    pub(crate) health: Arc<Health>,
    /// Publishing has a connection of its own: a large batch holds up no lease.
    pub(crate) publishing: Link,
    pub(crate) work: Link,
    /// Part of the consumers' names: no two transports have the same.
    pub(crate) instance: String,
    pub(crate) sources: AtomicU64,
    pub(crate) reading: Mutex<Vec<Weak<Reading>>>,
    pub(crate) reports: OnceLock<TransportReports>,
    pub(crate) closed: CancellationToken,
    /// Readers, and what is left to tell the server of them.
    pub(crate) tasks: TaskTracker,
    /// One permit: a suspect is out in this process. It is one for all groups, since what ends the process ends all of them.
    pub(crate) suspects: Arc<Semaphore>,
    /// The background task is to look again.
    pub(crate) changed: Notify,
    background: Mutex<Option<JoinHandle<()>>>,
}

impl Shared {
    pub(crate) fn new(
        client: Client,
        settings: RedisSettings,
        durability: Durability,
        health: Arc<Health>,
        work: Link,
    ) -> Self {
        let publishing = Link::new(client.clone(), settings.limits, Arc::clone(&health));
        let instance = format!("{}-{:016x}", std::process::id(), fastrand::u64(..));
        Self {
            durability,
            keys: StreamKeys::new(&settings.stream, settings.partitions),
            publishing,
            work,
            client,
            health,
            instance,
            settings,
            sources: AtomicU64::new(0),
            reading: Mutex::default(),
            reports: OnceLock::new(),
            closed: CancellationToken::new(),
            tasks: TaskTracker::new(),
            suspects: Arc::new(Semaphore::new(1)),
            changed: Notify::new(),
            background: Mutex::default(),
        }
    }

    pub(crate) fn lease_millis(&self) -> u64 {
        u64::try_from(self.settings.lease.as_millis()).unwrap_or(u64::MAX)
    }

    /// How long a read waits. Over partitions it ends before others can take this process for dead.
    pub(crate) fn block(&self) -> Duration {
        let block = self.settings.block;
        if self.settings.partitions == 0 { block } else { block.min(self.settings.lease / 4) }
    }

    /// A consumer's name, never used before.
    pub(crate) fn consumer(&self) -> String {
        format!("eventbus-{}-{}", self.instance, self.sources.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn check_open(&self, action: &'static str) -> Result<(), CommandError> {
        if self.closed.is_cancelled() { Err(CommandError::Closed { action }) } else { Ok(()) }
    }

    pub(crate) fn report(&self, group: Option<&str>, error: impl Into<BoxError>) {
        if let Some(reports) = self.reports.get() {
            reports.error(group, error);
        }
    }

    /// Ends the background task and all readers.
    pub(crate) fn close(&self) {
        self.closed.cancel();
        for reading in self.readings() {
            reading.closing.cancel();
        }
    }

    /// Those who read now.
    pub(crate) fn readings(&self) -> Vec<Arc<Reading>> {
        let mut all = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.strong_count() > 0);
        all.iter().filter_map(Weak::upgrade).collect()
    }

    /// Runs the background task, if it does not run: it may have ended with the runtime that it was started in.
    pub(crate) fn start_background(self: &Arc<Self>) {
        let mut task = self.background.lock().unwrap_or_else(PoisonError::into_inner);
        if task.as_ref().is_none_or(JoinHandle::is_finished) && !self.closed.is_cancelled() {
            *task = Some(tokio::spawn(background::run(Arc::downgrade(self), self.closed.clone())));
        }
    }
}
