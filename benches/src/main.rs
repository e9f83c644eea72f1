//! Measures `eventbus` beside its rivals: `cargo measure [--rounds N] FILTER..`.
//!
//! With `budget`, `bars`, `symbols` or `instructions` as the first argument: checks counts, shows each figure beside what is asked
//! of it, lists what one more event type adds to a program, or counts the instructions of the tables' contenders.
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
mod redis;
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
        Some((mode, rest)) if mode == "redis" => redis::run(rest),
        Some((mode, filters)) if mode == "instructions" => tables(&Plan::instructions(filters)),
        Some((mode, rest)) if mode == "turns" => tables(&Plan::turns(rest)),
        _ => tables(&Plan::from_args(args)),
    }
    ExitCode::SUCCESS
}

fn tables(plan: &Plan) {
    synchronous::tables(plan);
    threads::tables(plan);
    registration::tables(plan);
    asynchronous::tables(plan);
    spawned::tables(plan);
    names::tables(plan);
    publishing::tables(plan);
}
