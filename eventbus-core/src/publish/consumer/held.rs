//! What a consumer holds: deliveries that are ready, behind others of their key, or waiting for their next attempt.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::SystemTime,
};

use tokio::time::Instant;

use crate::publish::Leased;

/// How many deliveries are held at most that are not ready: their key is taken, they wait for their next attempt, or they are
/// being handled. Beyond it nothing is read.
pub(super) const MOST_HELD: usize = 1024;

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
pub(super) struct State {
    pub(super) ready: VecDeque<Job>,
    /// The keys that are taken, and who waits for them.
    pub(super) keys: HashMap<u64, VecDeque<Job>>,
    /// By the time and number of the attempt.
    pub(super) delayed: BTreeMap<(Instant, u64), Job>,
    /// All of these, and those that are being handled.
    pub(super) held: usize,
    pub(super) numbered: u64,
}

/// What follows from the end of a delivery.
pub(super) struct Released {
    /// Another delivery is ready by it.
    pub(super) ready: bool,
    /// So many were held that nothing was read.
    pub(super) room: bool,
    /// Nothing is held any more.
    pub(super) idle: bool,
}

impl State {
    /// Whether the delivery is ready at once.
    pub(super) fn admit(&mut self, job: Job) -> bool {
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

    pub(super) fn release_many(&mut self, count: usize) -> Released {
        let room = self.held - self.ready.len() >= MOST_HELD;
        self.held -= count;
        Released { ready: false, room, idle: self.held == 0 }
    }

    pub(super) fn release(&mut self, key: Option<u64>) -> Released {
        let released = self.release_many(1);
        let mut ready = false;
        if let Some(key) = key
            && let Some(waiting) = self.keys.get_mut(&key)
        {
            match waiting.pop_front() {
                Some(next) => {
                    self.ready.push_back(next);
                    ready = true;
                }
                None => _ = self.keys.remove(&key),
            }
        }
        Released { ready, ..released }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|((due, _), _)| *due)
    }
}
