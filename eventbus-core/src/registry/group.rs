//! Listeners that end together, and groups of them inside of groups.

use std::{any::Any, sync::Arc};

use super::{departure::Departure, registration::Registration};
use crate::sync::{Mutex, lock};

/// A growing set of listeners, and of groups that end with it. Listeners that are gone for good are swept out now and
/// then, so that a long-lived group does not grow with all that ever was in it.
///
/// Locks are taken from the outer group to the inner one, and none is held while a listener is ended.
#[derive(Default)]
pub(crate) struct ListenerGroup {
    members: Mutex<Members>,
    /// Whether ending it closes it, as for the group of a module.
    closes: bool,
}

#[derive(Default)]
struct Members {
    closed: bool,
    listeners: Vec<Registration>,
    inner: Vec<Arc<ListenerGroup>>,
    /// Dropped when the group is closed.
    until_closed: Option<Box<dyn Any + Send + Sync>>,
    sweep_at: usize,
}

/// What ending a group has changed.
pub(crate) struct Ended {
    pub(crate) was_open: bool,
    /// How many were on.
    pub(crate) listeners: usize,
}

impl ListenerGroup {
    /// A group that closes when it is ended, and then drops `until_closed`.
    pub(super) fn closing(until_closed: Box<dyn Any + Send + Sync>) -> Self {
        let members = Members { until_closed: Some(until_closed), ..Members::default() };
        Self { members: Mutex::new(members), closes: true }
    }

    /// A group that ends with this one; closed from the start if this one is.
    pub(crate) fn nested(&self) -> Arc<Self> {
        let inner = Arc::<Self>::default();
        if !self.adopt(&inner) {
            inner.close();
        }
        inner
    }

    /// Takes in a group, to end with this one. Refused if this one is closed.
    pub(crate) fn adopt(&self, inner: &Arc<Self>) -> bool {
        let swept;
        {
            let mut members = lock(&self.members);
            if members.closed {
                return false;
            }
            swept = members.make_room();
            members.inner.push(Arc::clone(inner));
        }
        drop(swept);
        true
    }

    /// Takes in a listener that is about to be registered, so that whoever ends the group from here on waits for it.
    /// Refused if the group is closed: it is not to be registered then.
    pub(crate) fn add(&self, listener: &Registration) -> bool {
        let swept;
        {
            let mut members = lock(&self.members);
            if members.closed {
                return false;
            }
            swept = members.make_room();
            members.listeners.push(listener.clone());
        }
        drop(swept);
        true
    }

    /// Ends all listeners. Further ones may be added.
    pub(crate) fn off(&self) -> Ended {
        self.end(false)
    }

    /// Ends all listeners for good.
    pub(crate) fn close(&self) -> Ended {
        self.end(true)
    }

    fn end(&self, for_good: bool) -> Ended {
        let for_good = for_good || self.closes;
        let (was_open, listeners, inner, until_closed);
        {
            let mut members = lock(&self.members);
            was_open = !members.closed;
            members.closed |= for_good;
            (listeners, inner) = (members.listeners.clone(), members.inner.clone());
            until_closed = if for_good { members.until_closed.take() } else { None };
        }
        let own = listeners.iter().filter(|listener| listener.off()).count();
        let others: usize = inner.iter().map(|group| group.end(for_good).listeners).sum();
        drop((until_closed, inner));
        let swept = lock(&self.members).sweep();
        drop(swept);
        Ended { was_open, listeners: own + others }
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.members).closed
    }

    /// How many listeners are on, those of inner groups included.
    pub(crate) fn count(&self) -> usize {
        let (listeners, inner) = self.list();
        let own = listeners.iter().filter(|listener| listener.is_on()).count();
        own + inner.iter().map(|group| group.count()).sum::<usize>()
    }

    /// Waits until all listeners that have been ended are gone for good.
    pub(crate) async fn departed(&self) {
        let mut departures = Vec::new();
        self.departures(&mut departures);
        for departure in departures {
            departure.wait().await;
        }
    }

    fn departures(&self, all: &mut Vec<Arc<Departure>>) {
        let (listeners, inner) = self.list();
        all.extend(listeners.iter().map(|listener| Arc::clone(listener.departure())));
        for group in inner {
            group.departures(all);
        }
    }

    fn list(&self) -> (Vec<Registration>, Vec<Arc<Self>>) {
        let members = lock(&self.members);
        (members.listeners.clone(), members.inner.clone())
    }

    /// Whether it is empty, and nobody can add to it or to a group inside of it. Asked under the lock of the list that
    /// holds it: nobody can get hold of a group that only this list holds otherwise.
    fn is_forgotten(self: &Arc<Self>) -> bool {
        let members = lock(&self.members);
        (members.closed || Arc::strong_count(self) == 1)
            && members.listeners.iter().all(|listener| listener.departure().is_gone())
            && members.inner.iter().all(Self::is_forgotten)
    }

    /// Whether no listener is left in it.
    pub(super) fn is_idle(&self) -> bool {
        let members = lock(&self.members);
        members.listeners.iter().all(|listener| listener.departure().is_gone())
            && members.inner.iter().all(|group| group.is_idle())
    }
}

impl Members {
    /// Sweeps if the group has doubled since the last sweep.
    fn make_room(&mut self) -> impl Sized + use<> {
        let is_full = self.listeners.len() + self.inner.len() >= self.sweep_at.max(32);
        if is_full { Some(self.sweep()) } else { None }
    }

    /// Removes listeners that are gone, and empty groups that nobody can add to. Returns what is to be dropped.
    fn sweep(&mut self) -> impl Sized + use<> {
        let listeners: Vec<_> = self.listeners.extract_if(.., |listener| listener.departure().is_gone()).collect();
        let inner: Vec<_> = self.inner.extract_if(.., |group| group.is_forgotten()).collect();
        self.sweep_at = (self.listeners.len() + self.inner.len()) * 2;
        (listeners, inner)
    }
}
