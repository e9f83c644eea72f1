//! What a worker has in hand. It lies in the consumer and not in the worker's task, so that a stop, and other workers, find it
//! while the worker's thread is held up.

use tokio::time::Instant;

use crate::{
    sync::{Mutex, MutexGuard, lock},
    transport::Leased,
};

/// On cache lines of its own: each is locked for every delivery by its worker.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct WorkerSlot(Mutex<InHand>);

#[derive(Default)]
pub(super) struct InHand {
    /// Those before `at` have ended, and are to be settled.
    batch: Vec<Leased>,
    at: usize,
    /// How many, from `at` on, are being handled.
    running: usize,
    /// When what runs began, where that matters: there is a timeout, or it is measured.
    began: Option<Instant>,
    /// Room for the next batch.
    spare: Vec<Leased>,
}

impl WorkerSlot {
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, InHand> {
        lock(&self.0)
    }
}

impl InHand {
    /// Room for the next batch.
    pub(super) fn buffer(&mut self) -> Vec<Leased> {
        std::mem::take(&mut self.spare)
    }

    /// Keeps the room of a batch that has been settled.
    pub(super) fn recycle(&mut self, settled: Vec<Leased>) {
        if settled.is_empty() {
            self.spare = settled;
        }
    }

    pub(super) fn begin_batch(&mut self, batch: Vec<Leased>) {
        (self.batch, self.at, self.running) = (batch, 0, 0);
    }

    /// The first that has not begun.
    #[inline]
    pub(super) fn next(&self) -> Option<&Leased> {
        self.batch.get(self.at + self.running)
    }

    /// How many have ended, and are to be settled.
    #[inline]
    pub(super) fn ended(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &[Leased] {
        &self.batch[self.at + self.running..]
    }

    pub(super) fn is_running(&self) -> bool {
        self.running > 0
    }

    #[inline]
    pub(super) fn running(&self) -> &[Leased] {
        &self.batch[self.at..self.at + self.running]
    }

    pub(super) fn began(&self) -> Option<Instant> {
        self.began
    }

    /// Takes out when what has run began.
    pub(super) fn take_began(&mut self) -> Option<Instant> {
        self.began.take()
    }

    /// Begins the next one.
    #[inline]
    pub(super) fn begin(&mut self, is_timed: bool) -> Option<&Leased> {
        let leased = self.batch.get(self.at)?;
        self.running = 1;
        if is_timed {
            self.began = Some(Instant::now());
        }
        Some(leased)
    }

    /// Begins so many of the next ones together.
    pub(super) fn begin_many(&mut self, count: usize) -> &[Leased] {
        self.running = count;
        self.began = Some(Instant::now());
        self.running()
    }

    /// The one that runs has been handled.
    #[inline]
    pub(super) fn done(&mut self) -> Option<u64> {
        // A stop may have given it up.
        if self.running == 0 {
            return None;
        }
        let leased = &mut self.batch[self.at];
        leased.set_done();
        let key = leased.key();
        self.at += 1;
        self.running -= 1;
        key
    }

    /// All that run have been handled; their keys.
    pub(super) fn done_all(&mut self) -> Vec<u64> {
        let running = &mut self.batch[self.at..self.at + self.running];
        let mut keys = Vec::new();
        for leased in running {
            leased.set_done();
            keys.extend(leased.key());
        }
        self.at += self.running;
        self.running = 0;
        keys
    }

    /// Takes the one that runs out of the batch: it has not been handled.
    pub(super) fn take_running(&mut self) -> Option<Leased> {
        if self.running == 0 {
            return None;
        }
        self.running -= 1;
        Some(self.batch.remove(self.at))
    }

    /// Takes one of those that run out of the batch.
    pub(super) fn take_numbered(&mut self, number: u64) -> Option<Leased> {
        let at = self.running().iter().position(|leased| leased.number() == number)?;
        self.running -= 1;
        Some(self.batch.remove(self.at + at))
    }

    /// Puts one back that has ended, to be settled with the others.
    pub(super) fn put_ended(&mut self, leased: Leased) {
        self.batch.insert(self.at, leased);
        self.at += 1;
    }

    /// The next one has ended without having been handled.
    pub(super) fn skip(&mut self) -> Option<Leased> {
        if self.running > 0 || self.at >= self.batch.len() {
            return None;
        }
        Some(self.batch.remove(self.at))
    }

    /// Takes those that have not begun.
    pub(super) fn take_rest(&mut self) -> Vec<Leased> {
        let first = self.at + self.running;
        if first >= self.batch.len() { Vec::new() } else { self.batch.split_off(first) }
    }

    /// Takes those that have ended.
    pub(super) fn take_ended(&mut self) -> Vec<Leased> {
        if self.at == 0 {
            return Vec::new();
        }
        if self.at == self.batch.len() {
            self.at = 0;
            return std::mem::take(&mut self.batch);
        }
        let rest = self.batch.split_off(self.at);
        self.at = 0;
        std::mem::replace(&mut self.batch, rest)
    }

    /// Takes those that have not begun, and those that have ended.
    pub(super) fn take_all(&mut self) -> (Vec<Leased>, Vec<Leased>) {
        (self.take_rest(), self.take_ended())
    }

    pub(super) fn append_rest(&mut self, more: impl IntoIterator<Item = Leased>) {
        self.batch.extend(more);
    }

    /// All that is in hand.
    pub(super) fn all(&self) -> impl Iterator<Item = &Leased> {
        self.batch.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{LeaseId, Message};

    #[test]
    fn what_has_been_handled_counts_as_ended_until_it_is_settled() {
        let mut hand = InHand::default();
        hand.begin_batch((0..3).map(|_| Leased::new(Message::malformed("", b""), LeaseId::NONE)).collect());
        for ended in 1..=2 {
            hand.begin(false);
            hand.done();
            assert_eq!((hand.ended(), hand.rest().len()), (ended, 3 - ended));
        }
    }
}
