//! What is done once the lock has been given back.

use std::task::Waker;

use crate::{event::isolate, transport::Message};

/// What is done once the lock has been given back: wakers and drops of events are foreign code.
#[derive(Default)]
pub(super) struct AfterLock {
    /// The first, so that one costs no allocation.
    waker: Option<Waker>,
    wakers: Vec<Waker>,
    pub(super) dropped: Vec<Message>,
    /// Messages that no group wants: told once for each event.
    pub(super) unrouted: Vec<Message>,
    /// Wakers to drop without calling them.
    pub(super) unused: Vec<Waker>,
}

impl AfterLock {
    pub(super) fn wake(&mut self, waker: Option<Waker>) {
        match waker {
            Some(waker) if self.waker.is_none() => self.waker = Some(waker),
            waker => self.wakers.extend(waker),
        }
    }

    pub(super) fn run(self) {
        let Self { waker, wakers, dropped, unused, unrouted: _ } = self;
        // Nobody who calls this is to blame for a waker that panics.
        for waker in waker.into_iter().chain(wakers) {
            let _ = isolate(|| waker.wake());
        }
        for message in dropped {
            let _ = isolate(|| drop(message));
        }
        drop(unused);
    }
}
