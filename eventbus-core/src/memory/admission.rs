//! What happens to one more message at the bounds of a group.

use crate::transport::{GroupSpec, Overflow};

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
    overflow: Overflow,
    /// Neither bytes nor keys are bounded.
    pub(super) counts_only_events: bool,
}

pub(super) enum PushAnswer {
    Push,
    /// After the oldest messages have been dropped.
    Replace,
    Drop,
    Refuse {
        wait: bool,
    },
}

impl Bounds {
    pub(super) fn of(spec: &GroupSpec, defaults: Defaults) -> Self {
        Self {
            max_events: spec.max_events.unwrap_or(defaults.max_events),
            max_bytes: spec.max_bytes.unwrap_or(usize::MAX),
            max_per_key: spec.max_per_key.unwrap_or(usize::MAX),
            overflow: spec.overflow.unwrap_or(defaults.overflow),
            counts_only_events: spec.max_bytes.is_none() && spec.max_per_key.is_none(),
        }
    }

    /// What happens at a bound.
    pub(super) fn at_bound(&self) -> PushAnswer {
        match self.overflow {
            Overflow::Wait => PushAnswer::Refuse { wait: true },
            Overflow::Fail => PushAnswer::Refuse { wait: false },
            Overflow::DropOldest => PushAnswer::Replace,
            Overflow::DropNewest => PushAnswer::Drop,
        }
    }
}
