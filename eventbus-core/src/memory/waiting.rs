//! Waiting for room, and for messages.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    time::{Instant, Sleep, sleep_until},
};

use super::{after_lock::AfterLock, state::MemoryState};
use crate::{
    sync::{AtomicBool, Mutex, Ordering, lock},
    transport::{Leased, Read},
};

/// Waits until a publisher that found no room is worth another try.
pub(super) struct Room<'m> {
    state: &'m Mutex<MemoryState>,
    ticket: Option<u64>,
}

impl<'m> Room<'m> {
    pub(super) fn new(state: &'m Mutex<MemoryState>) -> Self {
        Self { state, ticket: None }
    }
}

impl Future for Room<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = lock(self.state);
        if self.ticket.is_none() && !state.holds_publishers_up() {
            return Poll::Ready(());
        }
        let waiting = state.wait_for_room(self.ticket, waker);
        drop(state);
        // The old waker, if any, is dropped here: outside the lock.
        let Some((ticket, _old)) = waiting else {
            self.ticket = None;
            return Poll::Ready(());
        };
        self.ticket = Some(ticket);
        Poll::Pending
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let waker = lock(self.state).leave_room(ticket);
            drop(waker);
        }
    }
}

/// How often a worker that waits looks for messages while another one is busy, in case that one is held up by a handler
/// that blocks its thread.
const LOOK: Duration = Duration::from_millis(1);

/// Waits for messages of a group, and leases up to `max` of them; with a `max` of 0 it waits only.
pub(super) struct Arrival<'s> {
    pub(super) state: &'s Mutex<MemoryState>,
    pub(super) at: usize,
    pub(super) is_closed: &'s AtomicBool,
    pub(super) max: usize,
    pub(super) into: &'s mut Vec<Leased>,
    pub(super) ticket: Option<u64>,
    pub(super) timer: Option<Pin<Box<Sleep>>>,
    pub(super) has_begun: bool,
}

/// What a look at the group found.
enum Look {
    Found(Read),
    /// Nothing, and when to look again without being woken.
    Nothing(Option<Instant>),
}

impl Arrival<'_> {
    fn look(&mut self, waker: Waker, after: &mut AfterLock) -> Look {
        let shared = self.state;
        let mut state = lock(shared);
        let group = &state.groups[self.at];
        if state.is_closed || group.is_removed || self.is_closed.load(Ordering::Acquire) {
            self.leave(&mut state, after);
            return Look::Found(Read::Closed);
        }
        if !std::mem::replace(&mut self.has_begun, true) && self.max > 0 {
            state.groups[self.at].comes_back();
        }
        state.groups[self.at].queue.release_due();
        if state.groups[self.at].queue.ready_len() > 0 {
            let group = &mut state.groups[self.at];
            group.is_waking = false;
            if let Some(waker) = self.ticket.take().and_then(|ticket| group.unwait(ticket)) {
                after.discard_waker(waker);
            }
            if self.max > 0 {
                state.take(self.at, self.max, self.into, after);
            }
            return Look::Found(Read::Batch);
        }
        let group = &mut state.groups[self.at];
        let may_be_held_up = may_be_held_up();
        let is_known = self.ticket.is_some_and(|ticket| group.waits(ticket));
        let watches = group.has_busy_workers() || !may_be_held_up;
        if let Some(replaced) = group.wait(&mut self.ticket, waker, watches) {
            after.discard_waker(replaced);
        }
        // Woken for nothing: another worker was faster.
        group.is_waking = group.is_waking && is_known;
        let look_at = (group.has_busy_workers() && may_be_held_up).then(|| Instant::now() + LOOK);
        Look::Nothing(group.queue.next_due().into_iter().chain(look_at).min())
    }

    /// Takes itself off the list. A wake-up that it does not use goes to another worker.
    fn leave(&mut self, state: &mut MemoryState, after: &mut AfterLock) {
        let Some(ticket) = self.ticket.take() else { return };
        let group = &mut state.groups[self.at];
        if let Some(waker) = group.unwait(ticket) {
            after.discard_waker(waker);
        } else {
            group.is_waking = false;
            if group.queue.ready_len() > 0 {
                after.wake(group.pop_idle());
            }
        }
    }
}

/// Whether a worker can be held up while this one runs: not where all share one thread.
fn may_be_held_up() -> bool {
    Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() != RuntimeFlavor::CurrentThread)
}

impl Future for Arrival<'_> {
    type Output = Read;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Read> {
        loop {
            let mut after = AfterLock::default();
            let look = self.look(cx.waker().clone(), &mut after);
            after.run();
            let wake_at = match look {
                Look::Found(read) => return Poll::Ready(read),
                Look::Nothing(wake_at) => wake_at,
            };
            let Some(wake_at) = wake_at else {
                self.timer = None;
                return Poll::Pending;
            };
            let timer = self.timer.insert(Box::pin(sleep_until(wake_at)));
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        if self.ticket.is_none() {
            return;
        }
        let mut after = AfterLock::default();
        let state = self.state;
        self.leave(&mut lock(state), &mut after);
        after.run();
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::transport::{GroupSpec, Message, Overflow};

    /// A group of so many workers, the only one.
    fn group(workers: usize) -> Mutex<MemoryState> {
        let mut state = MemoryState::new(16, Overflow::Wait);
        let mut spec = GroupSpec::new("group");
        spec.workers = workers;
        assert_eq!(state.subscribe(spec, &mut AfterLock::default()), 0);
        Mutex::new(state)
    }

    /// Begins to wait, and looks again: when it wants to look without being woken.
    fn looks(state: &Mutex<MemoryState>, max: usize) -> Option<Instant> {
        let (is_closed, mut into) = (AtomicBool::new(false), Vec::new());
        let mut arrival = Arrival {
            state,
            at: 0,
            is_closed: &is_closed,
            max,
            into: &mut into,
            ticket: None,
            timer: None,
            has_begun: false,
        };
        let mut look = || match arrival.look(Waker::noop().clone(), &mut AfterLock::default()) {
            Look::Nothing(at) => at,
            Look::Found(_) => panic!("nothing is ready"),
        };
        assert_eq!(look().is_some(), look().is_some());
        look()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_worker_that_waits_looks_by_itself_while_another_one_may_be_held_up() {
        let state = group(3);
        assert_eq!(looks(&state, 0), None, "no other is busy");
        lock(&state).groups[0].is_busy();
        assert!(looks(&state, 0).unwrap() <= Instant::now() + LOOK);
    }

    #[tokio::test]
    async fn a_worker_that_shares_its_thread_with_the_busy_ones_looks_when_something_is_due() {
        let state = group(3);
        lock(&state).groups[0].is_busy();
        assert_eq!(looks(&state, 0), None);
        let hour = Duration::from_hours(1);
        let later = Message::malformed("", b"").with_not_before(SystemTime::now() + hour);
        lock(&state).push(&mut [Some(later)], &mut AfterLock::default()).unwrap();
        let at = looks(&state, 0).unwrap();
        assert!(at > Instant::now() + hour / 2 && at < Instant::now() + hour * 2);
    }

    #[tokio::test]
    async fn a_worker_comes_back_once_and_only_for_messages() {
        let state = group(3);
        (0..2).for_each(|_| lock(&state).groups[0].is_busy());
        looks(&state, 0);
        looks(&state, 1);
        assert!(lock(&state).groups[0].has_busy_workers(), "it has looked several times");
        looks(&state, 1);
        assert!(!lock(&state).groups[0].has_busy_workers());
    }
}
