//! The end: no more intake, drain, cancel, report (promise P11).

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    Stats,
    consumer::{Control, StopReport, Unfinished, isolated},
    drain,
};
use crate::{
    call::Frame,
    emission::Bus,
    event::isolate,
    sync::{Mutex, lock},
    transport::{BoxFuture, Durability, Message, Operation},
};

/// The shutdown of a bus, once it has begun.
#[derive(Default)]
pub(super) struct Shutdown(Mutex<Option<Begun>>);

#[derive(Clone)]
struct Begun {
    report: Reported,
    /// How many tasks for it have died before.
    died: u32,
}

/// After so many tasks that died there is none: whoever waits does what can be done at once.
const MOST_DIED: u32 = 2;

/// How long a transport may take to close beyond the deadline.
const CLOSE_GRACE: Duration = Duration::from_millis(100);

type Reported = watch::Receiver<Option<ShutdownReport>>;

/// How a bus shut down; its totals add up.
#[derive(Clone)]
pub struct ShutdownReport(Arc<Inner>);

struct Inner {
    consumers: Vec<StopReport>,
    returned: Vec<Returned>,
    stats: Stats,
    is_interim: bool,
    /// Whether what is in flight ends with the process.
    is_in_process: bool,
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

    /// Whose handlers could not be stopped. Their deliveries are in flight until they end; one that is not handled then stays in
    /// flight for ever, since there is nobody to return it to.
    pub fn still_running(&self) -> impl Iterator<Item = &Unfinished> {
        self.0.consumers.iter().flat_map(|report| &report.still_running)
    }

    /// Everything that was counted, at the end.
    pub fn stats(&self) -> &Stats {
        &self.0.stats
    }

    /// Whether all that was published has been dealt with: nothing came back, every handler ended by itself, and nothing is in flight
    /// that ends with the process. Never so in an interim report.
    pub fn is_clean(&self) -> bool {
        let lost = self.0.is_in_process && self.0.stats.deliveries().in_flight > 0;
        !lost && !self.0.is_interim && self.0.returned.is_empty() && self.0.consumers.iter().all(StopReport::is_clean)
    }

    /// Whether the bus is still shutting down: what a handler of it gets, which would wait for itself.
    pub fn is_interim(&self) -> bool {
        self.0.is_interim
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
    /// Once polled, the bus shuts down, whether or not somebody waits for the report. If the runtime goes away on which it does, it is
    /// taken up by those who wait, once; all get the same report.
    ///
    /// Where there is no runtime any more, or one without timers, nothing is waited for: what is not being handled is handed back at
    /// once, and handlers are stopped at their next await.
    ///
    /// # Re-entrancy
    ///
    /// In a handler of this bus it begins the shutdown and gives an [interim](ShutdownReport::is_interim) report at once: the handler
    /// would wait for itself. A task that the handler has spawned may wait. The same in an emission that the bus has spawned is not
    /// seen, and ends at the deadline.
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
        let mut report = self.run_shutdown(deadline, None).await;
        // Where this code runs, and not where the handle comes from: a task of the handler's own may wait.
        if Frame::current_cause().is_some_and(|cause| cause.bus == self.id()) {
            return self.report(Vec::new(), Vec::new(), true);
        }
        loop {
            let ended = report.borrow_and_update().clone();
            if let Some(report) = ended {
                return report;
            }
            if report.changed().await.is_err() {
                // The task that shut it down has died: most likely its runtime has gone.
                report = self.run_shutdown(deadline, Some(report)).await;
            }
        }
    }

    /// Begins it, or takes it up if that is the one which `died`; and does it here where there is nothing to do it on.
    async fn run_shutdown(&self, deadline: Duration, died: Option<Reported>) -> Reported {
        let (report, undone) = self.begin_shutdown(deadline, died);
        if let Some(work) = undone {
            work.await;
        }
        report
    }

