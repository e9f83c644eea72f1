//! Programs over Redis Streams that keep ledgers, and what a test needs to kill them and to read what they wrote.
//!
//! `producer` publishes and writes down what was acknowledged; `consumer` handles and writes down what it has handled. A ledger is
//! a file that only grows, and each line is written before anything else happens: a process that is killed has written all that it did.
//! The tests in `tests/faults` start them, make trouble, and compare the ledgers. `EVENTBUS_FULL=1` has the counts of a release.

#![forbid(unsafe_code)]

pub mod check;
mod ledger;
mod options;
mod program;
mod scene;
mod work;

pub use ledger::{Ledger, Line, Note, Run, read};
pub use options::Options;
pub use program::Program;
pub use scene::{LIMIT, Scene, count, until};
pub use work::Work;

/// The group of all consumers.
pub const GROUP: &str = "group";
