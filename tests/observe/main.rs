//! What a bus shows of itself: its catalog, its statistics, its trace and its warnings.

#![forbid(unsafe_code)]
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod catalog;
#[path = "../common/hush.rs"]
mod hush;
mod stats;
mod trace;
#[path = "../common/watchdog.rs"]
mod watchdog;

/// Keeps the expected panics, those that say `boom`, off the terminal.
fn hush() {
    hush::hush(|info| info.payload_as_str().is_some_and(|text| text.contains("boom")));
}
