//! Subscriptions that end together.

use std::sync::Arc;

use super::{subscription::Subscription, types::Home};
use crate::sync::{Mutex, lock};

/// A growing set of subscriptions. Those that have ended on their own are swept out now and then, so that a long-lived
/// group does not grow with all that ever was in it.
#[derive(Default)]
pub(crate) struct Group {
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    list: Vec<Subscription>,
    sweep_at: usize,
}

impl Group {
    pub(crate) fn add(&self, subscription: Subscription) {
        let swept;
        {
            let mut members = lock(&self.members);
            swept = if members.list.len() >= members.sweep_at.max(32) { members.sweep() } else { Vec::new() };
            members.list.push(subscription);
        }
        drop(swept);
    }

    /// Ends them all; how many were on.
    pub(crate) fn off(&self) -> usize {
        let members = std::mem::take(&mut *lock(&self.members));
        members.list.iter().filter(|subscription| subscription.off()).count()
    }

    pub(crate) fn count(&self) -> usize {
        let members = lock(&self.members).list.clone();
        members.iter().filter(|subscription| subscription.is_on()).count()
    }
}

impl Members {
    /// Forgets members that have ended. Hands out the homes it had to hold for asking: if one of them was the last
    /// reference, its listeners are dropped with it, and that must not happen under the lock.
    fn sweep(&mut self) -> Vec<Arc<dyn Home>> {
        let mut held = Vec::new();
        self.list.retain(|subscription| match subscription.home() {
            Some(home) => {
                let on = home.contains(subscription.key());
                held.push(home);
                on
            }
            None => false,
        });
        self.sweep_at = self.list.len() * 2;
        held
    }
}
