//! Services that listen as a whole: `#[listeners]`, `register`, modules by hand, scopes inside of scopes.

#![cfg(feature = "derive")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]
#![allow(
    clippy::unused_self,
    clippy::unused_async,
    clippy::unnecessary_wraps,
    reason = "many listeners are there to be of a shape"
)]

#[path = "../promises/support.rs"]
#[expect(dead_code, reason = "shared; not all of it is used here")]
mod support;

mod by_pattern;
mod expansion;
mod growth;
mod methods;
mod options;
mod reentrancy;
mod registration;
mod scopes;
