//! The reader task of a consumer whose workers do not lease by themselves: its source cannot answer at once, or the consumer
//! has keys, whose order is decided in one place.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::{intake, leases::Leases, state::ConsumerState};
use crate::{
    listener::BoxError,
    publish::Contained,
    transport::{Operation, Read},
};

/// How many deliveries are read at most at once, unless there are more workers.
const MAX_READ: usize = 256;

const READ_AGAIN: Duration = Duration::from_millis(50);
const READ_AGAIN_CAP: Duration = Duration::from_secs(5);

/// How long a stop waits for a read that its source does not end.
const CLOSE: Duration = Duration::from_secs(1);

/// Gives what the source says, and whether nothing came. What came is admitted.
type Reading = Contained<'static, (Result<Read, BoxError>, bool)>;

pub(super) async fn read(consumer: Arc<ConsumerState>) {
    let scheduler = &consumer.scheduler;
    let mut pause = READ_AGAIN;
    let mut is_closed = false;
    let mut not_before: Option<Instant> = None;
    // It goes on while others are looked after.
    let mut reading: Option<Reading> = None;
    while !scheduler.is_stopping() {
        // Before it looks, so that nothing is missed in between.
        let wanted = scheduler.wanted();
        let free = free(&consumer);
        let may_read = !is_closed && !scheduler.is_paused() && !scheduler.is_full() && free > 0;
        let is_early = not_before.is_some_and(|moment| moment > Instant::now());
        if reading.is_none() && may_read && !is_early {
            reading = Some(begin(&consumer, free));
        }
        let ended = tokio::select! {
            biased;
            read = next(&consumer, &mut reading) => read,
            () = wanted => continue,
            () = scheduler.stopped.cancelled() => break,
            () = until(not_before.filter(|_| is_early && may_read)) => continue,
            () = due(&consumer) => {
                // What is due is ready from here on.
                scheduler.active();
                scheduler.add_ready(Vec::new());
                continue;
            }
        };
        let began_at = Instant::now();
        let (read, is_empty) = ended;
        if read.is_ok() {
            consumer.has_read();
        }
        match read {
            Ok(Read::Closed) => {
                is_closed = true;
                consumer.source_closed();
            }
            Ok(_) if is_empty => {
                // A source that says at once that nothing came must not hold the thread.
                not_before = Some(began_at + Duration::from_millis(1));
            }
            Ok(_) => (pause, not_before) = (READ_AGAIN, None),
            Err(error) => {
                consumer.read_failed(error);
                not_before = Some(Instant::now() + pause.mul_f64(0.5 + fastrand::f64() / 2.0));
                pause = (pause * 2).min(READ_AGAIN_CAP);
            }
        }
    }
    if let Some(reading) = reading {
        finish(&consumer, reading).await;
    }
    if scheduler.is_swept() {
        consumer.give_back_now();
    }
}

/// The read that is under way ends with the close of its source; what it has leased goes back with the rest.
async fn finish(consumer: &Arc<ConsumerState>, reading: Reading) {
    let mut reading = Some(reading);
    let read = async {
        let unended = Unended(consumer);
        // Dropped, in time or by the abort of this task, it has not ended.
        let ended = next(consumer, &mut reading).await;
        std::mem::forget(unended);
        if let Err(error) = ended.0 {
            consumer.transport_error(Operation::Read, error);
        }
    };
    let _ = tokio::join!(intake::close_source(consumer, CLOSE), timeout(CLOSE, read));
}

/// A read that is under way though its source is closed; dropped, this is told.
struct Unended<'c>(&'c ConsumerState);

impl Drop for Unended<'_> {
    fn drop(&mut self) {
        self.0.transport_error(Operation::Read, "a read did not end when its source was closed");
    }
}

/// How many deliveries to read: what workers are free to take (B11). While handlers are quick that is two batches for each
/// worker: one is read while the other is handled and settled.
fn free(consumer: &ConsumerState) -> usize {
    let (batch, active) = (consumer.batch_size(), consumer.scheduler.active());
    if batch == 1 {
        return consumer.workers().saturating_sub(active);
    }
    let target = (consumer.workers() * batch * 2).min(2 * MAX_READ).max(consumer.workers());
    if active <= target / 2 { target.saturating_sub(active).min(MAX_READ) } else { 0 }
}

fn begin(consumer: &Arc<ConsumerState>, max: usize) -> Reading {
    let consumer = Arc::clone(consumer);
    Contained::new(Box::pin(async move {
        let source = &consumer.source;
        let mut leases = Leases::new(Arc::clone(&consumer), max);
        let mut at_once = consumer.try_lease(max, &mut leases.batch);
        if at_once == Some(Read::Batch) && leases.batch.is_empty() {
            // It only waits: a pause meanwhile finds nothing leased.
            match source.next(0, &mut leases.batch).await {
                Ok(Read::Batch) => at_once = consumer.try_lease(max, &mut leases.batch),
                other => return (other, leases.batch.is_empty()),
            }
        }
        let read = match at_once {
            Some(read) => Ok(read),
            // It waits, and leases what came.
            None => source.next(max, &mut leases.batch).await,
        };
        (read, leases.batch.is_empty())
    }))
}

/// Polls the read that is under way; a panic is an error.
async fn next(consumer: &ConsumerState, reading: &mut Option<Reading>) -> (Result<Read, BoxError>, bool) {
    std::future::poll_fn(|cx| {
        let Some(under_way) = reading else { return Poll::Pending };
        // What comes is in nobody's books until it is admitted.
        let _leasing = consumer.scheduler.leasing();
        let ended = ready!(Pin::new(under_way).poll(cx));
        *reading = None;
        Poll::Ready(ended.unwrap_or_else(|panic| (Err(BoxError::from(&*panic)), true)))
    })
    .await
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn due(consumer: &ConsumerState) {
    until(consumer.scheduler.next_due()).await;
}
