//! One group of the memory transport: its queue, its bounds, and the workers that wait for messages.

use std::{sync::Arc, task::Waker};

use super::{
    admission::{Bounds, Defaults, PushAnswer},
    after_lock::AfterLock,
    queue::Queue,
};
use crate::{
    interleave,
    transport::{GroupSpec, GroupState, LeaseId, Leased, Message, Settlement, Wants},
};

pub(super) struct Group {
    pub(super) name: Arc<str>,
    pub(super) wants: Wants,
    spec: GroupSpec,
    bounds: Bounds,
    pub(super) queue: Queue,
    created: u64,
    dropped: u64,
    leased: u64,
    pub(super) is_removed: bool,
    /// Workers of all sources of the group.
    pub(super) workers: usize,
    /// Workers that wait for messages.
    idle: Vec<Idle>,
    tickets: u64,
    /// A worker has been woken and has not looked yet.
    pub(super) is_waking: bool,
    /// Workers that have leased messages and have not come back for more. Counted low rather than high: one too few only
    /// wakes a worker for nothing.
    busy: usize,
    /// Messages taken since publishers that wait for room were last woken.
    taken_since_wake: usize,
}

/// A worker that waits for messages.
struct Idle {
    ticket: u64,
    waker: Waker,
    /// It looks now and then by itself, or need not.
    watches: bool,
}

impl Group {
    pub(super) fn new(spec: GroupSpec, defaults: Defaults) -> Self {
        Self {
            name: Arc::clone(&spec.name),
            wants: spec.wants.clone(),
            bounds: Bounds::of(&spec, defaults),
            spec,
            queue: Queue::default(),
            created: 0,
            dropped: 0,
            leased: 0,
            is_removed: false,
            workers: 0,
            idle: Vec::new(),
            tickets: 0,
            is_waking: false,
            busy: 0,
            taken_since_wake: 0,
        }
    }

    /// Takes over what a later subscriber says; bounds that it does not state stay.
    pub(super) fn update(&mut self, spec: GroupSpec, defaults: Defaults) {
        let old = std::mem::replace(&mut self.spec, spec);
        let own = &mut self.spec;
        own.max_events = own.max_events.map(|events| events.max(1)).or(old.max_events);
        own.max_bytes = own.max_bytes.or(old.max_bytes);
        own.max_per_key = own.max_per_key.or(old.max_per_key);
        own.overflow = own.overflow.or(old.overflow);
        self.wants = own.wants.clone();
        self.bounds = Bounds::of(own, defaults);
        self.queue.count(own.max_bytes.is_some(), own.max_per_key.is_some());
    }

    /// What happens to one more message.
    #[inline]
    pub(super) fn admission(&self, message: &Message) -> PushAnswer {
        let is_full =
            self.queue.len() >= self.bounds.max_events || !self.bounds.counts_only_events && self.is_full_for(message);
        if is_full { self.bounds.at_bound() } else { PushAnswer::Push }
    }

    /// Whether one more message is pushed, whatever it is.
    #[inline]
    pub(super) fn has_plain_room(&self) -> bool {
        self.bounds.counts_only_events && self.queue.len() < self.bounds.max_events
    }

    /// Gives the group a message for which there is [plain room](Self::has_plain_room); a worker to wake for it.
    #[inline]
    pub(super) fn give_plain(&mut self, leased: Leased) -> Option<Waker> {
        self.created += 1;
        self.queue.push_uncounted(leased);
        if self.idle.is_empty() { None } else { self.wake_worker() }
    }

    fn is_full_for(&self, message: &Message) -> bool {
        let bounds = &self.bounds;
        // A single message that is larger than the bound is let into an empty queue: it would wait for ever.
        let is_large =
            self.queue.len() > 0 && self.queue.bytes().saturating_add(message.counted_bytes()) > bounds.max_bytes;
        is_large || message.key().is_some_and(|key| self.queue.of_key(key) >= bounds.max_per_key)
    }

    /// Whether publishers wait for room here.
    pub(super) fn holds_publishers_up(&self) -> bool {
        let waits = matches!(self.bounds.at_bound(), PushAnswer::Refuse { wait: true });
        // At a bound in bytes or by key it depends on the message: one that waits may be held up.
        waits && (self.queue.len() >= self.bounds.max_events || !self.bounds.counts_only_events && self.queue.len() > 0)
    }

