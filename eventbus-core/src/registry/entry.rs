//! One registered listener, and the flag that says whether it is still to be called.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use super::{names::NameListener, types::Home};
use crate::{
    listener::{ListenerId, ListenerInfo},
    sync::{AtomicU8, Ordering},
};

/// Where an entry stands in its slot: larger priorities first, then in the order of registration.
pub(crate) type Key = (Reverse<i32>, ListenerId);

pub(crate) fn key(info: &ListenerInfo) -> Key {
    (Reverse(info.priority), info.id)
}

const OFF: u8 = 1;
const ONCE: u8 = 2;
const ASKED: u8 = 4;

/// A listener in a slot: who it is, whether it is on, and what to call.
///
/// The code is boxed. As an unsized tail it would have to be found anew for each call, by the alignment that its vtable
/// tells.
pub(crate) struct Entry<F: ?Sized> {
    state: AtomicU8,
    pub(crate) info: ListenerInfo,
    /// Its own limit of time.
    pub(crate) timeout: Option<Duration>,
    /// The listener that this entry stands for, if that listens by name: then its flag counts too.
    by_name: Option<Arc<NameListener>>,
    pub(crate) run: Box<F>,
}

/// What to do when a listener's turn comes.
pub(crate) enum Turn {
    /// Call it; nothing else to ask. By far the most common.
    Call,
    /// It is off, cleared, or spent.
    Skip,
    /// Ask its filter and the interceptors, then [`Entry::spend`] it.
    Ask,
}

impl<F: ?Sized> Entry<F> {
    pub(crate) fn new(info: ListenerInfo, once: bool, asked: bool, timeout: Option<Duration>, run: Box<F>) -> Self {
        let state = if once { ONCE } else { 0 } | if asked { ASKED } else { 0 };
        Self { state: AtomicU8::new(state), info, timeout, by_name: None, run }
    }

    /// An entry that stands for a listener by name.
    pub(crate) fn by_name(listener: &Arc<NameListener>, run: Box<F>) -> Self {
        let info = listener.info.clone();
        // Asked, so that its turn is never taken without asking.
        let state = AtomicU8::new(ASKED);
        Self { state, info, timeout: listener.timeout, by_name: Some(Arc::clone(listener)), run }
    }
}

impl<F: ?Sized> Entry<F> {
    pub(crate) fn key(&self) -> Key {
        key(&self.info)
    }

    /// Reads the flag (promise P3: once, before each call).
    #[inline]
    pub(crate) fn turn(&self) -> Turn {
        match self.state.load(Ordering::Acquire) {
            0 => Turn::Call,
            state if state & OFF != 0 => Turn::Skip,
            _ if self.by_name.as_ref().is_some_and(|listener| !listener.is_on()) => Turn::Skip,
            _ => Turn::Ask,
        }
    }

    /// Takes it out of its home, now that it has been spent.
    pub(crate) fn leave(&self, home: &dyn Home) {
        match &self.by_name {
            Some(listener) => listener.leave(),
            None => _ = home.remove(self.key()),
        }
    }

    /// Claims the right to call: granted, unless this listener runs once and another thread was first, or its own filter
    /// has switched it off.
    pub(crate) fn spend(&self) -> Spent {
        let state = self.state.load(Ordering::Acquire);
        if let (Some(listener), 0) = (&self.by_name, state & OFF) {
            return listener.spend();
        }
        if state & ONCE == 0 {
            return if state & OFF == 0 { Spent::Free } else { Spent::TooLate };
        }
        if self.turn_off() { Spent::Last } else { Spent::TooLate }
    }

    /// Switches it off; whether it was on.
    pub(crate) fn turn_off(&self) -> bool {
        self.state.fetch_or(OFF, Ordering::AcqRel) & OFF == 0
    }
}

/// The answer of [`Entry::spend`].
pub(crate) enum Spent {
    /// It may run any number of times.
    Free,
    /// This was its only time: remove it, then call it.
    Last,
    /// It had its time, or is off.
    TooLate,
}
