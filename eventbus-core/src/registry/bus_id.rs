//! The identity of a bus.

use std::sync::atomic::{AtomicU32, Ordering};

/// Tells buses apart, as long as the process lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BusId(u32);

impl BusId {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}
