//! The listeners of a slot at one moment.

use std::sync::Arc;

use super::entry::{Entry, Turn};
use crate::listener::ListenerInfo;

/// A listener as its slot keeps it.
pub(crate) enum Member<S: ?Sized, A: ?Sized> {
    /// Called on the emitting thread, before all others.
    Sync(Arc<Entry<S>>),
    /// Started after those, and awaited.
    Late(Late<S, A>),
}

/// A listener that is started after the synchronous ones.
pub(crate) enum Late<S: ?Sized, A: ?Sized> {
    /// Called on a thread that may block.
    Blocking(Arc<Entry<S>>),
    /// Gives a future, which is polled by the emission or in a task of its own.
    Async(Arc<Entry<A>>),
}

/// The listeners of a slot at one moment, in the order of their turns. Immutable.
pub(crate) struct Snapshot<S: ?Sized, A: ?Sized> {
    pub(crate) sync: Box<[Arc<Entry<S>>]>,
    pub(crate) late: Box<[Late<S, A>]>,
}

impl<S: ?Sized, A: ?Sized> Snapshot<S, A> {
    pub(crate) fn len(&self) -> usize {
        self.sync.len() + self.late.len()
    }

    /// Every listener, with what its turn is now.
    pub(crate) fn turns(&self) -> impl Iterator<Item = (Turn, &ListenerInfo)> {
        let sync = self.sync.iter().map(|entry| (entry.turn(), &entry.info));
        sync.chain(self.late.iter().map(|late| (late.turn(), late.info())))
    }
}

impl<S: ?Sized, A: ?Sized> FromIterator<Member<S, A>> for Snapshot<S, A> {
    fn from_iter<I: IntoIterator<Item = Member<S, A>>>(members: I) -> Self {
        let (mut sync, mut late) = (Vec::new(), Vec::new());
        for member in members {
            match member {
                Member::Sync(entry) => sync.push(entry),
                Member::Late(entry) => late.push(entry),
            }
        }
        Self { sync: sync.into_boxed_slice(), late: late.into_boxed_slice() }
    }
}

impl<S: ?Sized, A: ?Sized> Member<S, A> {
    pub(crate) fn info(&self) -> &ListenerInfo {
        match self {
            Self::Sync(entry) => &entry.info,
            Self::Late(late) => late.info(),
        }
    }

    pub(crate) fn turn_off(&self) {
        match self {
            Self::Sync(entry) | Self::Late(Late::Blocking(entry)) => _ = entry.turn_off(),
            Self::Late(Late::Async(entry)) => _ = entry.turn_off(),
        }
    }
}

impl<S: ?Sized, A: ?Sized> Late<S, A> {
    pub(crate) fn info(&self) -> &ListenerInfo {
        match self {
            Self::Blocking(entry) => &entry.info,
            Self::Async(entry) => &entry.info,
        }
    }

    pub(crate) fn turn(&self) -> Turn {
        match self {
            Self::Blocking(entry) => entry.turn(),
            Self::Async(entry) => entry.turn(),
        }
    }
}

// By hand: a derive would ask `S` and `A` to be `Clone`.
impl<S: ?Sized, A: ?Sized> Clone for Member<S, A> {
    fn clone(&self) -> Self {
        match self {
            Self::Sync(entry) => Self::Sync(Arc::clone(entry)),
            Self::Late(Late::Blocking(entry)) => Self::Late(Late::Blocking(Arc::clone(entry))),
            Self::Late(Late::Async(entry)) => Self::Late(Late::Async(Arc::clone(entry))),
        }
    }
}
