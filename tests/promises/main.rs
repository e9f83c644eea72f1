//! What the synchronous bus promises, clause by clause. Each test is a claim; the number of the promise stands in the doc
//! of its module.

#![cfg(feature = "derive")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod support;

mod floods;
mod hostile_errors;
mod identity;
mod isolation;
mod limits;
mod model;
mod order;
mod reentrancy;
mod report;
mod snapshot;
mod storms;
