//! Redis Streams keep the contract of a transport, with one stream and with partitions.

#![forbid(unsafe_code)]

#[path = "rig/conformance.rs"]
mod conformance;

use std::process::ExitCode;

use conformance::Redis;

fn main() -> ExitCode {
    let (stream, partitions) = (Redis::new(0), Redis::new(4));
    eventbus_conformance::main_of([("stream", Box::new(stream)), ("partitions", Box::new(partitions))])
}