    /// Gives the group a message that it has admitted.
    #[inline]
    pub(super) fn give(&mut self, message: Message, after: &mut AfterLock) {
        match self.admission(&message) {
            PushAnswer::Push => self.give_unbounded(message, after),
            at_bound => self.give_at_bound(message, &at_bound, after),
        }
    }

    fn give_at_bound(&mut self, message: Message, at_bound: &PushAnswer, after: &mut AfterLock) {
        if !matches!(at_bound, PushAnswer::Replace) {
            self.created += 1;
            self.dropped += 1;
            after.discard(message);
            return;
        }
        while matches!(self.admission(&message), PushAnswer::Replace) {
            let Some(oldest) = self.queue.pop_oldest() else { break };
            self.dropped += 1;
            after.discard(oldest);
        }
        self.give_unbounded(message, after);
    }

    /// Gives the group a message outside its bounds, which would lose it.
    #[inline]
    pub(super) fn give_unbounded(&mut self, message: Message, after: &mut AfterLock) {
        self.created += 1;
        self.queue.push(Leased::new(message, LeaseId::NONE));
        if !self.idle.is_empty() {
            after.wake(self.wake_worker());
        }
    }

    /// Leases messages; `true` if publishers that wait for room are worth waking.
    pub(super) fn take(&mut self, max: usize, into: &mut Vec<Leased>) -> (Option<Waker>, bool) {
        self.is_waking = false;
        self.queue.release_due();
        if self.queue.ready_len() == 0 {
            return (None, false);
        }
        let count = self.queue.take(max, into);
        self.is_busy();
        self.leased += count as u64;
        self.taken_since_wake += count;
        let bounds = self.bounds;
        let left = self.queue.len();
        // Half of the bound at once, so that a publisher is not woken for each slot; and at the latest when the whole queue
        // has gone by, so that one that waits is not overtaken for ever.
        let has_room =
            left <= bounds.max_events / 2 || self.taken_since_wake >= bounds.max_events || !bounds.counts_only_events;
        if has_room {
            self.taken_since_wake = 0;
        }
        let another = if self.queue.ready_len() > 0 { self.wake_worker() } else { None };
        (another, has_room)
    }

    /// Takes back leases that are settled. Those that are done stay in `batch`: their events are dropped outside the lock.
    pub(super) fn settle(&mut self, batch: &mut Vec<Leased>, is_closed: bool) -> Option<Waker> {
        self.leased -= (batch.len() as u64).min(self.leased);
        if batch.iter().all(Leased::is_done) {
            return None;
        }
        let is_done = |leased: &Leased| matches!(leased.settlement(), Settlement::Done | Settlement::Dead { .. });
        let back: Vec<_> = batch.extract_if(.., |leased| !is_done(leased)).collect();
        for leased in back.into_iter().rev() {
            let settlement = leased.settlement().clone();
            let mut leased = leased.renewed();
            match settlement {
                Settlement::Again { after } => {
                    // Nothing dies with a process here that goes on: only attempts count.
                    let rest = leased.rest_mut();
                    rest.deliveries = rest.deliveries.saturating_add(1);
                    if after.is_zero() || is_closed {
                        self.queue.push_front(leased);
                    } else {
                        self.queue.push_delayed(leased, after);
                    }
                }
                _ => self.queue.push_front(leased),
            }
        }
        self.wake_worker()
    }

    /// A worker to wake for what waits. One that is busy comes by itself: waking another thread costs microseconds, and
    /// quick handlers are faster than that. In case the busy one is held up by a handler that blocks its thread, one that
    /// waits watches; see [`Arrival`](super::waiting::Arrival).
    fn wake_worker(&mut self) -> Option<Waker> {
        if self.idle.is_empty() || self.is_waking {
            return None;
        }
        let is_full = || self.queue.ready_len() >= self.bounds.max_events;
        // Where orders are explored, any of them may be the faster one.
        let comes_by_itself = self.has_busy_workers() && !interleave::is_on();
        if comes_by_itself && self.idle.iter().any(|idle| idle.watches) && !is_full() {
            return None;
        }
        self.pop_idle()
    }

