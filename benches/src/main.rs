//! Measures `eventbus` beside its rivals: `cargo run --release -p eventbus-benches [-- [--rounds N] FILTER..]`.
//!
//! With `budget`, `bars` or `symbols` as the first argument: checks counts, shows each figure beside what is asked of it, or
//! lists what one more event type adds to a program.
//! The README next to this crate says how to read what it prints.

#![forbid(unsafe_code)]

mod asynchronous;
mod bars;
mod budget;
mod compile;
mod counts;
mod harness;
mod names;
mod publishing;
mod registration;
mod rivals;
mod sample;
mod spawned;
mod symbols;
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
        Some((mode, _)) if mode == "symbols" => symbols::run(),
        _ => {
            let plan = Plan::from_args(args);
            synchronous::tables(&plan);
            threads::tables(&plan);
            registration::tables(&plan);
            asynchronous::tables(&plan);
            spawned::tables(&plan);
            names::tables(&plan);
            publishing::tables(&plan);
        }
    }
    ExitCode::SUCCESS
}
