//! Emission identifiers.

use std::fmt;

/// The identity of one emission, unique in the process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct EmissionId(u64);

impl EmissionId {
    /// Of code that no emission has called.
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn new(id: u64) -> Self {
        Self(id)
    }

    /// The id as a number. Ids of one thread grow; across threads their order says nothing.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for EmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
