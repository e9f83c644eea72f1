//! Events that are kept until it is sure that they have happened.

#![cfg(feature = "derive")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

#[path = "../promises/support.rs"]
#[expect(dead_code, unused_imports, reason = "shared; not all of it is used here")]
mod support;

mod by_name;
mod drops;
mod keeping;
mod publishing;
mod reentrancy;
mod release;

use eventbus::{Bus, Deferred, deferred::DeferredStats};
use support::{Log, Numbered};

/// Pending, released and discarded.
fn counts(bus: &Bus) -> (u64, u64, u64) {
    let DeferredStats { pending, released, discarded, .. } = bus.stats().deferred;
    (pending, released, discarded)
}

/// A bus that notes the numbers it hears.
fn noting() -> (Bus, Log<u32>) {
    let (bus, log) = (Bus::new(), Log::default());
    bus.listener::<Numbered>().with(log.clone()).on(|log, e| log.add(e.0));
    (bus, log)
}

fn keeping(bus: &Bus, numbers: impl IntoIterator<Item = u32>) -> Deferred {
    let deferred = bus.deferred();
    numbers.into_iter().for_each(|number| deferred.emit(Numbered(number)));
    deferred
}
