#![doc = include_str!("testing.md")]

mod assertions;
mod explore;
mod failing_seed;
mod injection;
mod listed;
mod record;
mod recorder;
mod sim;

pub use explore::{Explored, Explorer, explore};
pub use failing_seed::FailingSeed;
pub use injection::Injection;
pub use record::Record;
pub use recorder::Recorder;
pub use sim::Sim;
