//! What the derive makes of a type, and which names it takes.

#![forbid(unsafe_code)]
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod derive;
mod names;
