//! Measures `eventbus` beside its rivals: `cargo run --release -p eventbus-benches [-- [--rounds N] FILTER..]`.
//!
//! With `budget` or `bars` as the first argument: checks counts, or shows each figure beside what is asked of it.
//! The README next to this crate says how to read what it prints.

#![forbid(unsafe_code)]

mod asynchronous;
mod bars;
mod budget;
mod compile;
mod counts;
mod harness;
mod names;
mod registration;
mod rivals;
mod sample;
mod spawned;
mod synchronous;
mod threads;

use std::{env, process::ExitCode};

use harness::Plan;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.split_first() {
        Some((mode, rest)) if mode == "icount" => counts::emit_so_often(rest),
        Some((mode, rest)) if mode == "budget" => return budget::run(rest),
        Some((mode, rest)) if mode == "bars" => bars::run(rest),
        _ => {
            let plan = Plan::from_args(args);
            synchronous::tables(&plan);
            threads::tables(&plan);
            registration::tables(&plan);
            asynchronous::tables(&plan);
            spawned::tables(&plan);
            names::tables(&plan);
        }
    }
    ExitCode::SUCCESS
}
