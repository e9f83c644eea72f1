//! `eventbus::testing`: tests under explored schedules.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod choices;
mod explore;
mod order_bug;
mod promises;
mod time;
