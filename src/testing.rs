//! Tests of code that uses a bus, without sleeps (feature `testing`, for `[dev-dependencies]`).
//!
//! [`explore`] runs a test under many schedules, each drawn from a seed; a seed that fails does so again.

pub use eventbus_core::testing::{Explored, Explorer, FailingSeed, Sim, explore};
