//! Floor 1: what can listen, how a listener is known, and how its call can end.

mod callable;
mod info;
mod outcome;

pub use callable::{BoxError, Ok, Return, StateListener, SyncListener};
pub use info::{ListenerId, ListenerInfo};
pub use outcome::{Chain, Failure, NotRun, Outcome};
