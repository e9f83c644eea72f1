//! Where a worker gets its deliveries from: those that are ready in its consumer, and its source.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};

use super::{
    desk::Desk,
    keys::key_of_message,
    pace::Pace,
    state::{ConsumerState, MAX_BATCH},
};
use crate::{
    event::isolate,
    publish::isolated,
    sync::lock,
    transport::{Leased, Operation, Read},
};

/// How often a worker that finds nothing goes once more through the runtime's scheduler before it waits: waking a thread
/// costs more.
const YIELDS: u32 = 12;

/// Fills the worker's hand; `false` if the consumer stops.
pub(super) async fn fill(desk: &Arc<Desk>) -> bool {
    let consumer = &desk.consumer;
    let scheduler = &consumer.scheduler;
    let mut batch = desk.slot().lock().buffer();
    let (mut yields, mut pace) = (0, Pace::new());
    let take = |batch: &mut Vec<Leased>| scheduler.take(consumer.batch_size(), consumer.workers(), batch);
    // The source has said that it has something: it is looked at first.
    let mut is_told = false;
    loop {
        // Before it looks, so that nothing is missed in between, a stop included.
        let work = if yields >= YIELDS { Some(scheduler.work()) } else { None };
        if scheduler.is_stopping() {
            return false;
        }
        let mut read = None;
        if scheduler.is_open() {
            let is_told = std::mem::take(&mut is_told);
            let mut is_found = !is_told && take(&mut batch);
            if !is_found && consumer.reads_directly && !scheduler.is_full() {
                read = Some(lease(consumer, consumer.batch_size(), &mut batch, &mut pace));
                is_found = !batch.is_empty();
            }
            if is_found || is_told && take(&mut batch) {
                desk.slot().lock().begin_batch(batch);
                return true;
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
                    () = pace.arrival(consumer) => is_told = true,
                    () = due(consumer) => {}
                }
            }
            Some(Err(())) => {
                tokio::select! {
                    biased;
                    () = work => {}
                    () = pace.after_error() => {}
                    () = due(consumer) => {}
                }
            }
            // Closed, paused, full, or a reader task leases.
            read @ (Some(Ok(_)) | None) => {
                if read.is_some() {
                    consumer.source_closed();
                }
                tokio::select! {
                    biased;
                    () = work => {}
                    () = due(consumer) => {}
                }
            }
        }
        // Mostly there is something now: it looks once before it registers for the next wait.
        yields -= 1;
    }
}

/// Leases deliveries from a source that answers at once, and sets those aside whose key is taken.
fn lease(consumer: &ConsumerState, max: usize, batch: &mut Vec<Leased>, pace: &mut Pace) -> Result<Read, ()> {
    let _leasing = consumer.scheduler.leasing();
    let _turn = lock(&consumer.intake);
    if !consumer.scheduler.is_open() {
        // A pause waits for this lock: nothing is leased after it.
        return Ok(Read::Batch);
    }
    let read = isolate(|| consumer.source.try_next(max, batch));
    if !batch.is_empty() {
        consumer.has_leased();
        pace.found_something();
        consumer.check_count(batch.len(), max);
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

/// Waits until a delivery is due that waits for its next attempt.
async fn due(consumer: &ConsumerState) {
    match consumer.scheduler.next_due() {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
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
    let mut pace = Pace::new();
    loop {
        let work = consumer.scheduler.work();
        let missing = max.saturating_sub(desk.in_hand_for(route));
        if missing == 0 || !consumer.scheduler.is_open() {
            return;
        }
        let mut more = Vec::new();
        let mut read = None;
        if !consumer.scheduler.take(missing, 1, &mut more) && consumer.reads_directly {
            read = Some(lease(consumer, missing, &mut more, &mut pace));
        }
        if !more.is_empty() {
            desk.slot().lock().append_rest(more);
            continue;
        }
        if Instant::now() >= over {
            return;
        }
        let arrives = async {
            match read {
                Some(Ok(Read::Batch)) => pace.arrival(consumer).await,
                Some(Err(())) => pace.after_error().await,
                Some(Ok(_)) | None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = work => {}
            () = arrives => {}
            () = sleep_until(over) => return,
        }
    }
}

/// Closes the source: others get at once what it has read ahead.
pub(super) async fn close_source(consumer: &ConsumerState, limit: Duration) {
    let answer = match isolate(|| consumer.source.close()) {
        Ok(closing) => match timeout(limit, isolated(closing)).await {
            Ok(answer) => answer,
            Err(_) => Err("the source has not closed in time".into()),
        },
        Err(panic) => Err(panic),
    };
    match answer {
        Ok(Ok(())) => {}
        Ok(Err(error)) => consumer.transport_error(Operation::CloseSource, error),
        Err(panic) => consumer.transport_error(Operation::CloseSource, &*panic),
    }
}
