//! How a consumer ends: in a task of its own, so that it goes on if nobody waits for it.

use std::{mem, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep_until, timeout_at},
};

use super::{Control, StopReport};
use crate::{interleave, sync::lock};

/// How long handlers that were told to end may take to do so.
const GRACE: Duration = Duration::from_millis(100);

/// How long a transport may take to take deliveries back, if the deadline allows it.
const GIVING_BACK: Duration = Duration::from_secs(10);

pub(super) type Reported = watch::Receiver<Option<StopReport>>;

/// What was counted when the stop began.
#[derive(Clone, Copy)]
struct CountedBefore {
    handled: u64,
    given_back: u64,
}

impl Control {
    /// Begins the end, and tells how it stands: for those who cannot wait for it.
    pub(super) fn begin_stop(self: &Arc<Self>, until: Instant) -> StopReport {
        let before = self.before();
        drop(self.begin_end(until));
        StopReport { is_interim: true, ..self.report(before) }
    }

    /// Stops it by then, or by the earlier time of another stop.
    pub(crate) async fn stop(self: &Arc<Self>, until: Instant) -> StopReport {
        let before = self.before();
        let mut reported = self.begin_end(until);
        if let Ok(report) = reported.wait_for(Option::is_some).await
            && let Some(report) = &*report
        {
            return report.clone();
        }
        // The task has died: its runtime has gone, or has no timers.
        self.end_from(before)
    }

    /// The same for a shutdown, which also ends in time if the consumer's runtime is not driven.
    pub(crate) async fn stop_by(self: &Arc<Self>, until: Instant) -> StopReport {
        let before = self.before();
        match timeout_at(until + 2 * GRACE, self.stop(until)).await {
            Ok(report) => report,
            Err(_) => self.end_from(before),
        }
    }

    fn begin_end(self: &Arc<Self>, until: Instant) -> Reported {
        self.until.send_if_modified(|earliest| {
            let earlier = earliest.is_none_or(|earliest| until < earliest);
            if earlier {
                *earliest = Some(until);
            }
            earlier
        });
        let (sender, receiver) = watch::channel(None);
        {
            let mut ending = lock(&self.ending);
            if let Some(begun) = &*ending {
                return begun.clone();
            }
            *ending = Some(receiver.clone());
        }
        // Here, so that nothing is taken any more even if the task does not run at once.
        self.consumer.scheduler.stop();
        let (control, before) = (Arc::clone(self), self.before());
        interleave::spawn(&self.runtime, async move {
            let report = control.end(before).await;
            control.leave();
            let _ = sender.send(Some(report));
        });
        receiver
    }

    async fn end(&self, before: CountedBefore) -> StopReport {
        let consumer = &self.consumer;
        let tasks = &mut mem::take(&mut *lock(&self.tasks));
        let mut cancelled = Vec::new();
        let mut still_running = Vec::new();
        if !join(tasks, self.until.subscribe()).await {
            cancelled = consumer.unfinished();
            consumer.cancel.cancel();
            let grace = watch::Sender::new(Some(Instant::now() + GRACE));
            if !join(tasks, grace.subscribe()).await {
                still_running = consumer.unfinished();
                cancelled.retain(|one| still_running.iter().all(|other| other.id != one.id));
                tasks.iter().for_each(JoinHandle::abort);
            }
        }
        consumer.cancel.cancel();
        // Workers that are let go later see to the rest.
        consumer.scheduler.sweep();
        // A transport that does not answer must not hold up the end. One that does gets what is left of the time: what it has not
        // taken back, others wait for until its lease has run out.
        let now = Instant::now();
        let until = self.until.borrow().map_or(now, |until| until.clamp(now + GRACE, now + GIVING_BACK));
        let _ = timeout_at(until, consumer.give_back()).await;
        let left = until.saturating_duration_since(Instant::now());
        super::super::intake::close_source(consumer, left).await;
        StopReport { cancelled, still_running, ..self.report(before) }
    }

    /// Ends it without any wait: there are no timers, or nobody drives its tasks.
    pub(crate) fn end_now(self: &Arc<Self>) -> StopReport {
        self.end_from(self.before())
    }

    fn end_from(self: &Arc<Self>, before: CountedBefore) -> StopReport {
        let consumer = &self.consumer;
        self.abandon();
        consumer.scheduler.sweep();
        consumer.give_back_now();
        self.leave();
        StopReport { still_running: consumer.unfinished(), ..self.report(before) }
    }

    fn before(&self) -> CountedBefore {
        let ledger = &self.consumer.ledger;
        CountedBefore { handled: ledger.handled.get(), given_back: ledger.given_back.get() }
    }

    /// What was counted since.
    fn report(&self, before: CountedBefore) -> StopReport {
        let now = self.before();
        StopReport {
            group: Arc::clone(&self.consumer.name),
            handled: now.handled - before.handled,
            returned: usize::try_from(now.given_back - before.given_back).unwrap_or(usize::MAX),
            cancelled: Vec::new(),
            still_running: Vec::new(),
            is_interim: false,
        }
    }

    /// Frees the group.
    fn leave(self: &Arc<Self>) {
        if let Some(bus) = self.consumer.bus.upgrade() {
            bus.consumers().leave(self);
        }
    }
}

/// Whether all have ended by then; those that have are gone from the list.
async fn join(tasks: &mut Vec<JoinHandle<()>>, mut until: watch::Receiver<Option<Instant>>) -> bool {
    while let Some(task) = tasks.last_mut() {
        let earliest = *until.borrow_and_update();
        let time_is_up = async {
            match earliest {
                Some(earliest) => sleep_until(earliest).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = task => { tasks.pop(); }
            Ok(()) = until.changed() => {}
            () = time_is_up => {
                tasks.retain(|task| !task.is_finished());
                return tasks.is_empty();
            }
        }
    }
    true
}
