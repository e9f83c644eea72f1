//! The end: no more intake, drain, cancel, report (promise P11).

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    drain,
    returned::{Returned, unconsumed},
    shutdown_report::{BegunShutdown, Reported, Shutdown, ShutdownFacts, ShutdownReport},
};
use crate::{
    call::Frame,
    consumer::{Control, StopReport, deadline_after},
    emission::Bus,
    event::isolate,
    interleave,
    publish::{Contained, isolated},
    sync::lock,
    transport::{BoxFuture, Durability, Message, Operation},
};

/// After so many tasks that died there is none: whoever waits does what can be done at once.
const MOST_DIED: u32 = 2;

/// How long a transport may take to close beyond the deadline.
const CLOSE_GRACE: Duration = Duration::from_millis(100);

/// How far a shutdown has come that is reported.
#[derive(Clone, Copy)]
struct ReportedEnd {
    is_interim: bool,
    is_closed: bool,
}

impl Bus {
    /// Shuts publishing down: takes no more events, lets the consumers handle those that wait until `deadline` has passed, then stops
    /// the handlers, and reports.
    ///
    /// While it drains, handlers run as ever, with their retries, and their context lives; what they publish is
    /// [`Closed`](crate::PublishError::Closed). After it `emit` still runs. A transport that keeps its messages elsewhere is
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
        self.shut_down(deadline).await
    }

    /// Boxed, so that users' crates do not compile it once more.
    fn shut_down(&self, deadline: Duration) -> BoxFuture<'_, ShutdownReport> {
        Box::pin(async move {
            let mut report = self.run_shutdown(deadline, None).await;
            // Where this code runs, and not where the handle comes from: a task of the handler's own may wait.
            if Frame::current_cause().is_some_and(|cause| cause.bus == self.id()) {
                return self.report(Vec::new(), Vec::new(), ReportedEnd { is_interim: true, is_closed: false });
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
        })
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
            let mut slot = lock(&self.state.parts.get::<Shutdown>().0);
            let died = match (&*slot, dead) {
                (None, _) => 0,
                // Of those who wait for the same one, the first takes it up.
                (Some(begun), Some(dead)) if begun.report.same_channel(&dead) => begun.died + 1,
                (Some(begun), _) => return (begun.report.clone(), None),
            };
            *slot = Some(BegunShutdown { report: report.clone(), died });
            died
        };
        publishing.begin_drain();
        let until = deadline_after(deadline);
        // A task of its own, so that it goes on if nobody waits for it.
        let bus = self.clone();
        let theirs = || self.consumers().all().first().map(|control| control.runtime());
        let runtime = Handle::try_current().ok().or_else(|| self.own_runtime()).or_else(theirs);
        let Some(runtime) = runtime.filter(|_| died < MOST_DIED) else {
            let work = async move {
                let report = bus.end_now().await;
                let _ = sender.send(Some(report));
            };
            return (report, Some(Box::pin(work)));
        };
        interleave::spawn(&runtime, async move {
            let report = bus.drain(until).await;
            let _ = sender.send(Some(report));
        });
        (report, None)
    }

    /// Ends it without any wait: there are no timers, and nothing drives a task.
    async fn end_now(&self) -> ShutdownReport {
        let controls = self.consumers().all();
        let consumers = controls.iter().map(Control::end_now).collect();
        self.close(consumers, None).await
    }

    async fn drain(&self, until: Instant) -> ShutdownReport {
        let publishing = self.publishing();
        let controls = self.consumers().all();
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
        let closed = self.close_transport(left, until.is_some()).await;
        let is_closed = closed.is_some();
        for (group, message) in closed.into_iter().flatten() {
            if let Some(group) = &group {
                publishing.ledger(group).returned.add(1);
            }
            returned.push(Returned { group, message });
        }
        publishing.ended.cancel();
        self.report(consumers, returned, ReportedEnd { is_interim: false, is_closed })
    }

    /// Closes the transport, which may panic, or not answer: `None` then.
    async fn close_transport(&self, left: Duration, can_wait: bool) -> Option<Vec<(Option<Arc<str>>, Message)>> {
        let publishing = self.publishing();
        let closing = match isolate(|| publishing.transport.close(left)) {
            Ok(closing) => closing,
            Err(panic) => {
                publishing.notices.error(Operation::Close, None, &*panic);
                return None;
            }
        };
        let answer = if can_wait {
            // As long as the shutdown may last, which may be longer than other answers are waited for.
            match tokio::time::timeout(left.saturating_add(CLOSE_GRACE), Contained::new(closing)).await {
                Ok(answer) => answer,
                Err(_) => Err(Arc::from("no answer in time")),
            }
        } else {
            futures_util::FutureExt::now_or_never(isolated(closing))
                .unwrap_or_else(|| Err(Arc::from("no answer at once")))
        };
        match answer {
            Ok(Ok(left)) => Some(left),
            Ok(Err(error)) => {
                publishing.notices.error(Operation::Close, None, error);
                None
            }
            Err(panic) => {
                publishing.notices.error(Operation::Close, None, &*panic);
                None
            }
        }
    }

    fn report(&self, consumers: Vec<StopReport>, returned: Vec<Returned>, end: ReportedEnd) -> ShutdownReport {
        let is_in_process = self.publishing().capabilities.durability == Durability::Process;
        let ReportedEnd { is_interim, is_closed } = end;
        let stats = self.stats();
        // Until the end, what waits may still be consumed.
        let unconsumed = match end {
            ReportedEnd { is_interim: true, .. } => Default::default(),
            _ => unconsumed(&returned, &stats.unrouted_events, is_in_process),
        };
        ShutdownReport(Arc::new(ShutdownFacts {
            consumers,
            returned,
            unconsumed,
            stats,
            is_interim,
            is_in_process,
            is_closed,
        }))
    }
}
