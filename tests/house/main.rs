//! The rules of the house that no compiler checks.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod circles;
mod public_names;
mod readme;
mod tidy;
mod type_names;
mod use_paths;
