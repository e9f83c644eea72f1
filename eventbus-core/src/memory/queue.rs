//! The messages that wait in a group: those that can be handed out, and those that are not due yet.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::time::Instant;

use super::ready::Ready;
use crate::{
    interleave,
    transport::{Leased, Message, Schedule},
};

#[derive(Default)]
pub(super) struct Queue {
    ready: Ready,
    /// By the moment they are due, and then by their arrival.
    delayed: BTreeMap<(Instant, u64), Leased>,
    arrivals: u64,
    /// Of those that wait; kept only where the group bounds them.
    bytes: usize,
    counts_bytes: bool,
    /// How many messages with a key wait; kept only where the group bounds them.
    per_key: HashMap<Box<str>, usize>,
    counts_keys: bool,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.ready.len() + self.delayed.len()
    }

    pub(super) fn ready_len(&self) -> usize {
        self.ready.len()
    }

    pub(super) fn delayed_len(&self) -> usize {
        self.delayed.len()
    }

    pub(super) fn of_key(&self, key: &str) -> usize {
        self.per_key.get(key).copied().unwrap_or(0)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts bytes, and messages by key, from now on.
    pub(super) fn count(&mut self, bytes: bool, keys: bool) {
        (self.counts_bytes, self.counts_keys) = (bytes, keys);
        (self.bytes, self.per_key) = (0, HashMap::new());
        let Self { ready, delayed, per_key, bytes: total, .. } = self;
        for leased in ready.iter().chain(delayed.values()) {
            if bytes {
                *total += leased.message.counted_bytes();
            }
            if let Some(key) = leased.message.key().filter(|_| keys) {
                *per_key.entry(key.into()).or_default() += 1;
            }
        }
    }

    /// Appends a message, behind those that wait, unless it is to be delayed.
    #[inline]
    pub(super) fn push(&mut self, leased: Leased) {
        self.enter(&leased.message);
        self.push_uncounted(leased);
    }

    /// The same where neither bytes nor keys are bounded.
    #[inline]
    pub(super) fn push_uncounted(&mut self, leased: Leased) {
        match leased.message.schedule() {
            Some(schedule) => self.push_scheduled(leased, schedule),
            None => self.ready.push_back(leased),
        }
    }

    fn push_scheduled(&mut self, leased: Leased, schedule: Schedule) {
        match schedule.due() {
            due if due > Instant::now() => self.delay(leased, due),
            _ => self.ready.push_back(leased),
        }
    }

    /// Puts back a message that was handed out, before those that wait.
    pub(super) fn push_front(&mut self, leased: Leased) {
        self.enter(&leased.message);
        self.ready.push_front(leased);
    }

    /// Puts back a message that was handed out, to come again after a time.
    pub(super) fn push_delayed(&mut self, leased: Leased, after: Duration) {
        self.enter(&leased.message);
        let now = Instant::now();
        // On overflow the message is due never.
        self.delay(leased, now.checked_add(after).unwrap_or_else(|| now + Duration::from_secs(1 << 30)));
    }

    fn delay(&mut self, leased: Leased, due: Instant) {
        self.arrivals += 1;
        self.delayed.insert((due, self.arrivals), leased);
    }

    /// Moves the messages that are due to the front, in the order in which they became due.
    pub(super) fn release_due(&mut self) {
        if self.delayed.is_empty() {
            return;
        }
        let now = Instant::now();
        let later = self.delayed.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut self.delayed, later);
        for leased in due.into_values().rev() {
            self.ready.push_front(leased);
        }
    }

    /// Moves up to `max` messages into `into`.
    pub(super) fn take(&mut self, max: usize, into: &mut Vec<Leased>) -> usize {
        let first = into.len();
        let count = self.ready.take(max, into);
        if self.counts_bytes || self.counts_keys {
            for leased in &into[first..] {
                self.leave(&leased.message);
            }
        }
        count
    }

    /// The oldest message that could be handed out; if there is none, the one that is due last.
    pub(super) fn pop_oldest(&mut self) -> Option<Message> {
        let oldest = self.ready.pop_front().or_else(|| self.delayed.pop_last().map(|(_, leased)| leased))?;
        self.leave(&oldest.message);
        Some(oldest.message)
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Message> + use<> {
        let Self { ready, delayed, .. } = std::mem::take(self);
        ready.into_iter().chain(delayed.into_values()).map(|leased| leased.message)
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|((due, _), _)| *due)
    }

    pub(super) fn oldest_age(&self) -> Option<Duration> {
        let oldest = &self.ready.first()?.message;
        // What was published with a delay waits from the moment at which it is due.
        let since = oldest.not_before().map_or(oldest.time(), |due| due.max(oldest.time()));
        Some(interleave::system_time().duration_since(since).unwrap_or_default())
    }

    #[inline]
    fn enter(&mut self, message: &Message) {
        if self.counts_bytes || self.counts_keys {
            self.count_in(message);
        }
    }

    fn count_in(&mut self, message: &Message) {
        if self.counts_bytes {
            self.bytes += message.counted_bytes();
        }
        if let Some(key) = message.key().filter(|_| self.counts_keys) {
            *self.per_key.entry(key.into()).or_default() += 1;
        }
    }

    fn leave(&mut self, message: &Message) {
        if self.counts_bytes {
            self.bytes -= message.counted_bytes();
        }
        let Some(key) = message.key().filter(|_| self.counts_keys) else { return };
        if let Some(count) = self.per_key.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.per_key.remove(key);
            }
        }
    }
}
