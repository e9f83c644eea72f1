//! Which delivery is next: those that are ready, in order; those whose key is taken, behind it; those that wait for their next
//! attempt.
//!
//! A key is taken from the moment its delivery is ready until that has been handled for good. Deliveries come in through one
//! reader, in the order of the group, so that the order of a key is decided here and nowhere else.

use std::{collections::VecDeque, mem};

use event_listener::Event;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::held::{Job, MOST_HELD, Released, State};
use crate::sync::{AtomicBool, AtomicUsize, Mutex, Ordering, lock};

pub(super) struct Scheduler {
    state: Mutex<State>,
    /// The end, for those who ask, and for those who wait.
    stopping: AtomicBool,
    stopped: CancellationToken,
    /// How many deliveries are read at once: many, while they end as soon as they begin; else as many as there are workers.
    batch: AtomicUsize,
    /// Notified when a delivery is ready, or the end has come: for workers.
    work: Event,
    /// Notified when deliveries are wanted, when the next attempt may be another one, or the end has come: for the reader.
    wanted: Event,
    /// Notified when nothing is held, or the reader has nothing in hand, or the end has come.
    idle: Event,
    /// The reader looks for deliveries, or has some that are not held yet.
    reading: AtomicBool,
    /// What is held has been given back for good: what comes back later is to follow it.
    swept: AtomicBool,
}

/// What the reader is to do.
pub(super) enum Demand {
    /// Read.
    Read,
    /// Nothing is wanted now; but an attempt may be due then.
    Wait(Option<Instant>),
    /// The same, and nothing more may be held.
    Full(Option<Instant>),
    Stop,
}

