//! Floor 9: consumers, which are groups of handlers: how they are wired, and how they run.
//!
//! A worker leases a batch from its source (`intake`), polls its handlers in its own task (`worker`, `lane`, `turn`), and
//! tells the source how each delivery ended (`attempt`, `settle`). What cannot be handled at once lies in the `scheduler`:
//! deliveries behind others of their key, and those that wait for their next attempt.

mod age;
mod attempt;
mod batch;
mod builder;
mod consumers;
mod content;
mod control;
mod delivery;
mod desk;
mod error;
mod failed_attempt;
mod guards;
mod handler;
mod intake;
mod keys;
mod lane;
mod leases;
mod letters;
mod pace;
#[cfg(feature = "rate-limit")]
mod rate;
mod reader;
mod remove_error;
mod retry;
mod routes;
mod scheduler;
mod settle;
mod slot;
mod start;
mod state;
mod turn;
mod unkept;
mod versions;
mod wired;
mod wiring;
mod with_state;
mod worker;

pub use batch::{Batch, BatchReturn};
pub use builder::{ConsumerBuilder, NoHandlerState, WithState};
pub(crate) use consumers::{Consumers, tell_unheard};
pub use control::{Consumer, ConsumerHealth, StopReport};
pub(crate) use control::{Control, after as deadline_after};
pub use delivery::Delivery;
pub use error::ConsumerError;
pub use failed_attempt::FailedAttempt;
pub use handler::{BatchHandlerFn, Handler, HandlerFn, PatternHandlerFn, PatternStateHandlerFn, StateHandlerFn};
pub use keys::KeyFn;
#[cfg(feature = "rate-limit")]
pub use rate::Rate;
pub use remove_error::{RemoveError, RemoveGroupError};
pub use retry::Retry;
pub use routes::Unhandled;
pub use state::Unfinished;
pub(crate) use wired::WiredGroup;
