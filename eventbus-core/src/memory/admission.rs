//! What happens to one more message at the bounds of a group.

use crate::transport::Overflow;

/// The bounds of groups that do not state their own.
#[derive(Clone, Copy)]
pub(super) struct Defaults {
    pub(super) max_events: usize,
    pub(super) overflow: Overflow,
}

/// The bounds of a group.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) max_events: usize,
    pub(super) max_bytes: usize,
    pub(super) max_per_key: usize,
    pub(super) overflow: Overflow,
}

pub(super) enum Admission {
    Push,
    /// After the oldest messages have been dropped.
    Replace,
    Drop,
    Refuse {
        wait: bool,
    },
}

impl Bounds {
    /// What happens at a bound.
    pub(super) fn at_bound(&self) -> Admission {
        match self.overflow {
            Overflow::Wait => Admission::Refuse { wait: true },
            Overflow::Fail => Admission::Refuse { wait: false },
            Overflow::DropOldest => Admission::Replace,
            Overflow::DropNewest => Admission::Drop,
        }
    }
}
