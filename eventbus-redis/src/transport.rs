//! The transport.

use std::{fmt, sync::Arc, time::Duration};

use eventbus_core::{
    Answer, BoxError, BoxFuture, Capabilities, GroupSpec, GroupState, LetterEnd, LetterId, LetterPage, LetterQuery,
    Message, Refusal, Source, Transport, TransportHealth, TransportOrdering, TransportReports,
};

use tokio::time::timeout;

use crate::{ConnectError, RedisStreamsBuilder, shared::Shared};

/// The most messages of one pipeline.
const MAX_BATCH: usize = 512;

/// How many pipelines are under way at once: the server works on one while the next is made and sent.
const UNDER_WAY: usize = 2;

/// How late a delayed message may be: two looks of the background task.
const LATE: Duration = Duration::from_secs(1);

/// Carries published events in Redis Streams.
///
/// See the [crate's documentation](crate) for what it promises, and for the form of the entries.
///
/// ```no_run
/// # async fn run() -> Result<(), eventbus_redis::ConnectError> {
/// use eventbus::Bus;
/// use eventbus_redis::RedisStreams;
///
/// let transport = RedisStreams::builder("redis://127.0.0.1").stream("orders").max_len(100_000).connect().await?;
/// let bus = Bus::builder().transport(transport).build();
/// # drop(bus);
/// # Ok(())
/// # }
/// ```
///
/// Dropped, it ends its connections and its background task.
pub struct RedisStreams {
    pub(crate) shared: Arc<Shared>,
}

impl RedisStreams {
    /// Connects with the default settings: `redis://[user:password@]host[:port][/database]`, or `rediss://` with the feature `tls`.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the server cannot be used. It shows neither the URL nor a password.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::builder(url).connect().await
    }

    /// Connects with other settings.
    pub fn builder(url: &str) -> RedisStreamsBuilder {
        RedisStreamsBuilder::new(url)
    }
}

impl Transport for RedisStreams {
    fn capabilities(&self) -> Capabilities {
        let is_partitioned = self.shared.settings.partitions > 0;
        let ordering = if is_partitioned { TransportOrdering::Group } else { TransportOrdering::Process };
        Capabilities::IN_PROCESS
            .with_codec()
            .with_durability(self.shared.durability)
            .with_ordering(ordering)
            .with_replay()
            .with_max_payload(Message::MAX_DATA)
            .with_max_batch(MAX_BATCH)
            .with_max_under_way(UNDER_WAY)
            .with_lease(self.shared.settings.lease)
            .with_delay(Some(LATE))
            .with_dead_letters()
            .with_dedupe()
            .without_bounds()
    }

    fn attach(&self, reports: TransportReports) {
        let _ = self.shared.reports.set(reports);
    }

    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        Box::pin(async move {
            if batch.iter().any(|message| message.not_before().is_some()) {
                self.shared.start_background();
            }
            self.shared.publish(batch).await
        })
    }

    fn subscribe(&self, group: GroupSpec) -> Answer<'_, Arc<dyn Source>> {
        Box::pin(async move {
            let source: Arc<dyn Source> = Arc::new(self.shared.subscribe(group).await?);
            Ok(source)
        })
    }

    fn groups(&self) -> Answer<'_, Vec<GroupState>> {
        Box::pin(async {
            // The statistics of a bus poll this once, perhaps outside of a runtime: nothing is sent for an answer that comes too late.
            tokio::task::yield_now().await;
            self.shared.group_states().await
        })
    }

    fn remove_group<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<Message>> {
        Box::pin(async move {
            self.shared.remove_group(name).await?;
            Ok(Vec::new())
        })
    }

    fn dead_letters(&self, query: LetterQuery) -> Answer<'_, LetterPage> {
        Box::pin(self.shared.dead_letters(query))
    }

    fn end_letters<'a>(&'a self, ids: &'a [LetterId], end: LetterEnd) -> BoxFuture<'a, Vec<Result<(), BoxError>>> {
        Box::pin(self.shared.end_letters(ids, end))
    }

    fn health(&self) -> BoxFuture<'_, TransportHealth> {
        Box::pin(async {
            let asked = match self.shared.check_open("tell the health") {
                Ok(()) => self.shared.work.run_one("tell the health", redis::cmd("PING")).await.map(drop),
                Err(error) => Err(error),
            };
            let (last_error, last_progress) = self.shared.health.get();
            let mut health = match asked {
                Ok(()) => TransportHealth::connected(),
                Err(error) => TransportHealth::disconnected(error.to_string()),
            };
            health.last_error = health.last_error.or(last_error);
            health.last_progress = last_progress;
            health
        })
    }

    fn close(&self, deadline: Duration) -> Answer<'_, Vec<(Option<Arc<str>>, Message)>> {
        self.shared.close();
        self.shared.tasks.close();
        Box::pin(async move {
            // Partitions are given up, so that others need not wait for the lease.
            let _ = timeout(deadline, self.shared.tasks.wait()).await;
            // The server has what is left.
            Ok(Vec::new())
        })
    }
}

impl Drop for RedisStreams {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl fmt::Debug for RedisStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStreams").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}
