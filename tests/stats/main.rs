//! `bus.stats()`: what is counted of emissions, listeners and groups is what has happened.

#![cfg(feature = "derive")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod edits;
mod ends;
mod groups;
mod measured;
mod shown;
mod support;
mod threads;
mod ways;
