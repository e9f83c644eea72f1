//! What a bus shows of itself: its catalog, its statistics, its trace and its warnings.

#![forbid(unsafe_code)]
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod catalog;
mod stats;
mod trace;
#[path = "../common/watchdog.rs"]
mod watchdog;
