//! What a read has leased, until its consumer has recorded it.

use std::ops::Deref;

use super::state::ConsumerState;
use crate::{
    sync::lock,
    transport::{Leased, Operation, Read},
};

/// Takes what a source hands out. Dropped, it admits all of it: a read that panics or is given up loses nothing (T16).
pub(super) struct Leases<C: Deref<Target = ConsumerState>> {
    consumer: C,
    /// How many were asked for.
    max: usize,
    pub(super) batch: Vec<Leased>,
}

impl<C: Deref<Target = ConsumerState>> Leases<C> {
    pub(super) fn new(consumer: C, max: usize) -> Self {
        Self { consumer, max, batch: Vec::new() }
    }
}

impl<C: Deref<Target = ConsumerState>> Drop for Leases<C> {
    fn drop(&mut self) {
        self.consumer.admit(std::mem::take(&mut self.batch), self.max);
    }
}

impl ConsumerState {
    /// Leases deliveries from a source that answers at once, and none while the consumer is paused; `None` of another source.
    pub(super) fn try_lease(&self, max: usize, into: &mut Vec<Leased>) -> Option<Read> {
        // A pause waits for this lock: nothing is leased after it.
        let _turn = lock(&self.intake);
        let max = if self.scheduler.is_open() { max } else { 0 };
        self.source.try_next(max, into)
    }

    /// Finds the keys of deliveries, and makes those ready that may begin.
    pub(super) fn admit(&self, mut leased: Vec<Leased>, max: usize) {
        if leased.is_empty() {
            return;
        }
        self.check_count(leased.len(), max);
        self.ledger.received.add(leased.len() as u64);
        // User code: before the lock is taken.
        let mut keys = leased.iter().map(|leased| self.key_of(&leased.message)).collect::<Vec<_>>().into_iter();
        self.scheduler.admit(&mut leased, |_| keys.next().flatten());
        self.scheduler.add_ready(leased);
        if self.scheduler.is_swept() {
            self.give_back_now();
        }
    }

    /// Tells that a source has handed out more than it was asked for (T13).
    pub(super) fn check_count(&self, count: usize, max: usize) {
        if count > max {
            let text = format!("the source handed out {count} messages, and {max} were asked for");
            self.transport_error(Operation::Read, text);
        }
    }
}
