//! What is published.

use eventbus::Event;
use serde::{Deserialize, Serialize};

/// A piece of work, of about a hundred bytes.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "work.ordered", serde)]
pub struct Work {
    /// Its number, in the order of publishing.
    pub number: u64,
    /// What it belongs to: works of one key have an order.
    pub key: u64,
    /// Its number within the key.
    pub sequence: u64,
    /// To make it as large as an event usually is.
    pub padding: String,
}

impl Work {
    /// The work with this number, of so many keys.
    pub fn new(number: u64, keys: u64) -> Self {
        let keys = keys.max(1);
        Self { number, key: number % keys, sequence: number / keys, padding: "-".repeat(50) }
    }
}
