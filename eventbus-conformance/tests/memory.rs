//! The transport inside the process keeps its contract.

#![forbid(unsafe_code)]

use std::{process::ExitCode, sync::Arc};

use eventbus::transport::{Answer, Memory, Transport};
use eventbus_conformance::Rig;

struct InMemory;

impl Rig for InMemory {
    fn open<'a>(&'a self, _: &'a str) -> Answer<'a, Arc<dyn Transport>> {
        Box::pin(async { Ok(Arc::new(Memory::new()) as Arc<dyn Transport>) })
    }
}

fn main() -> ExitCode {
    eventbus_conformance::main(InMemory)
}