impl Scheduler {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            stopping: AtomicBool::new(false),
            stopped: CancellationToken::new(),
            batch: AtomicUsize::new(1),
            work: Event::new(),
            wanted: Event::new(),
            idle: Event::new(),
            reading: AtomicBool::new(false),
            swept: AtomicBool::new(false),
        }
    }

    /// How many deliveries to read now.
    pub(super) fn to_read(&self, workers: usize, most: usize) -> usize {
        let batch = self.batch.load(Ordering::Relaxed).saturating_mul(2).clamp(workers, most.max(workers));
        self.batch.store(batch, Ordering::Relaxed);
        batch
    }

    /// Below how many ready deliveries more are wanted.
    pub(super) fn low(&self, workers: usize) -> usize {
        (self.batch.load(Ordering::Relaxed) / 2).max(workers)
    }

    /// A handler did not end at once: what is read from now on would wait here, where no other process can take it.
    pub(super) fn is_slow(&self) {
        self.batch.store(1, Ordering::Relaxed);
    }

    /// Takes in what has been read, in order. `number` and key order are decided here.
    pub(super) fn add(&self, jobs: Vec<Job>) {
        let mut added = 0;
        {
            let mut state = lock(&self.state);
            state.held += jobs.len();
            for mut job in jobs {
                job.number = state.numbered;
                state.numbered += 1;
                added += usize::from(state.admit(job));
            }
        }
        self.work.notify(added);
    }

    /// What the reader is to do, `low` being the number of ready deliveries below which more are wanted.
    pub(super) fn demand(&self, low: usize) -> Demand {
        let mut state = lock(&self.state);
        if self.is_stopping() {
            return Demand::Stop;
        }
        let now = Instant::now();
        let mut due = 0;
        while let Some(next) = state.delayed.first_entry()
            && next.key().0 <= now
        {
            let job = next.remove();
            // It has kept its key.
            state.ready.push_back(job);
            due += 1;
        }
        let demand = if state.held - state.ready.len() >= MOST_HELD.max(low) {
            Demand::Full(state.next_due())
        } else if state.ready.len() < low {
            Demand::Read
        } else {
            Demand::Wait(state.next_due())
        };
        drop(state);
        self.work.notify(due);
        demand
    }

    /// When the next attempt of a delayed delivery is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        lock(&self.state).next_due()
    }

    pub(super) fn wanted(&self) -> event_listener::EventListener {
        self.wanted.listen()
    }

    /// Takes up to `max` deliveries that are ready, leaving their share to the other workers; none at the end.
    pub(super) async fn take(&self, max: usize, workers: usize, into: &mut VecDeque<Job>) {
        loop {
            if self.try_take(max, workers, into) {
                return;
            }
            let work = self.work.listen();
            if self.try_take(max, workers, into) {
                return;
            }
            work.await;
        }
    }

    fn try_take(&self, max: usize, workers: usize, into: &mut VecDeque<Job>) -> bool {
        let mut state = lock(&self.state);
        if self.is_stopping() {
            return true;
        }
        let count = state.ready.len().div_ceil(workers).min(max);
        into.extend(state.ready.drain(..count));
        let left = state.ready.len();
        drop(state);
        if count > 0 && left > 0 {
            // Each wakes the next one: a notification that finds another one pending wakes nobody.
            self.work.notify(1);
        }
        if count > 0 && left < self.low(workers) {
            self.wanted.notify(1);
        }
        count > 0
    }

    /// Takes back what a worker had taken and has not begun.
    pub(super) fn give_back(&self, jobs: &mut VecDeque<Job>) {
        if jobs.is_empty() {
            return;
        }
        let given = jobs.len();
        {
            let mut state = lock(&self.state);
            while let Some(job) = jobs.pop_back() {
                state.ready.push_front(job);
            }
        }
        self.work.notify(given);
    }

    /// Ends a delivery that has been handled for good: the next one of its key is ready.
    pub(super) fn done(&self, job: &Job) {
        let released = lock(&self.state).release(job.key);
        self.released(&released);
    }

    /// Ends so many deliveries without a key that have been handled well.
    pub(super) fn done_well(&self, count: usize) {
        let released = lock(&self.state).release_many(count);
        self.released(&released);
    }

    fn released(&self, &Released { ready, room, idle }: &Released) {
        if ready {
            self.work.notify(1);
        }
        if idle {
            self.idle.notify(usize::MAX);
        }
        if idle || room {
            self.wanted.notify(1);
        }
    }

    /// Keeps a delivery until its next attempt. It keeps its key.
    pub(super) fn delay(&self, job: Job, until: Instant) {
        lock(&self.state).delayed.insert((until, job.number), job);
        // The reader waits for the earliest one.
        self.wanted.notify(1);
    }

    /// Takes back a delivery whose handling has been cancelled.
    pub(super) fn cancelled(&self, job: Job) {
        lock(&self.state).ready.push_front(job);
        self.work.notify(1);
    }

    pub(super) fn held(&self) -> usize {
        lock(&self.state).held
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.stopped.cancel();
        self.work.notify(usize::MAX);
        self.wanted.notify(usize::MAX);
        self.idle.notify(usize::MAX);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    #[cfg(feature = "rate-limit")]
    pub(super) fn stopped(&self) -> tokio_util::sync::WaitForCancellationFuture<'_> {
        self.stopped.cancelled()
    }

    /// Listens for the moment when nothing is held.
    pub(super) fn idle(&self) -> event_listener::EventListener {
        self.idle.listen()
    }

    /// From here on a look at the transport may take deliveries out of its queue that are not held yet.
    pub(super) fn reads(&self) {
        self.reading.store(true, Ordering::SeqCst);
    }

    /// What has been read is held now, or it was nothing.
    pub(super) fn has_read(&self) {
        self.reading.store(false, Ordering::SeqCst);
        self.idle.notify(usize::MAX);
    }

    pub(super) fn is_idle(&self) -> bool {
        // In this order: what is in hand at the first question is held at the second.
        !self.reading.load(Ordering::SeqCst) && self.held() == 0
    }

    pub(super) fn sweep(&self) {
        self.swept.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_swept(&self) -> bool {
        self.swept.load(Ordering::SeqCst)
    }

    /// Takes everything that is held and not being handled, in the order in which it came.
    pub(super) fn take_all(&self) -> Vec<Job> {
        let mut state = lock(&self.state);
        let State { ready, keys, delayed, .. } = &mut *state;
        let mut jobs: Vec<_> = mem::take(ready).into();
        jobs.extend(mem::take(keys).into_values().flatten());
        jobs.extend(mem::take(delayed).into_values());
        state.held -= jobs.len();
        let idle = state.held == 0;
        drop(state);
        if idle {
            self.idle.notify(usize::MAX);
        }
        jobs.sort_by_key(|job| job.number);
        jobs
    }
}
