//! Starting a consumer: its wiring is checked, its group opened, its tasks spawned.

use std::sync::Arc;

use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::CancellationToken;

use super::{
    Consumer, ConsumerBuilder, ConsumerError, age, builder::NoHandlerState, control::Control, handler::Handlers,
    reader, routes::Routes, scheduler::Scheduler, settle, slot::WorkerSlot, state::ConsumerState, unkept::Unkept,
    worker,
};
use crate::{
    event::isolate,
    interleave,
    listener::BoxError,
    publish::{Publishing, asked, has_codec},
    sync::{Mutex, Ordering, lock},
    transport::{BoxFuture, Leased, Operation, Source},
};

impl<S> ConsumerBuilder<S> {
    /// The most workers of a consumer.
    pub const MAX_WORKERS: usize = 10_000;

    /// Checks the wiring, opens the group, and begins to handle deliveries, on the runtime that this code runs in.
    ///
    /// # Errors
    ///
    /// [`ConsumerError`]; nothing has been started then.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, nothing has been started. The group may have been made, and then keeps events.
    pub async fn start(self) -> Result<Consumer, ConsumerError> {
        self.with_state(NoHandlerState(())).check_and_start().await
    }
}

impl ConsumerBuilder {
    /// Boxed, so that users' crates do not compile the machinery of consumers once more.
    fn check_and_start(mut self) -> BoxFuture<'static, Result<Consumer, ConsumerError>> {
        Box::pin(async move {
            let tells_keys = self.has_keys();
            let (routes, handlers) = self.routes()?;
            let bus = self.bus.clone();
            let publishing = bus.publishing();
            let group = Arc::clone(&self.group.name);
            if let Some(reason) = publishing.capabilities.refuses(&self.group) {
                return Err(ConsumerError::Unsupported { group, reason });
            }
            if let Some(event) = routes.types().find(|event| publishing.needs_codec() && !has_codec(event)) {
                return Err(ConsumerError::NoCodec { group, event });
            }
            self.start_group(routes, handlers, tells_keys, publishing).await.map(Consumer::new)
        })
    }

    async fn start_group(
        self,
        routes: Routes,
        handlers: Handlers,
        tells_keys: bool,
        publishing: &Publishing,
    ) -> Result<Arc<Control>, ConsumerError> {
        let (name, workers) = (Arc::clone(&self.group.name), self.group.workers);
        if name.is_empty() || name.len() > 128 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConsumerError::Name { group: name });
        }
        if workers > Self::MAX_WORKERS {
            return Err(ConsumerError::TooManyWorkers { group: name, workers, limit: Self::MAX_WORKERS });
        }
        let Some(runtime) = Handle::try_current().ok().or_else(|| self.bus.own_runtime()) else {
            return Err(ConsumerError::NoRuntime { group: name });
        };
        if !has_timers(&runtime) {
            return Err(ConsumerError::NoTimers { group: name });
        }
        let reservation = self.bus.consumers().reserve(&name, publishing)?;
        let source = open(publishing, self.group.clone())
            .await
            .map_err(|source| ConsumerError::Transport { group: Arc::clone(&name), source: source.into() })?;
        // Asked for none: whether it answers at once.
        let mut unasked = Vec::<Leased>::new();
        let answers_at_once = match isolate(|| source.try_next(0, &mut unasked).is_some()) {
            Ok(answers_at_once) => answers_at_once,
            Err(panic) => {
                publishing.ledger(&name).read_errors.add(1);
                publishing.notices.error(Operation::Read, Some(&name), &*panic);
                false
            }
        };
        let interceptors = Some(&self.bus.state.interceptors).filter(|interceptors| !interceptors.is_empty());
        let ledger = publishing.ledger(&name);
        let consumer = Arc::new(ConsumerState {
            bus: self.bus.downgrade(),
            bus_id: self.bus.id(),
            location: self.location,
            infos: routes.infos(&name),
            routes,
            source,
            reads_directly: answers_at_once && !tells_keys,
            intake: Mutex::default(),
            scheduler: Scheduler::new(),
            cancel: CancellationToken::new(),
            max_deliveries: self.retry.most_deliveries(),
            retry: self.retry,
            timeout: self.timeout,
            #[cfg(feature = "rate-limit")]
            admits_each: self.rate.is_some(),
            #[cfg(not(feature = "rate-limit"))]
            admits_each: false,
            #[cfg(feature = "rate-limit")]
            limiter: self.rate.map(super::rate::Limiter::new),
            interceptors: interceptors.cloned(),
            unhandled: self.unhandled,
            slots: (0..workers).map(|_| WorkerSlot::default()).collect(),
            latencies: self.bus.state.is_counted.then(|| Arc::clone(&ledger.latencies)),
            ledger,
            dead: Arc::clone(&publishing.dead),
            keeps_letters: publishing.capabilities.dead_letters,
            unkept: Unkept::default(),
            on_attempt_failed: self.on_attempt_failed,
            notices: Arc::clone(&publishing.notices),
            lease: publishing.capabilities.lease,
            delay: publishing.capabilities.delay,
            lost: Mutex::default(),
            batch: ConsumerState::batch_counter(),
            health: Mutex::default(),
            reads_fail: false.into(),
            name,
        });
        consumer.admit(unasked, 0);
        let control = Arc::new(Control::new(Arc::clone(&consumer), runtime.clone()));
        // Held over the start, so that whoever stops it at once finds all its tasks.
        let mut tasks = lock(&control.tasks);
        if let Err(error) = reservation.take(&control) {
            consumer.give_back_now();
            return Err(error);
        }
        self.bus.state.consumer_era.fetch_add(1, Ordering::Relaxed);
        if !consumer.reads_directly {
            tasks.push(interleave::spawn(&runtime, reader::read(Arc::clone(&consumer))));
        }
        tasks.extend(
            (0..workers)
                .map(|at| interleave::spawn(&runtime, worker::work(Arc::clone(&consumer), at, Arc::clone(&handlers)))),
        );
        if let Some(lease) = consumer.lease {
            // Ends with the others: it holds nothing that they need.
            let (keeping, cancel) = (settle::keep_leases(Arc::clone(&consumer), lease), consumer.cancel.clone());
            interleave::spawn(&runtime, async move { cancel.run_until_cancelled(keeping).await });
        }
        if let Some(limit) = consumer.notices.warnings.old_queue {
            interleave::spawn(&runtime, age::watch(Arc::clone(&consumer), limit));
        }
        drop(tasks);
        Ok(control)
    }
}

async fn open(publishing: &Publishing, group: crate::transport::GroupSpec) -> Result<Arc<dyn Source>, BoxError> {
    let name = Arc::clone(&group.name);
    let answer = asked(|| publishing.transport.subscribe(group)).await;
    match answer {
        Ok(Ok(source)) => Ok(publishing.with_codecs(source)),
        Ok(Err(error)) => {
            let text = crate::listener::ErrorText::with_sources(&*error).to_string();
            publishing.notices.error(Operation::Subscribe, Some(&name), text);
            Err(error)
        }
        Err(panic) => {
            publishing.notices.error(Operation::Subscribe, Some(&name), &*panic);
            Err(panic.as_ref().into())
        }
    }
}

/// tokio says so only by a panic, whose message is shown once.
fn has_timers(runtime: &Handle) -> bool {
    let _entered = runtime.enter();
    isolate(|| drop(tokio::time::sleep(std::time::Duration::ZERO))).is_ok()
}

impl Control {
    pub(super) fn new(consumer: Arc<ConsumerState>, runtime: Handle) -> Self {
        Self { consumer, tasks: Mutex::default(), runtime, ending: Mutex::default(), until: watch::Sender::new(None) }
    }
}
