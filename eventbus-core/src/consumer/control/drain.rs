//! Whether a consumer has anything left to do.

use tokio::time::Instant;

use super::Control;

impl Control {
    /// Listens for what may have ended, from now on.
    pub(crate) fn listen(&self) -> event_listener::EventListener {
        self.consumer.scheduler.idle()
    }

    /// Whether nothing is held that is due before `until`.
    pub(crate) fn is_idle(&self, until: Option<Instant>) -> bool {
        self.consumer.scheduler.is_idle(until)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.consumer.scheduler.is_stopping()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.consumer.scheduler.is_paused()
    }
}
