#![doc = include_str!("docs.md")]
#![doc = include_str!("behaviours.md")]
#![forbid(unsafe_code)]

mod bus;
mod harness;
mod lab;
mod messages;
mod outcome;
mod property;
mod reader;
mod rig;
mod run;
mod transport;

pub use harness::{main, main_of};
pub use outcome::{Broken, PropertyOutcome, Summary};
pub use property::{Property, properties};
pub use rig::{Limits, Rig, Trouble};
pub use run::{check, run};
