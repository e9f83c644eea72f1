//! The tasks of a consumer: its workers, and one that keeps leases where they run out.

use std::{collections::VecDeque, future::poll_fn, pin::Pin, sync::Arc, task::Poll, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};

use super::{
    scheduler::Job,
    shared::{Ended, Seat, Settled, Shared},
};
use crate::sync::lock;

/// How many deliveries a worker takes at once, if they end as soon as they begin.
const MOST_TAKEN: usize = 32;

/// Takes what is ready. Where nothing is, one of the workers reads, and the others wait until it has. None at the end.
async fn next(shared: &Arc<Shared>, taken: &mut VecDeque<Job>) {
    let (scheduler, workers) = (&shared.scheduler, shared.workers());
    loop {
        if scheduler.try_take(MOST_TAKEN, workers, taken) {
            return;
        }
        // Before the second look, so that no notification falls between.
        let work = scheduler.work();
        if scheduler.try_take(MOST_TAKEN, workers, taken) {
            return;
        }
        match shared.reader.try_lock() {
            Ok(mut reader) => {
                drop(work);
                reader.read(shared).await;
                drop(reader);
                // This worker is about to be busy: another one may read.
                scheduler.wake_one();
            }
            Err(_) => work.await,
        }
    }
}

/// Handles deliveries, one after the other.
pub(super) async fn work(shared: Arc<Shared>, at: usize) {
    let seat = Arc::new(Seat { shared, at });
    let shared = &seat.shared;
    let mut taken = VecDeque::new();
    let mut settled = Settled::default();
    loop {
        next(shared, &mut taken).await;
        if taken.is_empty() {
            return;
        }
        while let Some(job) = taken.pop_front() {
            if shared.scheduler.is_stopping() {
                taken.push_front(job);
                break;
            }
            #[cfg(feature = "rate-limit")]
            let Some(job) = admit(shared, job, &mut taken, &mut settled).await else { break };
            let ended = attempt(&seat, job, &mut taken, &mut settled).await;
            let Some(job) = lock(&shared.running[at]).take() else { unreachable!("only this worker takes it") };
            shared.end(job, ended, &mut settled);
        }
        shared.scheduler.give_back(&mut taken);
        shared.settle(&mut settled).await;
        // Handlers that never wait shall not keep others from this thread.
        tokio::task::coop::consume_budget().await;
    }
}

/// Makes an attempt. If it does not end at once, the others that were taken are left to the other workers.
async fn attempt(seat: &Arc<Seat>, job: Job, taken: &mut VecDeque<Job>, settled: &mut Settled) -> Ended {
    let shared = &seat.shared;
    let began = shared.timeout.map(|limit| (limit, Instant::now()));
    let mut run = match seat.begin(job) {
        Ok(run) => run,
        Err(ended) => return ended,
    };
    let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut run).poll(cx))).await;
    if let Poll::Ready(result) = first {
        return result.into();
    }
    shared.scheduler.is_slow();
    shared.scheduler.give_back(taken);
    shared.settle(settled).await;
    let time_is_up = async {
        match began {
            Some((limit, began)) => {
                match began.checked_add(limit) {
                    Some(end) => sleep_until(end).await,
                    None => std::future::pending().await,
                }
                limit
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        result = &mut run => result.into(),
        () = shared.cancel.cancelled() => Ended::Cancelled,
        limit = time_is_up => Ended::Badly(super::AttemptError::TimedOut(limit)),
    }
}

impl From<Result<(), super::AttemptError>> for Ended {
    fn from(result: Result<(), super::AttemptError>) -> Self {
        match result {
            Ok(()) => Self::Well,
            Err(error) => Self::Badly(error),
        }
    }
}

/// Waits until the rate allows one more; `None` if the consumer stops first: the delivery is then given back.
#[cfg(feature = "rate-limit")]
async fn admit(shared: &Arc<Shared>, job: Job, taken: &mut VecDeque<Job>, settled: &mut Settled) -> Option<Job> {
    let Some(limiter) = &shared.limiter else { return Some(job) };
    while let Err(wait) = limiter.take() {
        shared.scheduler.is_slow();
        shared.settle(settled).await;
        tokio::select! {
            biased;
            () = shared.scheduler.stopped() => {
                taken.push_front(job);
                return None;
            }
            () = sleep(wait) => {}
        }
    }
    Some(job)
}

/// Extends the leases that are held, three times in the time after which they run out.
pub(super) async fn keep(shared: Arc<Shared>, time: Duration) {
    let Some(leases) = &shared.leases else { return };
    loop {
        sleep(time / 3).await;
        let held: Vec<_> = lock(leases).iter().copied().collect();
        if !held.is_empty() && shared.source.extend(&held).await.is_err() {
            shared.ledger.settle_errors.add(1);
        }
    }
}
