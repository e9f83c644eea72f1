//! What an emission has to tell so far.

use std::{cmp::Reverse, sync::Arc};

use crate::{
    listener::{BoxError, Failure, ListenerInfo, ListenerKind, Outcome, Subject},
    registry::Turn,
};

/// Collects what did not go well. Listeners that finish well leave no trace, so that they cost nothing.
pub(crate) struct Tally {
    pub(crate) subject: Subject,
    pub(crate) failures: Vec<Failure>,
    /// Listeners that were not to be called: off, spent, or refused by their filter.
    pub(crate) skipped: usize,
    /// Why the emission ended before its listeners did, if it has.
    pub(crate) stopped: Option<Stop>,
}

/// Why an emission ends before its listeners do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// Its time is up.
    TimedOut,
    /// It has been cancelled.
    Cancelled,
}

impl Stop {
    /// What becomes of a listener that is stopped, or not started, by it.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::TimedOut => Outcome::TimedOut,
            Self::Cancelled => Outcome::Cancelled,
        }
    }
}

impl Tally {
    #[inline]
    pub(crate) fn new(subject: Subject) -> Self {
        Self { subject, failures: Vec::new(), skipped: 0, stopped: None }
    }

    #[cold]
    pub(crate) fn failed(&mut self, listener: &ListenerInfo, error: BoxError) {
        self.add(listener, Outcome::Failed(Arc::from(error)));
    }

    #[cold]
    pub(crate) fn panicked(&mut self, listener: &ListenerInfo, message: Arc<str>) {
        self.add(listener, Outcome::Panicked(message));
    }

    /// Notes that the emission stops, and that these listeners are not run.
    pub(crate) fn stop<'l>(&mut self, why: Stop, rest: impl Iterator<Item = (Turn, &'l ListenerInfo)>) {
        self.stopped = Some(why);
        self.not_run(&why.outcome(), rest);
    }

    /// Notes that these listeners are not run, those of them that were still to be called.
    pub(crate) fn not_run<'l>(&mut self, outcome: &Outcome, rest: impl Iterator<Item = (Turn, &'l ListenerInfo)>) {
        for (turn, listener) in rest {
            match turn {
                Turn::Skip => self.skipped += 1,
                Turn::Call | Turn::Ask => self.add(listener, outcome.clone()),
            }
        }
    }

    /// Brings the failures into the order of turns: listeners that are awaited end in any order.
    pub(crate) fn sort(&mut self) {
        let turn = |failure: &Failure| {
            let listener = failure.listener();
            (listener.kind() != ListenerKind::Sync, Reverse(listener.priority()), listener.id())
        };
        self.failures.sort_by_key(turn);
    }

    #[cold]
    pub(crate) fn add(&mut self, listener: &ListenerInfo, outcome: Outcome) {
        self.failures.push(Failure::new(self.subject.clone(), listener, outcome));
    }
}
