//! The tasks of a consumer: one that reads, some that handle, and one that keeps leases where they run out.

use std::{
    collections::VecDeque,
    future::{poll_fn, ready},
    mem,
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::{
    scheduler::Demand,
    shared::{Attempt, Ended, Seat, Settled, Shared, answered},
};
use crate::{
    event::isolate,
    listener::BoxError,
    publish::{BoxFuture, Leased},
    sync::lock,
};

/// How many deliveries a worker takes at once, if they end as soon as they begin.
const MOST_TAKEN: usize = 32;

/// How many deliveries are read at once, if they end as soon as they begin.
const MOST_READ: usize = 256;

/// How long the reader waits after its transport has failed, and how long that grows.
const READ_AGAIN: Duration = Duration::from_millis(50);
const READ_AGAIN_CAP: Duration = Duration::from_secs(5);

/// Reads deliveries as they are wanted, and wakes those whose next attempt is due.
pub(super) async fn read(shared: Arc<Shared>) {
    let reading = Reading(shared);
    let shared = &reading.0;
    let scheduler = &shared.scheduler;
    let mut pause = READ_AGAIN;
    let mut closed = false;
    let mut not_before: Option<Instant> = None;
    // It goes on while others are looked after: a transport elsewhere delivers again what was leased to one that is given up.
    let mut next = None;
    loop {
        // Before the question, so that no notification falls between.
        let wanted = scheduler.wanted();
        let demand = scheduler.demand(scheduler.low(shared.workers()));
        let due = scheduler.next_due();
        let wait_until = match demand {
            Demand::Stop => break,
            Demand::Full(due) => {
                // Not kept aside: what it holds of the transport may be what a settling waits for.
                let given_up = next.take();
                let _ = isolate(|| drop(given_up));
                Some(due)
            }
            _ if next.is_some() => None,
            Demand::Wait(due) => Some(due),
            Demand::Read if closed => Some(due),
            Demand::Read if not_before.is_some_and(|moment| moment > Instant::now()) => {
                Some(due.into_iter().chain(not_before).min())
            }
            Demand::Read => None,
        };
        if let Some(due) = wait_until {
            wait(wanted, due).await;
            continue;
        }
        let look = next.get_or_insert_with(|| begin_look(shared));
        let looked = poll_fn(|cx| {
            scheduler.reads();
            let polled = isolate(|| look.as_mut().poll(cx)).unwrap_or_else(|message| Poll::Ready(panicked(&message)));
            if polled.is_pending() {
                scheduler.has_read();
            }
            polled
        });
        let read = tokio::select! {
            read = looked => read,
            () = wait(wanted, due) => continue,
        };
        let ended = next.take();
        let _ = isolate(|| drop(ended));
        match read {
            Ok(leased) if leased.is_empty() => closed = true,
            Ok(leased) => {
                (pause, not_before) = (READ_AGAIN, None);
                shared.add(leased);
            }
            Err(error) => {
                let _ = isolate(|| drop(error));
                shared.ledger.read_errors.add(1);
                not_before = Some(Instant::now() + pause.mul_f64(0.5 + fastrand::f64() / 2.0));
                pause = (pause * 2).min(READ_AGAIN_CAP);
            }
        }
        scheduler.has_read();
    }
    let _ = isolate(|| drop(next));
}

/// Who reads. What it still brings when the consumer has ended goes back.
struct Reading(Arc<Shared>);

impl Drop for Reading {
    fn drop(&mut self) {
        if self.0.scheduler.is_swept() {
            self.0.settle_now(self.0.take_back());
        }
    }
}

type Looked = Result<Vec<Leased>, BoxError>;

/// Begins a look at the transport, whose code is foreign.
fn begin_look(shared: &Shared) -> BoxFuture<'_, Looked> {
    let most = shared.scheduler.to_read(shared.workers(), MOST_READ);
    isolate(|| shared.source.next(most)).unwrap_or_else(|message| Box::pin(ready(panicked(&message))))
}

