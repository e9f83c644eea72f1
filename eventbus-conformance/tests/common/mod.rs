//! What the tests share: a broker.

pub(crate) mod broker;
mod handle;
