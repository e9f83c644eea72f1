//! The listeners of one emission that have not ended, driven together.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::stream::{FuturesUnordered, Stream};

use super::{
    listener_task::{Ended, ListenerTask},
    wait::Mode,
    work::Work,
};
use crate::{
    call::{Deadline, ListenerFuture, Stop, panicked},
    event::{isolate, panic_message},
    interleave,
    listener::Outcome,
};

/// Up to this many, all are polled at each wake-up: cheaper than keeping track of which one woke.
const FEW: usize = 30;

/// Listeners that have been started and have not ended.
pub(super) struct Pending {
    listeners: usize,
    few: Vec<PendingItem>,
    /// Used beyond [`FEW`]. Polls only those that woke.
    many: Option<FuturesUnordered<Polled>>,
    /// Keeps to `few`: a parked thread asks for deadlines, and those that did not wake must hear it; and an explored order is
    /// drawn among all.
    all_at_once: bool,
    /// Whether the last poll has ended a listener that runs inside the emission.
    pub(super) inline_ended: bool,
}

impl Pending {
    /// Of at most `listeners` listeners. Allocates with the first that is pending.
    pub(super) fn new(mode: Mode, listeners: usize) -> Self {
        Self {
            listeners,
            few: Vec::new(),
            many: None,
            all_at_once: mode == Mode::Thread || interleave::is_on(),
            inline_ended: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.few.is_empty() && self.many.as_ref().is_none_or(FuturesUnordered::is_empty)
    }

    /// Adds a listener that has been polled and is pending.
    pub(super) fn push(&mut self, work: Work) {
        self.push_item(PendingItem::Work(Box::new(work)));
    }

    /// Adds the future of a listener, which has nothing around it and no limit of its own.
    pub(super) fn push_plain(&mut self, listener: usize, future: ListenerFuture) {
        self.push_item(PendingItem::Plain { listener, future });
    }

    fn push_item(&mut self, item: PendingItem) {
        if let Some(many) = &mut self.many {
            many.extend(item.into_work().map(Polled));
        } else if self.few.len() < FEW || self.all_at_once {
            if self.few.capacity() == 0 {
                self.few.reserve_exact(self.listeners.min(FEW));
            }
            self.few.push(item);
        } else {
            self.many = Some(self.few.drain(..).chain([item]).filter_map(PendingItem::into_work).map(Polled).collect());
        }
    }

    /// Polls them, and hands the failures of those that ended to `failed`. The frame must be set.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, mut failed: impl FnMut(usize, Outcome)) -> Poll<()> {
        self.inline_ended = false;
        let held_back = interleave::hold_back(&mut self.few, cx);
        self.poll_few(cx, &mut failed);
        self.few.extend(held_back);
        if let Some(many) = &mut self.many {
            while let Poll::Ready(Some((listener, is_inline, end))) = Pin::new(&mut *many).poll_next(cx) {
                self.inline_ended |= is_inline;
                if let Some(outcome) = end {
                    failed(listener, outcome);
                }
            }
        }
        if self.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Polls those of `few`, in one landing pad as far as they have nothing around them.
    fn poll_few(&mut self, cx: &mut Context<'_>, failed: &mut dyn FnMut(usize, Outcome)) {
        let Self { few, inline_ended, .. } = self;
        let (mut at, mut left) = (0, 0);
        while at < few.len() {
            // The listener whose future is dropped, unless it has failed: its first failure counts.
            let mut dropping = None;
            let polled = catch_unwind(AssertUnwindSafe(|| {
                while let Some(item) = few.get_mut(at) {
                    match item {
                        PendingItem::Plain { listener, future } => match future.as_mut().poll(cx) {
                            Poll::Pending => left += 1,
                            Poll::Ready(result) => {
                                *inline_ended = true;
                                match result {
                                    Ok(()) => dropping = Some(*listener),
                                    Err(error) => failed(*listener, Outcome::Failed(error.into())),
                                }
                                drop(std::mem::replace(item, PendingItem::Ended));
                                dropping = None;
                            }
                        },
                        PendingItem::Work(work) => match work.poll(cx) {
                            Poll::Pending => left += 1,
                            Poll::Ready(end) => {
                                *inline_ended |= work.is_inline();
                                if let Some(outcome) = end {
                                    failed(work.listener, outcome);
                                }
                                *item = PendingItem::Ended;
                            }
                        },
                        PendingItem::Ended => {}
                    }
                    at += 1;
                }
            }));
            if let Err(payload) = polled {
                let message = panic_message(payload);
                if let PendingItem::Plain { listener, .. } = few[at] {
                    failed(listener, panicked(&message));
                    *inline_ended = true;
                    // After the unwinding, and not during it.
                    let _ = isolate(|| drop(std::mem::replace(&mut few[at], PendingItem::Ended)));
                } else if let Some(listener) = dropping {
                    failed(listener, Outcome::Panicked(message));
                }
                at += 1;
            }
        }
        if left == 0 {
            few.clear();
        } else if left < few.len() {
            few.retain(|item| !matches!(item, PendingItem::Ended));
        }
    }

    /// Ends them all. The frame must be set.
    pub(super) fn stop(&mut self, why: Stop, mut ended: impl FnMut(usize, Outcome)) {
        let many = self.many.take().into_iter().flatten().map(|Polled(work)| work);
        for mut work in self.few.drain(..).filter_map(PendingItem::into_work).chain(many) {
            if let Some(outcome) = work.stop(why) {
                ended(work.listener, outcome);
            }
        }
    }

    /// The first moment at which the time of one of them is up.
    pub(super) fn next_deadline(&self) -> Option<Deadline> {
        let deadline = |item: &PendingItem| match item {
            PendingItem::Work(work) => work.deadline(),
            PendingItem::Plain { .. } | PendingItem::Ended => None,
        };
        self.few.iter().filter_map(deadline).min_by_key(|deadline| deadline.left())
    }
}

/// A listener that has not ended.
enum PendingItem {
    /// The future of one that has nothing around it and no limit of its own.
    Plain {
        listener: usize,
        future: ListenerFuture,
    },
    Work(Box<Work>),
    /// One that has just ended.
    Ended,
}

impl PendingItem {
    fn into_work(self) -> Option<Work> {
        match self {
            Self::Plain { listener, future } => Some(Work::inline(listener, ListenerTask::polled(future))),
            Self::Work(work) => Some(*work),
            Self::Ended => None,
        }
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
