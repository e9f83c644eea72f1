//! The reader task of a consumer whose workers do not lease by themselves: its source cannot answer at once, or the consumer
//! tells keys, whose order is decided in one place.

use std::{pin::Pin, sync::Arc, task::Poll, time::Duration};

use tokio::time::{Instant, timeout};

use super::{intake, scheduler::Leasing, state::ConsumerState};
use crate::{
    event::isolate,
    listener::BoxError,
    transport::{Leased, Operation, Read},
};

/// How many deliveries are read at most at once.
const MAX_READ: usize = 256;

const READ_AGAIN: Duration = Duration::from_millis(50);
const READ_AGAIN_CAP: Duration = Duration::from_secs(5);

/// How long a stop waits for a read that its source does not end.
const CLOSE: Duration = Duration::from_secs(1);

type Reading = Pin<Box<dyn Future<Output = (Result<Read, BoxError>, Vec<Leased>)> + Send>>;

pub(super) async fn read(consumer: Arc<ConsumerState>) {
    let scheduler = &consumer.scheduler;
    let (mut pause, mut max) = (READ_AGAIN, consumer.workers().min(MAX_READ));
    let mut is_closed = false;
    let mut not_before: Option<Instant> = None;
    // It goes on while others are looked after.
    let mut reading: Option<Reading> = None;
    while !scheduler.is_stopping() {
        // Before it looks, so that nothing is missed in between.
        let wanted = scheduler.wanted();
        let low = (max / 2).max(consumer.workers());
        let may_read = !is_closed && !scheduler.is_paused() && !scheduler.is_full() && scheduler.ready() < low;
        let is_early = not_before.is_some_and(|moment| moment > Instant::now());
        if reading.is_none() && may_read && !is_early {
            max = (max * 2).min(MAX_READ).max(consumer.workers());
            reading = Some(begin(&consumer, max));
        }
        let ended = tokio::select! {
            biased;
            read = next(&consumer, &mut reading) => read,
            () = wanted => continue,
            () = scheduler.stopped.cancelled() => break,
            () = until(not_before.filter(|_| is_early && may_read)) => continue,
            () = due(&consumer) => {
                scheduler.ready();
                scheduler.add_ready(Vec::new());
                continue;
            }
        };
        let began_at = Instant::now();
        let (read, leased, _leasing) = ended;
        let is_empty = leased.is_empty();
        admit(&consumer, leased, max);
        if read.is_ok() {
            consumer.has_read();
        }
        match read {
            Ok(Read::Closed) => is_closed = true,
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
        finish(&consumer, reading, max).await;
    }
    if scheduler.is_swept() {
        consumer.give_back_now();
    }
}

/// The read that is under way ends with the close of its source; what it has leased goes back with the rest.
async fn finish(consumer: &Arc<ConsumerState>, reading: Reading, max: usize) {
    let mut reading = Some(reading);
    let closing = intake::close_source(consumer);
    let ended = async {
        let ((), ended) = tokio::join!(closing, next(consumer, &mut reading));
        ended
    };
    match timeout(CLOSE, ended).await {
        Ok((read, leased, _leasing)) => {
            if let Err(error) = read {
                consumer.transport_error(Operation::Read, error);
            }
            admit(consumer, leased, max);
        }
        Err(_) => consumer.transport_error(Operation::Read, "a read did not end when its source was closed"),
    }
    let _ = isolate(|| drop(reading));
}

fn begin(consumer: &Arc<ConsumerState>, max: usize) -> Reading {
    let source = Arc::clone(&consumer.source);
    Box::pin(async move {
        let mut into = Vec::new();
        let read = match source.try_next(max, &mut into) {
            Some(read) if !into.is_empty() || read == Read::Closed => Ok(read),
            // It waits, and leases what came.
            _ => source.next(max, &mut into).await,
        };
        (read, into)
    })
}

/// Polls the read that is under way; a panic is an error.
async fn next<'c>(
    consumer: &'c ConsumerState,
    reading: &mut Option<Reading>,
) -> (Result<Read, BoxError>, Vec<Leased>, Leasing<'c>) {
    std::future::poll_fn(|cx| {
        let Some(under_way) = reading else { return Poll::Pending };
        // What comes is in nobody's books until it is admitted.
        let leasing = consumer.scheduler.leasing();
        let polled = isolate(|| under_way.as_mut().poll(cx));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(ended)) => ended,
            Err(message) => (Err(BoxError::from(&*message)), Vec::new()),
        };
        let done = reading.take();
        let _ = isolate(|| drop(done));
        Poll::Ready((ended.0, ended.1, leasing))
    })
    .await
}

/// Tells keys, and makes deliveries ready.
fn admit(consumer: &ConsumerState, mut leased: Vec<Leased>, max: usize) {
    if leased.is_empty() {
        return;
    }
    if leased.len() > max {
        let text = format!("the source handed out {} messages, and {max} were asked for", leased.len());
        consumer.transport_error(Operation::Read, text);
    }
    consumer.ledger.received.add(leased.len() as u64);
    // User code: before the lock is taken.
    let mut keys = leased.iter().map(|leased| consumer.key_of(&leased.message)).collect::<Vec<_>>().into_iter();
    consumer.scheduler.admit(&mut leased, |_| keys.next().flatten());
    consumer.scheduler.add_ready(leased);
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
