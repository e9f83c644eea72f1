//! Two transports keep the contract, and every property has run over one or the other: that of this process, and a broker whose
//! leases run out, with several processes and a line that can be cut.

#![forbid(unsafe_code)]

mod common;

use std::{process::ExitCode, sync::Arc};

use common::broker::Broker;
use eventbus::transport::{Answer, Memory, Transport};
use eventbus_conformance::Rig;

struct InMemory;

impl Rig for InMemory {
    fn open<'a>(&'a self, _: &'a str) -> Answer<'a, Arc<dyn Transport>> {
        Box::pin(async { Ok(Arc::new(Memory::new()) as Arc<dyn Transport>) })
    }
}

fn main() -> ExitCode {
    eventbus_conformance::main_of([("memory", Box::new(InMemory)), ("broker", Box::new(Broker::default()))])
}
