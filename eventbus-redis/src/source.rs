//! One consumer's end of a group.

use std::{sync::Arc, time::Duration};

use eventbus_core::{Answer, BoxError, BoxFuture, LeaseId, Leased, Read, Source, Unsettled};
use tokio::time::timeout;

use crate::{entry::EntryId, error::over, reader, reading::Reading};

/// A source. Dropped, it stops reading, and gives back what it has read ahead.
pub(crate) struct RedisSource(Arc<Reading>);

impl RedisSource {
    /// Starts the reader. `seen` holds the last entry that was handed out, for each stream.
    pub(crate) fn start(reading: Reading, seen: Vec<EntryId>) -> Self {
        let reading = Arc::new(reading);
        reading.shared.tasks.spawn(reader::run(Arc::clone(&reading), seen));
        Self(reading)
    }

    pub(crate) fn reading(&self) -> &Arc<Reading> {
        &self.0
    }

    /// How long closing lasts at most: a read that was not woken, and giving back.
    fn limit(&self) -> Duration {
        let settings = &self.0.shared.settings;
        settings.block + settings.limits.answer * 2
    }
}

impl Source for RedisSource {
    fn next<'a>(&'a self, max: usize, into: &'a mut Vec<Leased>) -> Answer<'a, Read> {
        Box::pin(self.0.next(max, into))
    }

    fn settle(&self, batch: Vec<Leased>) -> BoxFuture<'static, Vec<Unsettled>> {
        let reading = Arc::clone(&self.0);
        Box::pin(async move { reading.settle(batch).await })
    }

    fn extend(&self, leases: Vec<LeaseId>) -> Answer<'static, Vec<LeaseId>> {
        let reading = Arc::clone(&self.0);
        Box::pin(async move { Ok(reading.extend(leases).await?) })
    }

    fn close(&self) -> Answer<'_, ()> {
        self.0.closing.cancel();
        Box::pin(async move {
            let limit = self.limit();
            let ended = timeout(limit, self.0.ended.cancelled()).await;
            ended.map_err(|_| BoxError::from(format!("the reader has not ended: {}", over(limit))))
        })
    }
}

impl Drop for RedisSource {
    fn drop(&mut self) {
        self.0.closing.cancel();
    }
}
