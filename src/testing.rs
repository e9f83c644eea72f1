//! Tests of code that uses a bus, without sleeps (feature `testing`, for `[dev-dependencies]`).
//!
//! [`Recorder`] records what is emitted and published on a bus, and asserts it afterwards.
//! [`explore`] runs a test under many schedules, each drawn from a seed; a seed that fails does so again.

pub use eventbus_core::testing::{Explored, Explorer, FailingSeed, Injection, Record, Recorder, Sim, explore};
