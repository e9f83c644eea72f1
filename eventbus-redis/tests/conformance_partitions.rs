//! Redis Streams keep the contract of a transport over partitions, too.

#![forbid(unsafe_code)]

#[path = "rig/conformance.rs"]
mod conformance;

use std::process::ExitCode;

fn main() -> ExitCode {
    eventbus_conformance::main(conformance::Redis::new(4))
}
