//! Which delivery is next: those that are ready, in order; those whose key is taken, behind it; those that wait for their next
//! attempt.
//!
//! A key is taken from the moment its delivery is ready until that has been handled for good.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    mem,
};

use event_listener::{Event, EventListener};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    registry::BuildHashedKeys,
    sync::{AtomicBool, AtomicU8, Mutex, Ordering, lock},
    transport::Leased,
};

/// How many deliveries a consumer holds at most that are behind others of their key, or wait for their next attempt. While it
/// holds so many it leases no more.
pub(super) const MAX_HELD: usize = 16_384;

/// From this delivery on a message is a suspect (T27): its lease may have run out twice.
const SUSPECT: u32 = 3;

pub(super) struct Scheduler {
    state: Mutex<State>,
    phase: AtomicU8,
    /// Nothing is begun any more: for those that wait.
    pub(super) stopped: CancellationToken,
    /// Wakes workers that wait for deliveries.
    work: Event,
    /// Wakes the reader.
    wanted: Event,
    /// Wakes those who wait until nothing is held.
    idle: Event,
    /// The reader, or a worker, has leased deliveries that are not held yet.
    leasing: crate::sync::AtomicUsize,
    /// The stop is over: whoever has something left gives it back himself.
    swept: AtomicBool,
}

#[derive(Default)]
struct State {
    /// In order.
    ready: VecDeque<Leased>,
    /// Those behind a delivery of their key; a key is here while it is taken.
    keys: HashMap<u64, VecDeque<Leased>, BuildHashedKeys>,
    /// Those that wait for their next attempt.
    delayed: BTreeMap<(Instant, u64), Leased>,
    /// How many are behind their keys.
    behind: usize,
    /// All that have been leased and not settled.
    held: usize,
    numbered: u64,
}

const OPEN: u8 = 0;
const PAUSED: u8 = 1;
const STOPPING: u8 = 2;

