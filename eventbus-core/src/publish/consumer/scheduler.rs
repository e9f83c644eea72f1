//! Which delivery is next: those that are ready, in order; those whose key is taken, behind it; those that wait for their next
//! attempt.
//!
//! A key is taken from the moment its delivery is ready until that has been handled for good. Deliveries are read by one worker at a
//! time, in the order of the group, so that the order of a key is decided here and nowhere else.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    mem,
    time::SystemTime,
};

use event_listener::{Event, EventListener};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    publish::Leased,
    sync::{AtomicBool, AtomicUsize, Mutex, Ordering, lock},
};

/// How many deliveries are held at most that are not ready: their key is taken, they wait for their next attempt, or they are
/// being handled. Beyond it nothing is read.
const MOST_HELD: usize = 1024;

/// A delivery that the consumer holds.
pub(super) struct Job {
    pub(super) leased: Leased,
    /// Its place in the order in which it came.
    pub(super) number: u64,
    pub(super) key: Option<u64>,
    /// Where its handler is; `None` if nobody handles it.
    pub(super) route: Option<usize>,
    /// The number of the attempt that is made, or comes next.
    pub(super) attempt: u32,
    pub(super) first_failed: Option<SystemTime>,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Job>,
    /// The keys that are taken, and who waits for them.
    keys: HashMap<u64, VecDeque<Job>>,
    /// By the time and number of the attempt.
    delayed: BTreeMap<(Instant, u64), Job>,
    /// All of these, and those that are being handled.
    held: usize,
    numbered: u64,
}

pub(super) struct Scheduler {
    state: Mutex<State>,
    /// The end, for those who ask, and for those who wait.
    stopping: AtomicBool,
    stopped: CancellationToken,
    /// How many deliveries are read at once: many, while they end as soon as they begin; else as many as there are workers.
    batch: AtomicUsize,
    /// Notified when a delivery is ready, or the end has come: for workers.
    work: Event,
    /// Notified when there is room again, when the next attempt may be another one, or the end has come: for who reads.
    wanted: Event,
    /// Notified when nothing is held.
    idle: Event,
}

/// What the reader is to do; with the time when an attempt is due.
pub(super) enum Demand {
    Read(Option<Instant>),
    Wait(Option<Instant>),
    /// There is something ready, or the end has come.
    Nothing,
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
        }
    }

    /// How many deliveries to read now.
    pub(super) fn to_read(&self, workers: usize, most: usize) -> usize {
        let batch = self.batch.load(Ordering::Relaxed).saturating_mul(2).clamp(workers, most.max(workers));
        self.batch.store(batch, Ordering::Relaxed);
        batch
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

    /// What the reader is to do. Makes those ready whose next attempt is due.
    pub(super) fn demand(&self) -> Demand {
        let mut state = lock(&self.state);
        if !state.delayed.is_empty() {
            let now = Instant::now();
            while let Some(next) = state.delayed.first_entry()
                && next.key().0 <= now
            {
                let job = next.remove();
                // It has kept its key.
                state.ready.push_back(job);
            }
        }
        if self.is_stopping() || !state.ready.is_empty() {
            Demand::Nothing
        } else if state.held < MOST_HELD {
            Demand::Read(state.next_due())
        } else {
            Demand::Wait(state.next_due())
        }
    }

    pub(super) fn wanted(&self) -> EventListener {
        self.wanted.listen()
    }

    /// Ends the waiting of who reads.
    pub(super) fn stop_waiting(&self) {
        self.wanted.notify(usize::MAX);
    }

    pub(super) fn work(&self) -> EventListener {
        self.work.listen()
    }

    /// Wakes a worker that has nothing to do.
    pub(super) fn wake_one(&self) {
        self.work.notify(1);
    }

    /// Takes up to `max` deliveries that are ready, and leaves their share to the other workers. Whether there were any, or the end
    /// has come.
    pub(super) fn try_take(&self, max: usize, workers: usize, into: &mut VecDeque<Job>) -> bool {
        let mut state = lock(&self.state);
        if self.is_stopping() {
            return true;
        }
        let count = state.ready.len().div_ceil(workers).min(max);
        into.extend(state.ready.drain(..count));
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

    /// Frees the key of a delivery that has been handled for good: the next one is ready.
    pub(super) fn free(&self, key: u64) {
        let ready = lock(&self.state).free(key);
        self.work.notify(usize::from(ready));
    }

    /// Ends so many deliveries that have been handled for good, and whose keys are free.
    pub(super) fn done(&self, count: usize) {
        let (idle, room) = {
            let mut state = lock(&self.state);
            let was_full = state.held >= MOST_HELD;
            state.held -= count;
            (state.held == 0, was_full && state.held < MOST_HELD)
        };
        if idle {
            self.idle.notify(usize::MAX);
        }
        if room {
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
    }

    pub(super) fn held(&self) -> usize {
        lock(&self.state).held
    }

    pub(super) fn stop(&self) {
        // Under the lock, so that who has asked and found nothing is listening before it hears of the end.
        {
            let _state = lock(&self.state);
            self.stopping.store(true, Ordering::Release);
        }
        self.stopped.cancel();
        self.work.notify(usize::MAX);
        self.wanted.notify(usize::MAX);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    #[cfg(feature = "rate-limit")]
    pub(super) fn stopped(&self) -> tokio_util::sync::WaitForCancellationFuture<'_> {
        self.stopped.cancelled()
    }

    /// Listens for the moment when nothing is held.
    pub(super) fn idle(&self) -> EventListener {
        self.idle.listen()
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

impl State {
    /// Whether the delivery is ready at once.
    fn admit(&mut self, job: Job) -> bool {
        if let Some(key) = job.key {
            if let Some(waiting) = self.keys.get_mut(&key) {
                waiting.push_back(job);
                return false;
            }
            self.keys.insert(key, VecDeque::new());
        }
        self.ready.push_back(job);
        true
    }

    /// Whether another delivery is ready by this.
    fn free(&mut self, key: u64) -> bool {
        let Some(waiting) = self.keys.get_mut(&key) else { return false };
        if let Some(next) = waiting.pop_front() {
            self.ready.push_back(next);
            return true;
        }
        self.keys.remove(&key);
        false
    }

    fn next_due(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|((due, _), _)| *due)
    }
}