    pub(super) fn pop_idle(&mut self) -> Option<Waker> {
        interleave::move_one_to_end(&mut self.idle);
        let waker = self.idle.pop().map(|idle| idle.waker);
        self.is_waking = waker.is_some();
        waker
    }

    /// Whether a worker has messages in hand, and will come back for more.
    pub(super) fn has_busy_workers(&self) -> bool {
        self.busy > 0
    }

    /// A worker comes back for more, or waits inside a handler.
    pub(super) fn comes_back(&mut self) {
        self.busy = self.busy.saturating_sub(1);
    }

    /// A worker has messages in hand.
    pub(super) fn is_busy(&mut self) {
        self.busy = (self.busy + 1).min(self.workers);
    }

    pub(super) fn forget_busy(&mut self) {
        (self.busy, self.is_waking) = (0, false);
    }

    /// Whether a worker waits and has not been woken.
    pub(super) fn waits(&self, ticket: u64) -> bool {
        self.idle.iter().any(|idle| idle.ticket == ticket)
    }

    /// Adds a worker that waits, or renews its waker and returns the old one. The worker's `ticket` is renewed if it had been
    /// taken off, which means that it was woken.
    pub(super) fn wait(&mut self, ticket: &mut Option<u64>, waker: Waker, watches: bool) -> Option<Waker> {
        if let Some(own) = self.idle.iter_mut().find(|idle| Some(idle.ticket) == *ticket) {
            own.watches = watches;
            return Some(std::mem::replace(&mut own.waker, waker));
        }
        self.tickets += 1;
        *ticket = Some(self.tickets);
        // At the front if it watches: those behind it are woken first.
        let at = if watches { 0 } else { self.idle.len() };
        self.idle.insert(at, Idle { ticket: self.tickets, waker, watches });
        None
    }

    /// Takes a worker off that waits no more; `None` if it has been woken.
    pub(super) fn unwait(&mut self, ticket: u64) -> Option<Waker> {
        let at = self.idle.iter().position(|idle| idle.ticket == ticket)?;
        Some(self.idle.remove(at).waker)
    }

    /// Wakes all workers that wait.
    pub(super) fn wake_all(&mut self, after: &mut AfterLock) {
        for idle in self.idle.drain(..) {
            after.wake(Some(idle.waker));
        }
    }

    pub(super) fn state(&self) -> GroupState {
        let mut state = GroupState::new(Arc::clone(&self.name));
        state.depth = Some(self.queue.ready_len() as u64);
        state.delayed = self.queue.delayed_len() as u64;
        state.next_due = self.queue.next_due().map(|due| {
            let left = due.saturating_duration_since(tokio::time::Instant::now());
            interleave::system_time() + left
        });
        state.leased = Some(self.leased);
        state.oldest_age = self.queue.oldest_age();
        state.created = Some(self.created);
        state.dropped = self.dropped;
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Overflow;

    const FOUR: Defaults = Defaults { max_events: 4, overflow: Overflow::Wait };

    fn message() -> Message {
        Message::malformed("", b"")
    }

    #[test]
    fn publishers_that_wait_are_woken_at_the_latest_when_the_whole_queue_has_gone_by() {
        let mut group = Group::new(GroupSpec::new("group"), FOUR);
        let mut after = AfterLock::default();
        (0..4).for_each(|_| group.give_unbounded(message(), &mut after));
        // Never half empty: others are faster than those that wait.
        let mut is_worth_waking = || {
            let (_, has_room) = group.take(1, &mut Vec::new());
            group.give_unbounded(message(), &mut after);
            has_room
        };
        let seen: Vec<_> = (0..8).map(|_| is_worth_waking()).collect();
        assert_eq!(seen, [false, false, false, true, false, false, false, true]);
    }

    #[test]
    fn a_group_above_its_bound_takes_no_message_without_a_closer_look() {
        let mut group = Group::new(GroupSpec::new("group"), FOUR);
        let mut after = AfterLock::default();
        let mut has_room = || {
            let has_room = group.has_plain_room();
            group.give_unbounded(message(), &mut after);
            has_room
        };
        let seen: Vec<_> = (0..6).map(|_| has_room()).collect();
        assert_eq!(seen, [true, true, true, true, false, false]);
    }
}