/// A panic is an error like any other: the reader goes on.
fn panicked(message: &str) -> Looked {
    Err(message.into())
}

async fn wait(wanted: event_listener::EventListener, due: Option<Instant>) {
    match due {
        Some(due) => _ = timeout_at(due, wanted).await,
        None => wanted.await,
    }
}

/// Handles deliveries, one after the other.
pub(super) async fn work(shared: Arc<Shared>, at: usize) {
    let seat = Arc::new(Seat { shared, at });
    let mut at_work = AtWork { seat: Arc::clone(&seat), settled: Settled::default() };
    let settled = &mut at_work.settled;
    let shared = &seat.shared;
    let mut taken = VecDeque::new();
    loop {
        shared.scheduler.take(MOST_TAKEN, shared.workers(), &mut taken).await;
        if taken.is_empty() {
            break;
        }
        lock(&shared.places[at]).taken.append(&mut taken);
        while !shared.scheduler.is_stopping() {
            #[cfg(feature = "rate-limit")]
            if !admit(&seat, settled).await {
                break;
            }
            let Some(starts) = seat.begin() else { break };
            let ended = attempt(&seat, starts, settled).await;
            let Some(job) = lock(&shared.places[at]).running.take() else { unreachable!("only this worker takes it") };
            shared.end(job, ended, settled);
            if !shared.scheduler.is_stopping() {
                // Handlers that never wait shall not keep others from this thread.
                tokio::task::coop::consume_budget().await;
            }
        }
        shared.leave(at);
        shared.settle(settled).await;
    }
    if shared.scheduler.is_swept() {
        // This worker was held up beyond the stop.
        shared.hand_back().await;
    }
}

/// A worker. If its task is dropped, since its runtime goes away or it was aborted, what it has is not lost.
struct AtWork {
    seat: Arc<Seat>,
    settled: Settled,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let Seat { shared, at } = &*self.seat;
        shared.settle_now(mem::take(&mut self.settled));
        let running = lock(&shared.places[*at]).running.take();
        if let Some(job) = running {
            shared.scheduler.cancelled(job);
        }
        shared.leave(*at);
        if shared.scheduler.is_swept() {
            // Nobody else looks any more.
            shared.settle_now(shared.take_back());
        }
    }
}

/// Makes an attempt. If it does not end at once, the others that were taken are left to the other workers.
async fn attempt(seat: &Arc<Seat>, starts: Attempt, settled: &mut Settled) -> Ended {
    let shared = &seat.shared;
    let began = shared.timeout.map(|limit| (limit, Instant::now()));
    let mut run = match starts.begin() {
        Ok(run) => run,
        Err(ended) => return ended,
    };
    let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut run).poll(cx))).await;
    if let Poll::Ready(result) = first {
        return result.into();
    }
    shared.scheduler.is_slow();
    shared.leave(seat.at);
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

/// Waits until the rate allows one more; whether that is before the consumer stops.
#[cfg(feature = "rate-limit")]
async fn admit(seat: &Arc<Seat>, settled: &mut Settled) -> bool {
    let shared = &seat.shared;
    let Some(limiter) = &shared.limiter else { return true };
    if lock(&shared.places[seat.at]).taken.is_empty() {
        return true;
    }
    while let Err(wait) = limiter.take() {
        shared.scheduler.is_slow();
        shared.settle(settled).await;
        tokio::select! {
            biased;
            () = shared.scheduler.stopped() => return false,
            () = sleep(wait) => {}
        }
    }
    true
}

/// Extends the leases that are held, three times in the time after which they run out.
pub(super) async fn keep(shared: Arc<Shared>, time: Duration) {
    let Some(leases) = &shared.leases else { return };
    loop {
        sleep(time / 3).await;
        let held: Vec<_> = lock(leases).iter().copied().collect();
        if held.is_empty() {
            continue;
        }
        let is_extended = match isolate(|| shared.source.extend(&held)) {
            Ok(extending) => answered(extending).await,
            Err(_) => false,
        };
        if !is_extended {
            shared.ledger.settle_errors.add(1);
        }
    }
}
