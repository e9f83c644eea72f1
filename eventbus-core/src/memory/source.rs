//! A consumer's end of a group of the memory transport.

use std::sync::Arc;

use super::{after_lock::AfterLock, state::State, waiting::Arrival};
use crate::{
    sync::{AtomicBool, Mutex, Ordering, lock},
    transport::{Answer, BoxFuture, Leased, Read, Source, Unsettled},
};

pub(super) struct MemorySource {
    state: Arc<Mutex<State>>,
    at: usize,
    workers: usize,
    is_closed: AtomicBool,
}

impl MemorySource {
    pub(super) fn new(state: Arc<Mutex<State>>, at: usize, workers: usize) -> Self {
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