    fn begin_shutdown(&self, deadline: Duration, dead: Option<Reported>) -> (Reported, Option<BoxFuture<'static, ()>>) {
        let publishing = self.publishing();
        let (sender, report) = watch::channel(None);
        let died = {
            let mut slot = lock(&publishing.shutdown.0);
            let died = match (&*slot, dead) {
                (None, _) => 0,
                // Of those who wait for the same one, the first takes it up.
                (Some(begun), Some(dead)) if begun.report.same_channel(&dead) => begun.died + 1,
                (Some(begun), _) => return (begun.report.clone(), None),
            };
            *slot = Some(Begun { report: report.clone(), died });
            died
        };
        publishing.begin_drain();
        let now = Instant::now();
        let until = now.checked_add(deadline).unwrap_or(now + Duration::from_secs(1 << 30));
        // A task of its own, so that it goes on if nobody waits for it.
        let bus = self.clone();
        let theirs = || publishing.consumers().first().map(|control| control.runtime());
        let runtime = Handle::try_current().ok().or_else(|| self.own_runtime()).or_else(theirs);
        let Some(runtime) = runtime.filter(|_| died < MOST_DIED) else {
            let work = async move {
                let report = bus.end_now().await;
                let _ = sender.send(Some(report));
            };
            return (report, Some(Box::pin(work)));
        };
        runtime.spawn(async move {
            let report = bus.drain(until).await;
            let _ = sender.send(Some(report));
        });
        (report, None)
    }

    /// Without any wait: there is nothing that tells the time.
    /// The end without anybody to tell the time, or to drive a task.
    async fn end_now(&self) -> ShutdownReport {
        let controls = self.publishing().consumers();
        let consumers = controls.iter().map(Control::end_now).collect();
        self.close(consumers, None).await
    }

    async fn drain(&self, until: Instant) -> ShutdownReport {
        let publishing = self.publishing();
        let controls = publishing.consumers();
        // What waits with a transport that keeps it elsewhere is the next process's.
        if publishing.capabilities.durability == Durability::Process {
            let _ = timeout_at(until, drain::drained(publishing, &controls, Some(until))).await;
        }
        let stopped = controls.iter().map(|control| control.stop_by(until));
        let consumers = futures_util::future::join_all(stopped).await;
        self.close(consumers, Some(until)).await
    }

    async fn close(&self, consumers: Vec<StopReport>, until: Option<Instant>) -> ShutdownReport {
        let publishing = self.publishing();
        // Before the transport hands back what is left: from there on nothing is to come between that and the report.
        if let Some(until) = until {
            let _ = timeout_at(until, self.settled_outside()).await;
        }
        publishing.close_intake();
        let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        let mut returned = Vec::new();
        for (group, message) in self.close_transport(left, until.is_some()).await {
            if let Some(group) = &group {
                publishing.ledger(group).returned.add(1);
            }
            returned.push(Returned { group, message });
        }
        publishing.ended.cancel();
        self.report(consumers, returned, false)
    }

    /// Closes the transport, which may panic, or not answer.
    async fn close_transport(&self, left: Duration, can_wait: bool) -> Vec<(Option<Arc<str>>, Message)> {
        let publishing = self.publishing();
        let closing = match isolate(|| publishing.transport.close(left)) {
            Ok(closing) => closing,
            Err(panic) => {
                publishing.notices.error(Operation::Close, None, &*panic);
                return Vec::new();
            }
        };
        let answer = if can_wait {
            match tokio::time::timeout(left + CLOSE_GRACE, isolated(closing)).await {
                Ok(answer) => answer,
                Err(_) => Err(Arc::from("no answer in time")),
            }
        } else {
            futures_util::FutureExt::now_or_never(isolated(closing))
                .unwrap_or_else(|| Err(Arc::from("no answer at once")))
        };
        match answer {
            Ok(Ok(left)) => left,
            Ok(Err(error)) => {
                publishing.notices.error(Operation::Close, None, error);
                Vec::new()
            }
            Err(panic) => {
                publishing.notices.error(Operation::Close, None, &*panic);
                Vec::new()
            }
        }
    }

    fn report(&self, consumers: Vec<StopReport>, returned: Vec<Returned>, is_interim: bool) -> ShutdownReport {
        let is_in_process = self.publishing().capabilities.durability == Durability::Process;
        ShutdownReport(Arc::new(Inner { consumers, returned, stats: self.stats(), is_interim, is_in_process }))
    }
}
