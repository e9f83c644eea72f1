//! The identity of a bus.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

/// Tells buses apart, as long as the process lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BusId(NonZeroU32);

impl BusId {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let id = NonZeroU32::new(NEXT.fetch_add(1, Ordering::Relaxed));
        Self(id.expect("a process makes fewer than four billion buses"))
    }
}
