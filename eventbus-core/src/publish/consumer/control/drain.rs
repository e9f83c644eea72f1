//! Waiting until a consumer has nothing left to do.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{Consumer, Control, after};
use crate::publish::drain::{self, NotDrained};

impl Control {
    /// Listens for what may have ended, from now on.
    pub(in crate::publish) fn listen(&self) -> event_listener::EventListener {
        self.consumer.scheduler.idle()
    }

    /// Whether nothing is held that is due before `until`.
    pub(in crate::publish) fn is_idle(&self, until: Option<Instant>) -> bool {
        self.consumer.scheduler.is_idle(until)
    }

    pub(in crate::publish) fn is_stopping(&self) -> bool {
        self.consumer.scheduler.is_stopping()
    }

    pub(in crate::publish) fn is_paused(&self) -> bool {
        self.consumer.scheduler.is_paused()
    }
}

impl Consumer {
    /// Waits until everything in the group has been dealt with: nothing waits in it, is handled, or is to be tried again.
    ///
    /// What its handlers publish to other groups is not waited for; see [`Bus::drained`](crate::Bus::drained).
    ///
    /// # Errors
    ///
    /// [`NotDrained`] if the deadline has passed before.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing.
    pub async fn drain(&self, deadline: Duration) -> Result<(), NotDrained> {
        let until = after(deadline);
        let Some(bus) = self.0.consumer.bus.upgrade() else { return Ok(()) };
        let controls = [Arc::clone(&self.0)];
        let publishing = bus.publishing();
        match timeout_at(until, drain::drained(publishing, &controls, None)).await {
            Ok(()) => Ok(()),
            Err(_) => Err(drain::not_drained(publishing, &controls).await),
        }
    }
}
