//! The bytes that the service may hold for bodies: one budget for all requests, whoever sends them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A body of at most so many bytes is small. Most deliveries have 10 to 30 KB.
pub(super) const SMALL: usize = 1 << 20;

/// How many bytes all bodies may have together.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    used: Arc<AtomicUsize>,
    total: usize,
}

/// The part of a [`Budget`] that one body has; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(total: usize) -> Self {
        Self { used: Arc::default(), total }
    }

    /// A share of nothing.
    pub(super) fn share(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }
}

impl Share {
    /// Takes as much as makes it `bytes`; whether there is so much. A quarter of the budget is for small bodies: a few large ones
    /// cannot keep all others out.
    #[must_use]
    pub(super) fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let total = self.budget.total;
        let limit = if bytes > SMALL { total - total / 4 } else { total };
        let grown = |used: usize| used.checked_add(more).filter(|used| *used <= limit);
        let taken = self.budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown).is_ok();
        if taken {
            self.bytes += more;
        }
        taken
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, SMALL};

    #[test]
    fn what_all_shares_have_is_bounded_and_comes_back() {
        let budget = Budget::new(100);
        let (mut one, mut other) = (budget.share(), budget.share());
        assert!(one.grow_to(60) && !other.grow_to(41) && other.grow_to(40));
        assert!(one.grow_to(10), "it does not shrink");
        assert!(!one.grow_to(61));
        drop(other);
        assert!(one.grow_to(100));
        drop(one);
        assert!(budget.share().grow_to(100) && !budget.share().grow_to(usize::MAX));
    }

    #[test]
    fn large_bodies_leave_room_for_small_ones() {
        let budget = Budget::new(4 * SMALL);
        let (mut large, mut second) = (budget.share(), budget.share());
        assert!(large.grow_to(3 * SMALL) && !large.grow_to(3 * SMALL + 1));
        assert!(!second.grow_to(SMALL + 1) && second.grow_to(SMALL));
    }
}
