//! Floor 1: what is counted of emissions and of the calls of listeners, on a bus that counts them.
//!
//! Counters are written far more often than they are read. Those that every emission writes have a cell for each thread
//! ([`Sharded`](sharded::Sharded)), which that thread writes with plain loads and stores. Nothing here calls user code, and no lock
//! is held for longer than it takes to record one time.

mod event;
mod failures;
mod latency;
mod listener;
mod runs;
mod sharded;

pub(crate) use event::{EmissionCount, EventCounts};
pub use failures::FailureStats;
pub(crate) use latency::Latencies;
pub use latency::Latency;
pub(crate) use listener::{CallTiming, ListenerCounts, ListenerNumbers};
pub(crate) use runs::{ChunkRuns, LiveRuns};
pub(crate) use sharded::Thread;
