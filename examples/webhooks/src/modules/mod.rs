//! Four modules that know the bus and the events, and nothing of each other.
//!
//! Each is built from a `&Bus` and what else it needs, registers its listeners in a scope of its own, and says at the end
//! what it did. What its listeners share is in an `Arc` that the module keeps one end of.

mod audit;
mod statistics;
mod triage;
mod unclaimed;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use audit::{Audit, AuditSummary};
pub(crate) use statistics::{Spread, Statistics, StatisticsSummary};
pub(crate) use triage::{LabelRules, Triage, TriageSummary};
pub(crate) use unclaimed::Unclaimed;

/// Locks what listeners share. One of them may have panicked: the bus carries on, and so do the others.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
