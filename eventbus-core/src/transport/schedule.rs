//! When a delayed message is due.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::interleave;

/// When a message may be handed out.
#[derive(Clone, Copy)]
pub(crate) struct Schedule {
    pub(crate) at: SystemTime,
    /// The same moment on the monotonic clock of this process, where the message was published in it.
    pub(crate) due: Option<Instant>,
}

impl Schedule {
    /// How long it is until then.
    pub(crate) fn due(self) -> Instant {
        self.due.unwrap_or_else(|| {
            let left = self.at.duration_since(interleave::system_time()).unwrap_or_default();
            let now = Instant::now();
            now.checked_add(left).unwrap_or(now + Duration::from_secs(1 << 30))
        })
    }
}
