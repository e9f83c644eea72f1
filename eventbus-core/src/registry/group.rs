//! Subscriptions that end together, and groups of them inside of groups.

use std::sync::Arc;

use super::{departure::Departure, modules::Seat, subscription::Subscription};
use crate::sync::{Mutex, lock};

/// A growing set of listeners, and of groups that end with it. What is gone for good is swept out now and then, so that a
/// long-lived group does not grow with all that ever was in it.
///
/// Locks are taken from the outer group to the inner one, and none is held while a listener is ended.
#[derive(Default)]
pub(crate) struct Group {
    members: Mutex<Members>,
    /// Whether it is a module's: such a group, once ended, is closed.
    is_module: bool,
}

#[derive(Default)]
struct Members {
    closed: bool,
    listeners: Vec<Subscription>,
    inner: Vec<Arc<Group>>,
    /// Given up when the group is closed.
    seat: Option<Seat>,
    sweep_at: usize,
}

/// What ending a group has changed.
pub(crate) struct Ended {
    pub(crate) was_open: bool,
    /// How many were on.
    pub(crate) listeners: usize,
}

impl Group {
    /// The group of a module, which gives up its seat when it is closed.
    pub(super) fn of_module(seat: Seat) -> Self {
        let members = Members { seat: Some(seat), ..Members::default() };
        Self { members: Mutex::new(members), is_module: true }
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

    /// Takes in a listener that is about to be registered, so that who ends the group from here on waits for it. Refused if the
    /// group is closed: it is not to be registered then.
    pub(crate) fn add(&self, subscription: &Subscription) -> bool {
        let swept;
        {
            let mut members = lock(&self.members);
            if members.closed {
                return false;
            }
            swept = members.make_room();
            members.listeners.push(subscription.clone());
        }
        drop(swept);
        true
    }

    /// Ends them all. Further ones may be added.
    pub(crate) fn off(&self) -> Ended {
        self.end(false)
    }

    /// Ends them all for good.
    pub(crate) fn close(&self) -> Ended {
        self.end(true)
    }

    fn end(&self, for_good: bool) -> Ended {
        let for_good = for_good || self.is_module;
        let (was_open, listeners, inner, seat);
        {
            let mut members = lock(&self.members);
            was_open = !members.closed;
            members.closed |= for_good;
            (listeners, inner) = (members.listeners.clone(), members.inner.clone());
            seat = if for_good { members.seat.take() } else { None };
        }
        let own = listeners.iter().filter(|subscription| subscription.off()).count();
        let others: usize = inner.iter().map(|group| group.end(for_good).listeners).sum();
        drop((seat, inner));
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
        let own = listeners.iter().filter(|subscription| subscription.is_on()).count();
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
        all.extend(listeners.iter().filter(|listener| !listener.is_gone()).filter_map(Subscription::departure));
        for group in inner {
            group.departures(all);
        }
    }

    fn list(&self) -> (Vec<Subscription>, Vec<Arc<Self>>) {
        let members = lock(&self.members);
        (members.listeners.clone(), members.inner.clone())
    }

    /// Whether it is empty, and nobody can add to it or to a group inside of it. Asked under the lock of the list that holds it: nobody
    /// can get hold of a group that only this list holds otherwise.
    fn is_forgotten(self: &Arc<Self>) -> bool {
        let members = lock(&self.members);
        (members.closed || Arc::strong_count(self) == 1)
            && members.listeners.iter().all(Subscription::is_gone)
            && members.inner.iter().all(Self::is_forgotten)
    }

    /// Whether no listener is left in it.
    pub(super) fn is_idle(&self) -> bool {
        let members = lock(&self.members);
        members.listeners.iter().all(Subscription::is_gone) && members.inner.iter().all(|group| group.is_idle())
    }
}

impl Members {
    /// Sweeps if the group has doubled since it was swept last.
    fn make_room(&mut self) -> impl Sized + use<> {
        let is_full = self.listeners.len() + self.inner.len() >= self.sweep_at.max(32);
        if is_full { Some(self.sweep()) } else { None }
    }

    /// Forgets listeners that are gone, and empty groups that nobody can add to. Hands out what is to be dropped.
    fn sweep(&mut self) -> impl Sized + use<> {
        let listeners: Vec<_> = self.listeners.extract_if(.., |listener| listener.is_gone()).collect();
        let inner: Vec<_> = self.inner.extract_if(.., |group| group.is_forgotten()).collect();
        self.sweep_at = (self.listeners.len() + self.inner.len()) * 2;
        (listeners, inner)
    }
}
