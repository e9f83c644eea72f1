#![doc = include_str!("testing.md")]

mod explore;
mod failing_seed;
mod sim;

pub use explore::{Explored, Explorer, explore};
pub use failing_seed::FailingSeed;
pub use sim::Sim;
