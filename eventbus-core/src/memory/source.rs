//! A consumer's end of a group of the memory transport.

use std::sync::Arc;

use super::{after_lock::AfterLock, state::MemoryState, waiting::Arrival};
use crate::{
    sync::{AtomicBool, Mutex, Ordering, lock},
    transport::{Answer, BoxFuture, Leased, Read, Source, Unsettled},
};

pub(super) struct MemorySource {
    state: Arc<Mutex<MemoryState>>,
    at: usize,
    workers: usize,
    is_closed: AtomicBool,
}

impl MemorySource {
    pub(super) fn new(state: Arc<Mutex<MemoryState>>, at: usize, workers: usize) -> Self {
        Self { state, at, workers, is_closed: AtomicBool::new(false) }
    }

    /// Its workers read no more: those of other sources are woken in their place.
    fn leave(&self) {
        if self.is_closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut after = AfterLock::default();
        {
            let mut state = lock(&self.state);
            let group = &mut state.groups[self.at];
            group.workers -= self.workers;
            group.forget_busy();
            group.wake_all(&mut after);
        }
        after.run();
    }
}

impl Source for MemorySource {
    fn try_next(&self, max: usize, into: &mut Vec<Leased>) -> Option<Read> {
        if self.is_closed.load(Ordering::Acquire) {
            return Some(Read::Closed);
        }
        let mut after = AfterLock::default();
        {
            let mut state = lock(&self.state);
            if state.is_closed || state.groups[self.at].is_removed {
                return Some(Read::Closed);
            }
            if max > 0 {
                state.groups[self.at].comes_back();
            }
            state.take(self.at, max, into, &mut after);
        }
        after.run();
        Some(Read::Batch)
    }

    fn next<'a>(&'a self, max: usize, into: &'a mut Vec<Leased>) -> Answer<'a, Read> {
        let (state, is_closed) = (&self.state, &self.is_closed);
        let arrival = Arrival { state, at: self.at, is_closed, max, into, ticket: None, timer: None, has_begun: false };
        Box::pin(async move { Ok(arrival.await) })
    }

    fn try_settle(&self, batch: &mut Vec<Leased>) -> bool {
        let waker = lock(&self.state).settle(self.at, batch);
        if let Some(waker) = waker {
            let _ = crate::event::isolate(|| waker.wake());
        }
        true
    }

    fn settle(&self, mut batch: Vec<Leased>) -> BoxFuture<'static, Vec<Unsettled>> {
        self.try_settle(&mut batch);
        for leased in batch {
            // Its event is foreign code.
            let _ = crate::event::isolate(|| drop(leased));
        }
        Box::pin(std::future::ready(Vec::new()))
    }

    fn worker_waits(&self, waits: bool) {
        let mut after = AfterLock::default();
        {
            let mut state = lock(&self.state);
            let group = &mut state.groups[self.at];
            if waits {
                group.comes_back();
            } else {
                group.is_busy();
            }
            if waits && !group.has_busy_workers() && group.queue.ready_len() > 0 && !group.is_waking {
                after.wake(group.pop_idle());
            }
        }
        after.run();
    }

    fn close(&self) -> Answer<'_, ()> {
        self.leave();
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Drop for MemorySource {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::AtomicUsize,
        task::{Context, Wake, Waker},
        time::{Duration, SystemTime},
    };

    use super::*;
    use crate::transport::{GroupSpec, Message, Overflow};

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Wakes {
        fn count(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    fn queues() -> Arc<Mutex<MemoryState>> {
        Arc::new(Mutex::new(MemoryState::new(16, Overflow::Wait)))
    }

    fn source(state: &Arc<Mutex<MemoryState>>, workers: usize) -> MemorySource {
        let mut spec = GroupSpec::new("group");
        spec.workers = workers;
        let at = lock(state).subscribe(spec, &mut AfterLock::default());
        MemorySource::new(Arc::clone(state), at, workers)
    }

    fn give(state: &Mutex<MemoryState>, message: Message) {
        let mut after = AfterLock::default();
        lock(state).push(&mut [Some(message)], &mut after).unwrap();
        after.run();
    }

    fn publish(state: &Mutex<MemoryState>) {
        give(state, Message::malformed("", b""));
    }

    /// A worker begins to wait.
    fn wait(worker: &mut Answer<'_, Read>) -> Arc<Wakes> {
        let counted = Arc::<Wakes>::default();
        let waker = Waker::from(Arc::clone(&counted));
        assert!(worker.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        counted
    }

    #[tokio::test]
    async fn a_source_that_is_dropped_while_it_is_busy_leaves_what_is_ready_to_others() {
        let state = queues();
        let (busy, other) = (source(&state, 1), source(&state, 1));
        let mut into = Vec::new();
        let mut worker = other.next(1, &mut into);
        let wakes = wait(&mut worker);
        busy.worker_waits(false);
        publish(&state);
        assert_eq!(wakes.count(), 0, "the busy one is expected to come back");
        drop(busy);
        assert_eq!(wakes.count(), 1);
    }

    #[tokio::test]
    async fn a_worker_whose_handler_waits_leaves_what_is_ready_to_an_idle_one() {
        let state = queues();
        let source = source(&state, 3);
        let mut into = Vec::new();
        let mut worker = source.next(1, &mut into);
        let wakes = wait(&mut worker);
        source.worker_waits(false);
        source.worker_waits(true);
        assert_eq!(wakes.count(), 0, "nothing is ready");
        source.worker_waits(false);
        source.worker_waits(false);
        publish(&state);
        source.worker_waits(true);
        assert_eq!(wakes.count(), 0, "another one is still busy");
        source.worker_waits(true);
        assert_eq!(wakes.count(), 1);
    }

    #[tokio::test]
    async fn a_worker_that_is_polled_without_having_been_woken_does_not_stand_for_the_one_that_was() {
        let state = queues();
        let source = source(&state, 2);
        let (mut first_into, mut second_into) = (Vec::new(), Vec::new());
        let (mut first, mut second) = (source.next(1, &mut first_into), source.next(1, &mut second_into));
        let _ = (wait(&mut first), wait(&mut second));
        let (one, other) = (wait(&mut first), wait(&mut second));
        let soon = SystemTime::now() + Duration::from_hours(1);
        give(&state, Message::malformed("", b"").with_not_before(soon));
        assert_eq!(one.count() + other.count(), 1);
        let idle = if one.count() == 0 { &mut first } else { &mut second };
        let again = wait(idle);
        publish(&state);
        assert_eq!(again.count(), 0, "the one that was woken has not looked yet");
    }

    #[tokio::test]
    async fn a_worker_that_waits_no_more_is_not_woken_in_place_of_another() {
        for leaves in [0, 1] {
            let state = queues();
            let source = source(&state, 2);
            let (mut first_into, mut second_into) = (Vec::new(), Vec::new());
            let mut workers = vec![source.next(1, &mut first_into), source.next(1, &mut second_into)];
            let mut wakes: Vec<_> = workers.iter_mut().map(wait).collect();
            drop(workers.remove(leaves));
            wakes.remove(leaves);
            publish(&state);
            assert_eq!(wakes[0].count(), 1);
        }
    }
}
