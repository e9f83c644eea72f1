//! What is claimed of publishing and consuming.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod by_name;
mod consume;
