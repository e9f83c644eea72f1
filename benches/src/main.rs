//! Measures `eventbus` beside its rivals: `cargo run --release -p eventbus-benches [-- [--rounds N] FILTER..]`.
//!
//! The README next to this crate says how to read what it prints.

#![forbid(unsafe_code)]

mod asynchronous;
mod harness;
mod registration;
mod rivals;
mod sample;
mod spawned;
mod synchronous;
mod threads;

use harness::Plan;

fn main() {
    let plan = Plan::from_args();
    synchronous::tables(&plan);
    threads::tables(&plan);
    registration::tables(&plan);
    asynchronous::tables(&plan);
    spawned::tables(&plan);
}
