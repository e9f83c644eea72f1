//! The listeners of one emission that have not ended, driven together.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::stream::{FuturesUnordered, Stream};

use super::{listener_task::Ended, wait::Mode, work::Work};
use crate::{
    call::{Deadline, Stop},
    listener::Outcome,
};

/// Up to this many, all are polled at each wake-up: cheaper than keeping track of which one woke.
const FEW: usize = 30;

/// Listeners that have been started and have not ended.
pub(super) struct Pending {
    listeners: usize,
    few: Vec<Work>,
    /// Used beyond [`FEW`]. Polls only those that woke.
    many: Option<FuturesUnordered<Polled>>,
    /// Keeps to `few`: a parked thread asks for deadlines, and those that did not wake must hear it.
    all_at_once: bool,
    /// Whether the last poll has ended a listener that runs inside the emission.
    pub(super) inline_ended: bool,
}

impl Pending {
    /// Of at most `listeners` listeners. Allocates with the first that is pending.
    pub(super) fn new(mode: Mode, listeners: usize) -> Self {
        Self { listeners, few: Vec::new(), many: None, all_at_once: mode == Mode::Thread, inline_ended: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.few.is_empty() && self.many.as_ref().is_none_or(FuturesUnordered::is_empty)
    }

    /// Adds a listener that has been polled and is pending.
    pub(super) fn push(&mut self, work: Work) {
        if let Some(many) = &mut self.many {
            many.push(Polled(work));
        } else if self.few.len() < FEW || self.all_at_once {
            if self.few.capacity() == 0 {
                self.few.reserve_exact(self.listeners.min(FEW));
            }
            self.few.push(work);
        } else {
            self.many = Some(self.few.drain(..).chain([work]).map(Polled).collect());
        }
    }

    /// Polls them, and hands those that ended to `ended`. The frame must be set.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, mut ended: impl FnMut(usize, Ended)) -> Poll<()> {
        self.inline_ended = false;
        self.few.retain_mut(|work| match work.poll(cx) {
            Poll::Pending => true,
            Poll::Ready(end) => {
                self.inline_ended |= work.is_inline();
                ended(work.listener, end);
                false
            }
        });
        if let Some(many) = &mut self.many {
            while let Poll::Ready(Some((listener, is_inline, end))) = Pin::new(&mut *many).poll_next(cx) {
                self.inline_ended |= is_inline;
                ended(listener, end);
            }
        }
        if self.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Ends them all. The frame must be set.
    pub(super) fn stop(&mut self, why: Stop, mut ended: impl FnMut(usize, Outcome)) {
        let many = self.many.take().into_iter().flatten().map(|Polled(work)| work);
        for mut work in self.few.drain(..).chain(many) {
            if let Some(outcome) = work.stop(why) {
                ended(work.listener, outcome);
            }
        }
    }

    /// The first moment at which the time of one of them is up.
    pub(super) fn next_deadline(&self) -> Option<Deadline> {
        self.few.iter().filter_map(Work::deadline).min_by_key(|deadline| deadline.left())
    }
}

/// A [`Work`] as a future.
struct Polled(Work);

impl Future for Polled {
    type Output = (usize, bool, Ended);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx).map(|end| (self.0.listener, self.0.is_inline(), end))
    }
}
