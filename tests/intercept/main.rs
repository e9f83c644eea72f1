//! The seams around emissions, calls, publishes and deliveries: what interceptors see, what they may do, and what they cannot break.

#![cfg(feature = "derive")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

#[path = "../promises/support.rs"]
mod support;

mod authorisation;
mod containment;
mod deliveries;
mod exactly_once;
mod idle;
mod measured;
mod metrics;
mod not_run;
mod once;
mod order;
mod publishing;
mod recorder;
mod reentrancy;
mod spans;
mod tracing;
mod transactions;
mod unheard;
mod watcher;
