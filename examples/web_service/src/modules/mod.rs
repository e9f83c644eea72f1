//! Four modules that know the bus and the events, and nothing of each other, nor of HTTP.
//!
//! Each is built from a `&Bus` and what else it needs, registers its listeners in a scope of its own, and tells on request
//! what it did. What its listeners share is in an `Arc` that the module keeps one end of.

mod analytics;
mod mail;
mod payment;
mod stock;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use analytics::{Analytics, AnalyticsSummary};
pub(crate) use mail::{Mail, MailSummary};
pub(crate) use payment::{Payment, PaymentSummary, Provider};
pub(crate) use stock::{Stock, StockSummary};

/// Locks what listeners share. One of them may have panicked: the bus carries on, and so do the others.
pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
