//! `eventbus::testing`: tests under explored schedules, and the recorder.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod choices;
mod explore;
mod faking;
mod injecting;
mod messages;
mod order_bug;
mod promises;
mod recorder;
mod support;
mod time;
