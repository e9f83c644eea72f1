//! What the service gives to those who connect, before it knows who they are.

use std::time::Duration;

/// The limits of the server.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// How many connections may be open. Further ones wait outside, in the backlog of the system.
    pub(crate) connections: usize,
    /// How long a connection may go without a whole header: after it was made, and after each answer.
    pub(crate) header: Duration,
    /// How long a body may take to arrive.
    pub(crate) body: Duration,
    /// Bytes of the bodies that are held at once, of all requests together.
    pub(crate) held_bytes: usize,
    /// For how long the GUIDs of deliveries are remembered, to tell a delivery that comes again.
    pub(crate) remembered_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Most systems let a process open 1,024 files.
            connections: 900,
            // GitHub itself gives up after ten seconds.
            header: Duration::from_secs(10),
            body: Duration::from_secs(10),
            held_bytes: 64 << 20,
            remembered_for: Duration::from_hours(1),
        }
    }
}