impl Scheduler {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            phase: AtomicU8::new(OPEN),
            stopped: CancellationToken::new(),
            work: Event::new(),
            wanted: Event::new(),
            idle: Event::new(),
            leasing: crate::sync::AtomicUsize::new(0),
            swept: AtomicBool::new(false),
        }
    }

    /// Whether handlers may begin.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.phase.load(Ordering::Acquire) == OPEN
    }

    pub(super) fn is_paused(&self) -> bool {
        self.phase.load(Ordering::Acquire) == PAUSED
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == STOPPING
    }

    /// Begins no more handlers until `resume`.
    pub(super) fn pause(&self) {
        let _ = self.phase.compare_exchange(OPEN, PAUSED, Ordering::SeqCst, Ordering::SeqCst);
        self.idle.notify(usize::MAX);
    }

    pub(super) fn resume(&self) {
        let _ = self.phase.compare_exchange(PAUSED, OPEN, Ordering::SeqCst, Ordering::SeqCst);
        self.work.notify(usize::MAX);
        self.wanted.notify(usize::MAX);
    }

    /// Begins no more handlers, for good.
    pub(super) fn stop(&self) {
        self.phase.store(STOPPING, Ordering::SeqCst);
        self.stopped.cancel();
        self.work.notify(usize::MAX);
        self.wanted.notify(usize::MAX);
        self.idle.notify(usize::MAX);
    }

    /// Numbers deliveries that were leased, and sets those aside whose key is taken. What is left in `batch` may begin.
    pub(super) fn admit(&self, batch: &mut Vec<Leased>, mut key: impl FnMut(&Leased) -> Option<u64>) {
        let mut state = lock(&self.state);
        state.held += batch.len();
        let mut at = 0;
        while at < batch.len() {
            let leased = &mut batch[at];
            state.numbered += 1;
            leased.set_number(state.numbered);
            let Some(key) = key(leased) else {
                at += 1;
                continue;
            };
            leased.rest_mut().key = Some(key);
            if let Some(behind) = state.keys.get_mut(&key) {
                behind.push_back(batch.remove(at));
                state.behind += 1;
            } else {
                state.keys.insert(key, VecDeque::new());
                at += 1;
            }
        }
    }

    /// Appends deliveries to those that are ready.
    pub(super) fn add_ready(&self, batch: Vec<Leased>) {
        let count = batch.len();
        lock(&self.state).ready.extend(batch);
        self.work.notify(count);
    }

    /// Takes a fair share of what is ready; those first that have become due.
    pub(super) fn take(&self, max: usize, workers: usize, into: &mut Vec<Leased>) -> bool {
        let mut state = lock(&self.state);
        state.release_due();
        if state.ready.is_empty() {
            return false;
        }
        let count = state.ready.len().div_ceil(workers).min(max);
        into.extend(state.ready.drain(..count));
        let left = state.ready.len();
        drop(state);
        if left > 0 {
            // Each wakes the next one: a notification that finds another one pending wakes nobody.
            self.work.notify(1);
        }
        self.wanted.notify(1);
        count > 0
    }

    /// How many are ready, or in a worker's hand: not those that wait for their key, or for their next attempt.
    pub(super) fn active(&self) -> usize {
        let mut state = lock(&self.state);
        state.release_due();
        state.held.saturating_sub(state.behind + state.delayed.len())
    }

    /// Whether as many are held back as may be.
    pub(super) fn is_full(&self) -> bool {
        let state = lock(&self.state);
        state.behind + state.delayed.len() >= MAX_HELD
    }

    /// Takes back what a worker cannot handle now, in its order, for others.
    pub(super) fn hand_over(&self, mut rest: Vec<Leased>) {
        if rest.is_empty() {
            return;
        }
        let count = rest.len();
        {
            let mut state = lock(&self.state);
            while let Some(leased) = rest.pop() {
                state.ready.push_front(leased);
            }
        }
        self.work.notify(count);
    }

    /// Takes a delivery back whose handler was stopped. Its key stays taken.
    pub(super) fn put_back(&self, leased: Leased) {
        lock(&self.state).ready.push_front(leased);
        self.work.notify(1);
    }

    /// Keeps a delivery until its next attempt, with its key.
    pub(super) fn delay(&self, leased: Leased, due: Instant) {
        {
            let mut state = lock(&self.state);
            state.delayed.insert((due, leased.number()), leased);
        }
        // Those that wait for the earliest one.
        self.work.notify(1);
        self.wanted.notify(1);
        self.idle.notify(usize::MAX);
    }

    /// Frees a key: the delivery behind it is ready.
    pub(super) fn release(&self, key: u64) {
        let mut state = lock(&self.state);
        let next = state.next_of(key);
        let is_ready = next.is_some();
        state.ready.extend(next);
        drop(state);
        if is_ready {
            self.work.notify(1);
        }
        self.wanted.notify(1);
    }

    /// Frees a key for the caller, who handles the delivery behind it, if there is one.
    pub(super) fn next_of(&self, key: u64) -> Option<Leased> {
        lock(&self.state).next_of(key)
    }

    /// So many have been settled.
    pub(super) fn settled(&self, count: usize) {
        let is_idle = {
            let mut state = lock(&self.state);
            state.held -= count.min(state.held);
            // What is left waits for its next attempt: whoever waits for the rest may see that.
            state.held == state.delayed.len() + state.behind
        };
        self.wanted.notify(1);
        if is_idle {
            self.idle.notify(usize::MAX);
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        lock(&self.state).delayed.first_key_value().map(|((due, _), _)| *due)
    }

    pub(super) fn work(&self) -> EventListener {
        self.work.listen()
    }

    pub(super) fn wanted(&self) -> EventListener {
        self.wanted.listen()
    }

    pub(super) fn idle(&self) -> EventListener {
        self.idle.listen()
    }

    pub(super) fn held(&self) -> usize {
        lock(&self.state).held
    }

    /// Marks that deliveries are being leased, so that nobody takes the consumer for idle meanwhile.
    pub(super) fn leasing(&self) -> Leasing<'_> {
        self.leasing.fetch_add(1, Ordering::SeqCst);
        Leasing(self)
    }

    /// Whether nothing is held that is due before `until`, or becomes so by itself.
    pub(super) fn is_idle(&self, until: Option<Instant>) -> bool {
        // In this order: what is being leased at the first question is held at the second.
        if self.leasing.load(Ordering::SeqCst) > 0 {
            return false;
        }
        let state = lock(&self.state);
        let waits = |until: Instant| {
            let later = state.delayed.range((until, u64::MAX)..).count();
            // Those behind a key that waits wait with it.
            later > 0 && later == state.delayed.len() && state.held == later + state.behind && state.ready.is_empty()
        };
        state.held == 0 || until.is_some_and(waits)
    }

    /// From here on, whoever has something left gives it back by itself.
    pub(super) fn sweep(&self) {
        self.swept.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_swept(&self) -> bool {
        self.swept.load(Ordering::SeqCst)
    }

    /// Takes all that are held and not in a worker's hand, in the order in which they came.
    pub(super) fn take_all(&self) -> Vec<Leased> {
        let mut state = lock(&self.state);
        let State { ready, keys, delayed, behind, .. } = &mut *state;
        let mut all: Vec<_> = mem::take(ready).into();
        all.extend(mem::take(keys).into_values().flatten());
        all.extend(mem::take(delayed).into_values());
        *behind = 0;
        drop(state);
        all.sort_by_key(Leased::number);
        all
    }

    /// Takes out the suspects (T27) that are not in a worker's hand, with what is behind their keys, in the order in which they came. Of
    /// those that wait for their next attempt, the time at which it is due.
    pub(super) fn take_suspects(&self) -> Vec<(Leased, Option<Instant>)> {
        let mut state = lock(&self.state);
        let State { ready, keys, delayed, behind, .. } = &mut *state;
        let is_suspect = |leased: &Leased| leased.deliveries() >= SUSPECT;
        let mut taken = Vec::new();
        let mut at = 0;
        while at < ready.len() {
            if is_suspect(&ready[at]) { taken.extend(ready.remove(at).map(|leased| (leased, None))) } else { at += 1 }
        }
        let due = delayed.extract_if(.., |_, leased| is_suspect(leased));
        taken.extend(due.map(|((due, _), leased)| (leased, Some(due))));
        // Their keys are free, and those behind them must not overtake them.
        let freed: Vec<_> = taken.iter().filter_map(|(leased, _)| keys.remove(&leased.key()?)).flatten().collect();
        *behind -= freed.len();
        taken.extend(freed.into_iter().map(|leased| (leased, None)));
        // Behind a delivery that runs: the end of that, or the next look, finds them.
        drop(state);
        taken.sort_by_key(|(leased, _)| leased.number());
        taken
    }

    /// Calls `see` with the leases of all that are held and not in a worker's hand.
    pub(super) fn each_held(&self, mut see: impl FnMut(&Leased)) {
        let state = lock(&self.state);
        state.ready.iter().chain(state.keys.values().flatten()).chain(state.delayed.values()).for_each(&mut see);
    }
}

impl State {
    /// Takes out the delivery behind one of its key; if there is none, the key is free.
    fn next_of(&mut self, key: u64) -> Option<Leased> {
        let next = self.keys.get_mut(&key)?.pop_front();
        if next.is_some() {
            self.behind -= 1;
        } else {
            self.keys.remove(&key);
        }
        next
    }

    fn release_due(&mut self) {
        if self.delayed.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(next) = self.delayed.first_entry()
            && next.key().0 <= now
        {
            // It has kept its key.
            let leased = next.remove();
            self.ready.push_back(leased);
        }
    }
}

/// Deliveries are being leased, until it is dropped.
pub(super) struct Leasing<'s>(&'s Scheduler);

impl Drop for Leasing<'_> {
    fn drop(&mut self) {
        if self.0.leasing.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify(usize::MAX);
        }
    }
}
