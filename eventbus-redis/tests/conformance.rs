//! The suite that every transport passes, over a server that all properties share: each has a stream of its own.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

use std::{process::ExitCode, sync::Arc, time::Duration};

use eventbus::{Answer, BoxError, BoxFuture, Transport};
use eventbus_conformance::{Limits, Rig, Trouble};
use eventbus_redis::RedisStreams;
use redis_test_server::RedisServer;

/// Longer than a read takes on a busy machine: nothing extends the leases of calls without a bus.
const LEASE: Duration = Duration::from_secs(3);

struct Streams(RedisServer);

impl Rig for Streams {
    fn open<'a>(&'a self, storage: &'a str) -> Answer<'a, Arc<dyn Transport>> {
        Box::pin(async move {
            let builder = RedisStreams::builder(&self.0.url()).stream(storage).lease(LEASE);
            let transport = builder.answer_timeout(Duration::from_secs(3)).connect().await?;
            Ok(Arc::new(transport) as Arc<dyn Transport>)
        })
    }

    fn limits(&self) -> Limits {
        Limits::default().with_quiet(Duration::from_millis(250))
    }

    fn shares(&self) -> bool {
        true
    }

    // A restart, or a line that is cut, would be one for all properties: `faults` has them.
    fn trouble<'a>(&'a self, storage: &'a str, trouble: Trouble<'a>) -> Option<BoxFuture<'a, Result<(), BoxError>>> {
        match trouble {
            Trouble::LoseGroup(group) => _ = self.0.cli(&["XGROUP", "DESTROY", storage, group]),
            Trouble::Write(bytes) => {
                let text = std::str::from_utf8(bytes).unwrap();
                self.0.cli(&["XADD", storage, "*", "rubbish", text]);
            }
            _ => return None,
        }
        Some(Box::pin(async { Ok(()) }))
    }
}

fn main() -> ExitCode {
    eventbus_conformance::main(Streams(RedisServer::durable()))
}
