//! The seams around emissions and calls: what interceptors see, what they may do, and what they cannot break.

#![cfg(feature = "derive")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

#[path = "../promises/support.rs"]
#[expect(dead_code, reason = "shared; not all of it is used here")]
mod support;

mod authorisation;
mod containment;
mod exactly_once;
mod metrics;
mod once;
mod order;
mod recorder;
mod reentrancy;
mod spans;
mod transactions;
