//! Events by name: what listeners by pattern hear, what emissions by name reach, and what is said of names that are wrong.

#![cfg(all(feature = "derive", feature = "serde"))]
#![forbid(unsafe_code)]
#![allow(
    clippy::many_single_char_names,
    clippy::needless_for_each,
    clippy::redundant_closure_for_method_calls,
    clippy::semicolon_if_nothing_returned,
    reason = "the tests are written as their users would write"
)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod event_set;
mod events;
#[allow(dead_code, reason = "the other claims use more of it")]
#[path = "../promises/support.rs"]
mod support;

mod any_event;
mod derived;
mod emission;
mod fuzz_bodies;
mod fuzzed;
mod identity;
mod json;
mod listen;
mod model;
mod once;
mod options;
mod panicking_codecs;
mod payload_values;
mod reach;
mod reentrancy;
mod unclaimed;
