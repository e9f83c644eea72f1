//! Where a worker gets its deliveries from: those that are ready in its consumer, and its source.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    desk::Desk,
    keys::key_of_message,
    settle::isolated,
    state::{ConsumerState, MAX_BATCH},
};
use crate::{
    event::isolate,
    sync::lock,
    transport::{Leased, Operation, Read},
};

/// How often a worker that finds nothing goes once more through the runtime's scheduler before it waits: waking a thread
/// costs more.
const YIELDS: u32 = 4;

/// How long a worker waits after an error of its source.
const READ_AGAIN: Duration = Duration::from_millis(50);
const READ_AGAIN_CAP: Duration = Duration::from_secs(5);

/// Fills the worker's hand; `false` if the consumer stops.
pub(super) async fn fill(desk: &Arc<Desk>) -> bool {
    let consumer = &desk.consumer;
    let scheduler = &consumer.scheduler;
    let mut batch = desk.slot().lock().buffer();
    let (mut yields, mut pause) = (0, READ_AGAIN);
    loop {
        if scheduler.is_stopping() {
            return false;
        }
        // Before it looks, so that nothing is missed in between.
        let work = if yields >= YIELDS { Some(scheduler.work()) } else { None };
        let mut read = None;
        if scheduler.is_open() {
            if scheduler.take(consumer.batch_size(), consumer.workers(), &mut batch) {
                desk.slot().lock().begin_batch(batch);
                return true;
            }
            if consumer.reads_directly && !scheduler.is_full() {
                read = Some(lease(consumer, consumer.batch_size(), &mut batch));
                if !batch.is_empty() {
                    desk.slot().lock().begin_batch(batch);
                    return true;
                }
            }
        }
        let Some(work) = work else {
            yields += 1;
            tokio::task::yield_now().await;
            continue;
        };
        match read {
            Some(Ok(Read::Batch)) => {
                tokio::select! {
                    biased;
                    () = work => {}
                    arrived = arrival(consumer) => if arrived { pause = READ_AGAIN } else {
                        wait(consumer, Instant::now() + pause).await;
                        pause = (pause * 2).min(READ_AGAIN_CAP);
                    },
                    () = due(consumer) => {}
                }
            }
            Some(Err(())) => {
                wait(consumer, Instant::now() + pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                pause = (pause * 2).min(READ_AGAIN_CAP);
            }
            // Closed, paused, full, or a reader task leases.
            Some(Ok(_)) | None => {
                tokio::select! {
                    biased;
                    () = work => {}
                    () = due(consumer) => {}
                }
            }
        }
    }
}

/// Leases deliveries from a source that answers at once, and sets those aside whose key is taken.
fn lease(consumer: &ConsumerState, max: usize, batch: &mut Vec<Leased>) -> Result<Read, ()> {
    let _leasing = consumer.scheduler.leasing();
    let _turn = lock(&consumer.intake);
    let read = isolate(|| consumer.source.try_next(max, batch));
    if !batch.is_empty() {
        consumer.ledger.received.add(batch.len() as u64);
        consumer.scheduler.admit(batch, |leased| key_of_message(&leased.message));
    }
    match read {
        Ok(read) => Ok(read.unwrap_or(Read::Batch)),
        Err(panic) => {
            consumer.read_failed(&*panic);
            Err(())
        }
    }
}

/// Waits until the source has something; `false` after an error.
async fn arrival(consumer: &ConsumerState) -> bool {
    let mut none = Vec::new();
    let next = isolate(|| consumer.source.next(0, &mut none));
    let answer = match next {
        Ok(next) => waiting(next).await,
        Err(panic) => Err(panic),
    };
    match answer {
        Ok(Ok(_)) => {
            consumer.has_read();
            true
        }
        Ok(Err(error)) => {
            consumer.read_failed(error);
            false
        }
        Err(panic) => {
            consumer.read_failed(&*panic);
            false
        }
    }
}

/// Awaits a read, which may take as long as it likes; its panic is an error.
async fn waiting<T>(mut next: crate::transport::BoxFuture<'_, T>) -> Result<T, Arc<str>> {
    let read = std::future::poll_fn(|cx| match isolate(|| next.as_mut().poll(cx)) {
        Ok(polled) => polled.map(Ok),
        Err(message) => std::task::Poll::Ready(Err(message)),
    });
    let read = read.await;
    let _ = isolate(|| drop(next));
    read
}

/// Waits until a delivery is due that waits for its next attempt.
async fn due(consumer: &ConsumerState) {
    match consumer.scheduler.next_due() {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Waits for a time, or a stop.
async fn wait(consumer: &ConsumerState, until: Instant) {
    tokio::select! {
        biased;
        () = consumer.scheduler.stopped.cancelled() => {}
        () = sleep_until(until) => {}
    }
}

/// Adds to the worker's hand until it has a full batch for a handler of batches, or the batch has waited long enough.
pub(super) async fn fill_batch(desk: &Arc<Desk>, route: usize, max: usize, longest: Duration) {
    let consumer = &desk.consumer;
    if longest.is_zero() && consumer.batch_size() >= max.min(MAX_BATCH) {
        // What is in hand is as much as there is, or enough.
        return;
    }
    let over = Instant::now() + longest;
    loop {
        let missing = max.saturating_sub(desk.in_hand_for(route));
        if missing == 0 || !consumer.scheduler.is_open() {
            return;
        }
        let work = consumer.scheduler.work();
        let mut more = Vec::new();
        if !consumer.scheduler.take(missing, 1, &mut more) && consumer.reads_directly {
            let _ = lease(consumer, missing, &mut more);
        }
        if !more.is_empty() {
            desk.slot().lock().append_rest(&mut more);
            continue;
        }
        if Instant::now() >= over {
            return;
        }
        let arrives =
            async { if consumer.reads_directly { _ = arrival(consumer).await } else { std::future::pending().await } };
        tokio::select! {
            biased;
            () = work => {}
            () = arrives => {}
            () = sleep_until(over) => return,
        }
    }
}

/// Closes the source: others get at once what it has read ahead.
pub(super) async fn close_source(consumer: &ConsumerState) {
    let answer = match isolate(|| consumer.source.close()) {
        Ok(closing) => isolated(closing).await,
        Err(panic) => Err(panic),
    };
    match answer {
        Ok(Ok(())) => {}
        Ok(Err(error)) => consumer.transport_error(Operation::CloseSource, error),
        Err(panic) => consumer.transport_error(Operation::CloseSource, &*panic),
    }
}
