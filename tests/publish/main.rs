//! What is claimed of publishing and consuming.
//!
//! The counts are scaled so that a busy machine runs them in a minute; `EVENTBUS_FULL=1` has the full ones.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod by_name;
mod bytes;
mod chains;
mod consume;
mod contract;
mod controls;
mod dead;
mod dedupe;
mod draining;
mod ending;
mod groups;
mod hostile_errors;
mod hostile_transport;
mod intake;
mod keys;
mod leaks;
mod left_alone;
mod lifecycle;
mod misuse;
mod model;
mod panics;
mod printed;
mod publishing;
mod rate;
mod reading;
mod retries;
mod stopping;
mod support;
mod telling;
mod unconsumed;
mod wakeups;
mod wiring;
