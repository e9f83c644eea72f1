//! Work that waits until the lock has been given back.

use std::task::Waker;

use crate::{event::isolate, transport::Message};

/// Wakers to wake and messages to drop or tell of, once the lock has been given back: they run foreign code.
#[derive(Default)]
pub(super) struct AfterLock {
    /// The first waker, so that one costs no allocation.
    waker: Option<Waker>,
    rare: Option<Box<RareWork>>,
}

/// What most pushes and pops do not need.
#[derive(Default)]
struct RareWork {
    wakers: Vec<Waker>,
    dropped: Vec<Message>,
    unrouted: Vec<UnroutedMessage>,
    unused: Vec<Waker>,
}

/// A message that no group wants.
pub(super) struct UnroutedMessage {
    pub(super) message: Message,
    /// Whether it has made room for a newer one.
    pub(super) is_dropped: bool,
}

impl AfterLock {
    pub(super) fn wake(&mut self, waker: Option<Waker>) {
        match waker {
            None => {}
            Some(waker) if self.waker.is_none() => self.waker = Some(waker),
            Some(waker) => self.rare().wakers.push(waker),
        }
    }

    /// Drops a message.
    #[cold]
    pub(super) fn discard(&mut self, message: Message) {
        self.rare().dropped.push(message);
    }

    /// Drops a waker without calling it.
    #[cold]
    pub(super) fn discard_waker(&mut self, waker: Waker) {
        self.rare().unused.push(waker);
    }

    /// Notes a message that no group wants.
    #[cold]
    pub(super) fn note_unrouted(&mut self, message: Message) {
        self.rare().unrouted.push(UnroutedMessage { message, is_dropped: false });
    }

    /// Drops a message that no group has wanted.
    #[cold]
    pub(super) fn note_unrouted_dropped(&mut self, message: Message) {
        self.rare().unrouted.push(UnroutedMessage { message, is_dropped: true });
    }

    /// The messages that no group wants.
    #[inline]
    pub(super) fn take_unrouted(&mut self) -> Vec<UnroutedMessage> {
        self.rare.as_mut().map(|rare| std::mem::take(&mut rare.unrouted)).unwrap_or_default()
    }

    fn rare(&mut self) -> &mut RareWork {
        self.rare.get_or_insert_default()
    }

    #[inline]
    pub(super) fn run(self) {
        if let Some(waker) = self.waker {
            wake(waker);
        }
        if let Some(rare) = self.rare {
            rare.run();
        }
    }
}

/// Nobody who calls this is to blame for a waker that panics.
#[inline(never)]
pub(super) fn wake(waker: Waker) {
    let _ = isolate(|| waker.wake());
}

impl RareWork {
    #[cold]
    fn run(self) {
        let Self { wakers, dropped, unrouted: _, unused } = self;
        wakers.into_iter().for_each(wake);
        for message in dropped {
            let _ = isolate(|| drop(message));
        }
        drop(unused);
    }
}
