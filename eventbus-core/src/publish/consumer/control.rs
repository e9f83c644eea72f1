//! A consumer that runs, and how it is stopped.

use std::{fmt, mem, sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    sync::{OnceCell, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{ConsumerBuilder, ConsumerError, Unfinished, routes::Routes, scheduler::Scheduler, shared::Shared, tasks};
use crate::{
    publish::Publishing,
    sync::{Mutex, lock},
};

/// How long handlers that were told to end may take to do so.
const GRACE: Duration = Duration::from_millis(100);

/// A consumer that runs; made by [`ConsumerBuilder::start`].
///
/// Dropping it changes nothing: the consumer runs until [`stop`](Self::stop), until the bus shuts down, or until the bus is gone.
#[derive(Clone)]
pub struct Consumer(Arc<Control>);

pub(in crate::publish) struct Control {
    shared: Arc<Shared>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    report: OnceCell<StopReport>,
    runtime: Handle,
    /// A deadline that came after the stop, and is earlier.
    hurry: watch::Sender<Option<Instant>>,
}

/// The tasks that a stop waits for. They outlive it, for whoever takes it up again.
struct Tasks<'c> {
    control: &'c Control,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Tasks<'_> {
    fn drop(&mut self) {
        *lock(&self.control.tasks) = mem::take(&mut self.tasks);
    }
}

impl Control {
    pub(super) async fn start(
        builder: ConsumerBuilder,
        routes: Routes,
        publishing: &Publishing,
    ) -> Result<Arc<Self>, ConsumerError> {
        let ConsumerBuilder { bus, group, workers, timeout, retry, unhandled, .. } = builder;
        let name = Arc::clone(&group.name);
        let is_visible = |byte: u8| byte.is_ascii_graphic();
        if name.is_empty() || name.len() > 128 || !name.bytes().all(is_visible) {
            return Err(ConsumerError::Name { group: name });
        }
        let Some(runtime) = Handle::try_current().ok().or_else(|| bus.own_runtime()) else {
            return Err(ConsumerError::NoRuntime { group: name });
        };
        let seat = publishing.seat(&name)?;
        let opened = publishing.transport.subscribe(group).await;
        let source =
            opened.map_err(|source| ConsumerError::Transport { group: Arc::clone(&name), source: source.into() })?;
        let lease = publishing.transport.capabilities().lease;
        let shared = Arc::new(Shared {
            bus: bus.downgrade(),
            bus_id: bus.id(),
            routes,
            source,
            scheduler: Scheduler::new(),
            cancel: CancellationToken::new(),
            retry,
            timeout,
            #[cfg(feature = "rate-limit")]
            limiter: builder.rate.map(super::rate::Limiter::new),
            unhandled,
            places: (0..workers).map(|_| Mutex::default()).collect(),
            ledger: publishing.ledger(&name),
            dead: Arc::clone(&publishing.dead),
            leases: lease.map(|_| Mutex::default()),
            name,
        });
        let (tasks, report, hurry) = (Mutex::default(), OnceCell::new(), watch::Sender::new(None));
        let control = Arc::new(Self { shared: Arc::clone(&shared), tasks, report, runtime: runtime.clone(), hurry });
        {
            // Held over the start, so that whoever stops it at once finds all its tasks.
            let mut running = lock(&control.tasks);
            seat.take(&control)?;
            running.push(runtime.spawn(tasks::read(Arc::clone(&shared))));
            running.extend((0..workers).map(|at| runtime.spawn(tasks::work(Arc::clone(&shared), at))));
            if let Some(time) = lease {
                // Ends with the others: it holds nothing that they need.
                let keep = tasks::keep(Arc::clone(&shared), time);
                let cancel = shared.cancel.clone();
                runtime.spawn(async move { cancel.run_until_cancelled(keep).await });
            }
        }
        Ok(control)
    }

    pub(in crate::publish) fn group(&self) -> &Arc<str> {
        &self.shared.name
    }

    /// Where its tasks run.
    pub(in crate::publish) fn runtime(&self) -> Handle {
        self.runtime.clone()
    }

    pub(in crate::publish) fn held(&self) -> usize {
        self.shared.scheduler.held()
    }

    /// Waits until nothing of the group waits or is held, `depth` telling how many wait with the transport.
    pub(in crate::publish) async fn drained(&self, depth: impl Fn() -> Option<u64>) {
        loop {
            let idle = self.shared.scheduler.idle();
            // Those that wait are asked for first: what is read between the questions is in hand or held then.
            if self.shared.scheduler.is_stopping() || depth().unwrap_or(0) == 0 && self.shared.scheduler.is_idle() {
                return;
            }
            idle.await;
        }
    }

    /// Ends it at once: the bus is gone.
    pub(in crate::publish) fn abandon(&self) {
        self.shared.scheduler.stop();
        self.shared.cancel.cancel();
    }

    /// Stops it. Whoever comes second waits for the first.
    pub(in crate::publish) async fn stop(&self, until: Instant) -> StopReport {
        let handled = self.shared.ledger.handled.get();
        self.report.get_or_init(|| self.end(until, handled)).await.clone()
    }

    /// Stops it by then, also if a stop is under way that has more time.
    pub(in crate::publish) async fn stop_by(&self, until: Instant) -> StopReport {
        self.hurry.send_replace(Some(until));
        self.stop(until).await
    }

    async fn end(&self, until: Instant, handled_before: u64) -> StopReport {
        let shared = &self.shared;
        let given_back_before = shared.ledger.given_back.get();
        shared.scheduler.stop();
        let tasks = mem::take(&mut *lock(&self.tasks));
        let mut tasks = Tasks { control: self, tasks };
        let tasks = &mut tasks.tasks;
        let mut cancelled = Vec::new();
        let mut still_running = Vec::new();
        if !join(tasks, until, self.hurry.subscribe()).await {
            cancelled = shared.unfinished();
            shared.cancel.cancel();
            if !join(tasks, Instant::now() + GRACE, watch::channel(None).1).await {
                still_running = shared.unfinished();
                cancelled.retain(|one| still_running.iter().all(|other| other.id != one.id));
                tasks.iter().for_each(JoinHandle::abort);
            }
        }
        shared.cancel.cancel();
        // Workers that are let go later see to the rest.
        shared.scheduler.sweep();
        shared.hand_back().await;
        let returned = shared.ledger.given_back.get() - given_back_before;
        let returned = usize::try_from(returned).unwrap_or(usize::MAX);
        let handled = shared.ledger.handled.get() - handled_before;
        StopReport { group: Arc::clone(&shared.name), handled, returned, cancelled, still_running }
    }
}

/// Whether all have ended by then, or by an earlier time that `hurry` says; those that have are gone from the list.
async fn join(tasks: &mut Vec<JoinHandle<()>>, until: Instant, mut hurry: watch::Receiver<Option<Instant>>) -> bool {
    while let Some(task) = tasks.last_mut() {
        let until = hurry.borrow_and_update().map_or(until, |earlier| earlier.min(until));
        tokio::select! {
            biased;
            _ = task => { tasks.pop(); }
            Ok(()) = hurry.changed() => {}
            () = sleep_until(until) => {
                tasks.retain(|task| !task.is_finished());
                return tasks.is_empty();
            }
        }
    }
    true
}

impl Consumer {
    pub(super) fn new(control: Arc<Control>) -> Self {
        Self(control)
    }

    /// The group.
    pub fn group(&self) -> &str {
        self.0.group()
    }

    /// Stops it: takes nothing more, lets the handlers that run go on until `deadline` has passed, and then stops them at their
    /// next await.
    ///
    /// What was not handled goes back to the transport, with the attempts that were made, and waits for the next consumer of the
    /// group, which may be started now; meanwhile the group fills up. Whoever calls it again gets the same report.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the consumer stops. A wait that is given up may be taken up by calling it again, with a deadline of its own.
    ///
    /// # Re-entrancy
    ///
    /// A handler that stops its own consumer waits for itself until the deadline, and is stopped then; have another task do it.
    pub async fn stop(&self, deadline: Duration) -> StopReport {
        let now = Instant::now();
        let report = self.0.stop(now.checked_add(deadline).unwrap_or(now + Duration::from_secs(1 << 30))).await;
        if let Some(bus) = self.0.shared.bus.upgrade() {
            bus.publishing().leave(&self.0);
        }
        report
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("group", &self.group())
            .field("workers", &self.0.shared.workers())
            .field("held", &self.0.held())
            .finish_non_exhaustive()
    }
}

/// How a consumer stopped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StopReport {
    /// The group.
    pub group: Arc<str>,
    /// How many deliveries were handled well while it stopped.
    pub handled: u64,
    /// How many deliveries went back to the transport, those that were cancelled among them.
    pub returned: usize,
    /// Whose handlers were stopped when the time was up.
    pub cancelled: Vec<Unfinished>,
    /// Whose handlers could not be stopped: they hold up their thread. Their deliveries are in flight until they end.
    pub still_running: Vec<Unfinished>,
}

impl StopReport {
    /// Whether every handler that ran has ended by itself.
    pub fn is_clean(&self) -> bool {
        self.cancelled.is_empty() && self.still_running.is_empty()
    }
}
