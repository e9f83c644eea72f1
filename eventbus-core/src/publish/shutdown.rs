//! The end: no more intake, drain, cancel, report (promise P11).

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{BoxFuture, Message, StopReport, Unfinished};
use crate::{
    bus::{Bus, Stats},
    sync::{Mutex, lock},
};

/// The shutdown of a bus, once it has begun.
#[derive(Default)]
pub(super) struct Shutdown(Mutex<Option<Reported>>);

type Reported = watch::Receiver<Option<ShutdownReport>>;

/// How a bus shut down; its totals add up.
#[derive(Clone)]
pub struct ShutdownReport(Arc<Inner>);

struct Inner {
    consumers: Vec<StopReport>,
    returned: Vec<Returned>,
    stats: Stats,
}

/// A message that was not handled when the bus shut down.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Returned {
    /// The group that has not handled it; `None` if there was none yet.
    pub group: Option<Arc<str>>,
    /// The message, with its event.
    pub message: Message,
}

impl ShutdownReport {
    /// How each consumer stopped that was running.
    pub fn consumers(&self) -> &[StopReport] {
        &self.0.consumers
    }

    /// What was not handled and does not outlive the process. Of a durable transport it is nothing: the next process handles it.
    pub fn returned(&self) -> &[Returned] {
        &self.0.returned
    }

    /// Whose handlers were stopped when the time was up. Their deliveries are among those [`returned`](Self::returned), or with the
    /// transport.
    pub fn abandoned(&self) -> impl Iterator<Item = &Unfinished> {
        self.0.consumers.iter().flat_map(|report| &report.cancelled)
    }

    /// Whose handlers could not be stopped.
    pub fn still_running(&self) -> impl Iterator<Item = &Unfinished> {
        self.0.consumers.iter().flat_map(|report| &report.still_running)
    }

    /// Everything that was counted, at the end.
    pub fn stats(&self) -> &Stats {
        &self.0.stats
    }

    /// Whether all that was published has been dealt with.
    pub fn is_clean(&self) -> bool {
        self.0.returned.is_empty() && self.0.consumers.iter().all(StopReport::is_clean)
    }
}

/// Prints one line of totals, and one for each handler that did not end by itself.
impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.stats.deliveries();
        write!(
            f,
            "deliveries {}: handled {}, dead-lettered {}, dropped {}, returned {}, in flight {}",
            total.created, total.handled, total.dead_lettered, total.dropped, total.returned, total.in_flight
        )?;
        for one in self.abandoned() {
            write!(f, "\nstopped: {one}")?;
        }
        for one in self.still_running() {
            write!(f, "\nstill running: {one}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownReport")
            .field("consumers", &self.0.consumers)
            .field("returned", &self.0.returned.len())
            .field("stats", &self.0.stats)
            .finish()
    }
}

impl Bus {
    /// Shuts publishing down: takes no more events, lets the consumers handle those that wait until `deadline` has passed, then stops
    /// the handlers, and reports.
    ///
    /// While it drains, handlers run as ever, with their retries, and their context lives; what they publish is
    /// [`Closed`](super::PublishError::Closed). After it `emit` still runs. A transport that keeps its messages elsewhere is
    /// not drained: what waits there is the next process's. What the bus has spawned is waited for, too, until the deadline.
    ///
    /// A second call waits for the first, and gives the same report; its deadline does not count.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the bus shuts down, whether or not somebody waits for the report.
    ///
    /// # Re-entrancy
    ///
    /// In a handler of this bus it begins the shutdown and gives an interim report at once: the handler would wait for itself. The
    /// same in an emission that the bus has spawned is not seen, and ends at the deadline.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::Bus;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::time::Duration;
    ///
    /// let bus = Bus::new();
    /// let report = bus.shutdown(Duration::from_secs(25)).await;
    /// assert!(report.is_clean(), "{report}");
    /// # }
    /// ```
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        let (mut report, undone) = self.begin_shutdown(deadline);
        if let Some(work) = undone {
            work.await;
        }
        let inside = self.cause().is_some_and(|cause| cause.bus == self.id());
        if inside {
            let stats = self.stats();
            return ShutdownReport(Arc::new(Inner { consumers: Vec::new(), returned: Vec::new(), stats }));
        }
        loop {
            let ended = report.borrow_and_update().clone();
            if let Some(report) = ended {
                return report;
            }
            if report.changed().await.is_err() {
                // The runtime of the task that shut it down has gone: it is taken up here.
                *lock(&self.publishing().shutdown.0) = None;
                let (again, undone) = self.begin_shutdown(deadline);
                if let Some(work) = undone {
                    work.await;
                }
                report = again;
            }
        }
    }

    /// Begins it, and gives what is left to do where there is no runtime for a task.
    fn begin_shutdown(&self, deadline: Duration) -> (Reported, Option<BoxFuture<'static, ()>>) {
        let publishing = self.publishing();
        let (sender, receiver) = watch::channel(None);
        {
            let mut begun = lock(&publishing.shutdown.0);
            if let Some(begun) = &*begun {
                return (begun.clone(), None);
            }
            *begun = Some(receiver.clone());
        }
        publishing.close_intake();
        let now = Instant::now();
        let until = now.checked_add(deadline).unwrap_or(now + Duration::from_secs(1 << 30));
        // A task of its own, so that it goes on if nobody waits for it.
        let bus = self.clone();
        let theirs = || publishing.consumers().first().map(|control| control.runtime());
        let Some(runtime) = Handle::try_current().ok().or_else(|| self.own_runtime()).or_else(theirs) else {
            // Then there is no consumer, and nothing to wait for.
            let work = async move {
                let report = bus.close(Vec::new(), None).await;
                let _ = sender.send(Some(report));
            };
            return (receiver, Some(Box::pin(work)));
        };
        runtime.spawn(async move {
            let report = bus.drain(until).await;
            let _ = sender.send(Some(report));
        });
        (receiver, None)
    }

    async fn drain(&self, until: Instant) -> ShutdownReport {
        let publishing = self.publishing();
        let controls = publishing.consumers();
        let depth = |group: &Arc<str>| {
            let groups = publishing.transport.groups();
            groups.iter().find(|state| state.name == *group).and_then(|state| state.depth)
        };
        let drained =
            futures_util::future::join_all(controls.iter().map(|control| control.drained(|| depth(control.group()))));
        let _ = timeout_at(until, drained).await;
        let stopped = controls.iter().map(|control| control.stop_by(until));
        let consumers = futures_util::future::join_all(stopped).await;
        for control in &controls {
            publishing.leave(control);
        }
        self.close(consumers, Some(until)).await
    }

    /// Ends the transport, and counts up.
    async fn close(&self, consumers: Vec<StopReport>, until: Option<Instant>) -> ShutdownReport {
        let publishing = self.publishing();
        let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        let mut returned = Vec::new();
        for (group, message) in publishing.transport.close(left).await {
            if let Some(group) = &group {
                publishing.ledger(group).returned.add(1);
            }
            returned.push(Returned { group, message });
        }
        if let Some(until) = until {
            let _ = timeout_at(until, self.settled_outside()).await;
        }
        publishing.ended.cancel();
        let stats = self.stats();
        ShutdownReport(Arc::new(Inner { consumers, returned, stats }))
    }
}
