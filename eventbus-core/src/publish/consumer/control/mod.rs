//! A consumer that runs, and how it is stopped.

mod ending;

use std::{fmt, sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::watch, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{ConsumerBuilder, ConsumerError, Unfinished, routes::Routes, scheduler::Scheduler, shared::Shared, tasks};
use crate::{
    call::Frame,
    publish::Publishing,
    sync::{Mutex, lock},
};

/// A consumer that runs; made by [`ConsumerBuilder::start`].
///
/// Dropping it changes nothing: the consumer runs until [`stop`](Self::stop), until the bus shuts down, or until the bus is gone.
/// When the last [`Bus`](crate::Bus) is dropped without a shutdown, handlers are stopped at their next await, and what the group
/// still holds is discarded unless the transport keeps it; if there was something, a line on stderr says how much.
#[derive(Clone)]
pub struct Consumer(Arc<Control>);

pub(in crate::publish) struct Control {
    shared: Arc<Shared>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    runtime: Handle,
    /// The end, once it has begun.
    ending: Mutex<Option<ending::Reported>>,
    /// The earliest deadline that a stop has stated.
    until: watch::Sender<Option<Instant>>,
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
        let (tasks, ending, until) = (Mutex::default(), Mutex::default(), watch::Sender::new(None));
        let control = Arc::new(Self { shared: Arc::clone(&shared), tasks, runtime: runtime.clone(), ending, until });
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
    /// group, which may be started now; meanwhile the group fills up. Whoever calls it again gets the same report; the earliest
    /// deadline counts.
    ///
    /// The order of a key is kept, with one exception: a handler that holds up its thread beyond the stop
    /// ([`still_running`](StopReport::still_running)) keeps its delivery until it ends. If it did not handle it, the delivery goes back
    /// then, and those behind it may have been handled by the next consumer meanwhile.
    ///
    /// It runs on the runtime on which the consumer was started, and may be called outside of any. If that runtime has gone, or has no
    /// timers, handlers get no time to end; a runtime that is there and is not driven holds up the stop until it is.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the consumer stops and its group is free afterwards, whether or not somebody waits for the report.
    ///
    /// # Re-entrancy
    ///
    /// In a handler of the same bus it begins the stop and gives an [interim](StopReport::is_interim) report at once: the handler would
    /// wait for itself.
    pub async fn stop(&self, deadline: Duration) -> StopReport {
        let now = Instant::now();
        let until = now.checked_add(deadline).unwrap_or(now + Duration::from_secs(1 << 30));
        if Frame::current_cause().is_some_and(|cause| cause.bus == self.0.shared.bus_id) {
            return self.0.begin_stop(until);
        }
        self.0.stop(until).await
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
    is_interim: bool,
}

impl StopReport {
    /// Whether every handler that ran has ended by itself. Never so in an interim report.
    pub fn is_clean(&self) -> bool {
        !self.is_interim && self.cancelled.is_empty() && self.still_running.is_empty()
    }

    /// Whether the consumer is still stopping: what a handler of its bus gets, which would wait for itself.
    pub fn is_interim(&self) -> bool {
        self.is_interim
    }
}
