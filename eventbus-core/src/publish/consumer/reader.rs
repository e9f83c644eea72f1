//! Reading from the transport. One worker at a time does it, when nothing is ready: so deliveries come in in their order, and none is
//! handed from task to task.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{scheduler::Demand, shared::Shared};

/// How many deliveries are read at once, if they end as soon as they begin.
const MOST_READ: usize = 256;

/// How long to wait after the transport has failed, and how long that grows.
const READ_AGAIN: Duration = Duration::from_millis(50);
const READ_AGAIN_CAP: Duration = Duration::from_secs(5);

/// Who reads holds it.
pub(super) struct Reader {
    /// How long to wait after the next failure.
    pause: Duration,
    not_before: Option<Instant>,
    closed: bool,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { pause: READ_AGAIN, not_before: None, closed: false }
    }

    /// Reads once; or waits until an attempt is due, until there may be something to do, or until the end.
    pub(super) async fn read(&mut self, shared: &Arc<Shared>) {
        let scheduler = &shared.scheduler;
        let max = scheduler.to_read(shared.workers(), MOST_READ);
        if !self.closed
            && self.not_before.is_none()
            && let Demand::Read(_) = scheduler.demand()
        {
            let leased = shared.source.try_next(max);
            if !leased.is_empty() {
                return shared.add(leased);
            }
        }
        // Before the question, so that no notification falls between.
        let wanted = scheduler.wanted();
        let due = match scheduler.demand() {
            Demand::Nothing => return,
            Demand::Wait(due) => return wait(wanted, due).await,
            Demand::Read(due) if self.closed => return wait(wanted, due).await,
            Demand::Read(due) => due,
        };
        if let Some(moment) = self.not_before.filter(|moment| *moment > Instant::now()) {
            return wait(wanted, due.into_iter().chain([moment]).min()).await;
        }
        let read = tokio::select! {
            biased;
            read = shared.source.next(max) => read,
            () = wait(wanted, due) => return,
        };
        match read {
            Ok(leased) if leased.is_empty() => self.closed = true,
            Ok(leased) => {
                (self.pause, self.not_before) = (READ_AGAIN, None);
                shared.add(leased);
            }
            Err(_) => {
                shared.ledger.read_errors.add(1);
                self.not_before = Some(Instant::now() + self.pause.mul_f64(0.5 + fastrand::f64() / 2.0));
                self.pause = (self.pause * 2).min(READ_AGAIN_CAP);
            }
        }
    }
}

async fn wait(wanted: event_listener::EventListener, due: Option<Instant>) {
    match due {
        Some(due) => _ = timeout_at(due, wanted).await,
        None => wanted.await,
    }
}
