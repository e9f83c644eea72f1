//! What asynchronous emission promises: listeners that wait, emissions that are awaited, blocked on, spawned, cancelled
//! and limited in time. Each test is a claim; `P5` and the like are the promises of ARCHITECTURE.md.

#![cfg(feature = "derive")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod awaiting;
mod cancellation;
mod context;
mod frames;
mod leaks;
mod listeners;
mod load;
mod many;
mod not_begun;
mod panics;
mod reentrancy;
mod runtimes;
mod settling;
mod shutdown;
mod spawning;
mod support;
mod timeouts;
mod unstarted;
