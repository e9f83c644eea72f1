//! A transport whose leases run out, with several processes and a line that can be cut, keeps its contract. So every property
//! has run, over one transport or another.

#![forbid(unsafe_code)]

mod common;

use std::process::ExitCode;

fn main() -> ExitCode {
    eventbus_conformance::main(common::broker::Broker::default())
}
