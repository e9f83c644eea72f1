//! What the tasks of a consumer share.

use std::{
    collections::HashSet,
    fmt,
    panic::Location,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    FailedAttempt, Retry, Unhandled, keys::key_of_message, routes::Routes, scheduler::Scheduler, slot::WorkerSlot,
    unkept::Unkept,
};
use crate::{
    call::{BusId, Isolated, MessageId},
    counting::Latencies,
    emission::{Interceptors, WeakBus},
    event::isolate,
    interleave,
    listener::ListenerInfo,
    publish::{DeadStore, GroupLedger, Notices},
    sync::{AtomicBool, AtomicUsize, Mutex, Ordering, lock},
    transport::{LeaseId, Leased, Message, Operation, Source},
};

pub(super) type AttemptHook = Isolated<Box<dyn Fn(&FailedAttempt) + Send + Sync>>;

pub(super) struct ConsumerState {
    pub(super) name: Arc<str>,
    pub(super) bus: WeakBus,
    pub(super) bus_id: BusId,
    /// Where the consumer was wired.
    pub(super) location: &'static Location<'static>,
    pub(super) routes: Routes,
    pub(super) source: Arc<dyn Source>,
    /// Workers lease by themselves; else a reader task does, and decides the order of keys.
    pub(super) reads_directly: bool,
    /// Held while a worker leases and finds out which keys are taken: so the order of keys is that of the group.
    pub(super) intake: Mutex<()>,
    pub(super) scheduler: Scheduler,
    /// Handlers are to end.
    pub(super) cancel: CancellationToken,
    pub(super) retry: Retry,
    pub(super) max_deliveries: u32,
    pub(super) timeout: Option<Duration>,
    #[cfg(feature = "rate-limit")]
    pub(super) limiter: Option<super::rate::Limiter>,
    /// Each attempt begins in a poll of its own: there is a rate, and it needs a permit.
    pub(super) admits_each: bool,
    /// The bus's interceptors, if it has some.
    pub(super) interceptors: Option<Arc<Interceptors>>,
    /// The handlers, by the numbers of their routes, as interceptors see them.
    pub(super) infos: Vec<ListenerInfo>,
    pub(super) unhandled: Unhandled,
    pub(super) slots: Vec<WorkerSlot>,
    pub(super) ledger: Arc<GroupLedger>,
    /// How long handlers take, on a bus that measures it.
    pub(super) latencies: Option<Arc<Latencies>>,
    pub(super) dead: Arc<DeadStore>,
    /// Whether the transport keeps dead letters.
    pub(super) keeps_letters: bool,
    pub(super) unkept: Unkept,
    pub(super) on_attempt_failed: Option<AttemptHook>,
    pub(super) notices: Arc<Notices>,
    /// After how long leases run out.
    pub(super) lease: Option<Duration>,
    /// How late the transport may be with what is given back until a time; `None` if it keeps no delays.
    pub(super) delay: Option<Duration>,
    /// Leases that have run out: their deliveries go on and are not settled.
    pub(super) lost: Mutex<HashSet<LeaseId>>,
    /// How many deliveries workers lease at once.
    pub(super) batch: AtomicUsize,
    pub(super) health: Mutex<ReadHealth>,
    /// The last read has failed.
    pub(super) reads_fail: AtomicBool,
}

/// What a consumer notes of its reads.
#[derive(Default)]
pub(super) struct ReadHealth {
    pub(super) last_read: Option<SystemTime>,
    /// Since when reads have only failed.
    pub(super) failing_since: Option<Instant>,
    /// The source has closed by itself.
    pub(super) is_closed: bool,
}

/// How long reads may fail before the consumer counts as stalled.
pub(super) const STALLED: Duration = Duration::from_secs(30);

/// How many deliveries a worker leases at most at once.
pub(super) const MAX_BATCH: usize = 64;

/// The same where a reader task leases, and settling costs a round trip.
const MAX_BATCH_READ: usize = 256;

impl ConsumerState {
    pub(super) fn batch_counter() -> AtomicUsize {
        AtomicUsize::new(1)
    }

    pub(super) fn workers(&self) -> usize {
        self.slots.len()
    }

    /// How many deliveries a worker leases at once: a batch that grows while handlers are quick.
    pub(super) fn batch_size(&self) -> usize {
        interleave::up_to(self.batch.load(Ordering::Relaxed))
    }

    /// Handlers wait, or take their time: deliveries are leased one by one, so that those behind do not wait for them.
    pub(super) fn shrink_batch(&self) {
        if self.batch.load(Ordering::Relaxed) != 1 {
            self.batch.store(1, Ordering::Relaxed);
        }
    }

    /// Handlers take their time now: perhaps for once.
    pub(super) fn halve_batch(&self) {
        let batch = self.batch.load(Ordering::Relaxed);
        if batch > 1 {
            self.batch.store(batch / 2, Ordering::Relaxed);
        }
    }

    pub(super) fn grow_batch(&self) {
        let batch = self.batch.load(Ordering::Relaxed);
        let max = if self.reads_directly { MAX_BATCH } else { MAX_BATCH_READ };
        if batch < max {
            self.batch.store(batch * 2, Ordering::Relaxed);
        }
    }

    /// The key of a delivery: that of its handler, or that of the message.
    pub(super) fn key_of(&self, message: &Message) -> Option<u64> {
        let key = self.routes.find(message).and_then(|at| self.routes.all[at].key.as_ref());
        let told = key.and_then(|key| isolate(|| (key.get())(message, &self.routes.versions)).ok().flatten());
        told.or_else(|| key_of_message(message))
    }

    /// Begins no more handlers until the scheduler resumes, and has workers lease nothing.
    pub(super) fn pause(&self) {
        self.scheduler.pause();
        // A worker that has just looked whether it may lease, or begin, has done so when its lock is free.
        drop(lock(&self.intake));
        self.slots.iter().for_each(|slot| drop(slot.lock()));
    }

    /// Notes that the source has answered.
    pub(super) fn has_read(&self) {
        let mut health = lock(&self.health);
        (health.last_read, health.failing_since) = (Some(interleave::system_time()), None);
        self.reads_fail.store(false, Ordering::Relaxed);
    }

    /// Notes that the source has answered, and has nothing: before a wait, so that it costs no delivery time.
    pub(super) fn found_nothing(&self) {
        lock(&self.health).last_read = Some(interleave::system_time());
    }

    /// Notes that the source has leased something, or has something, if that is news: the first after an error.
    #[inline]
    pub(super) fn has_leased(&self) {
        if self.reads_fail.load(Ordering::Relaxed) {
            self.has_read();
        }
    }

    /// Tells, once, that the source has closed though nobody has stopped the consumer.
    pub(super) fn source_closed(&self) {
        if !self.scheduler.is_stopping() && !std::mem::replace(&mut lock(&self.health).is_closed, true) {
            self.transport_error(Operation::Read, "the source has closed by itself: the group is not read any more");
            self.notices.warnings.stalled(&self.name, "its source has closed by itself");
        }
    }

    /// Counts and tells a read that failed.
    pub(super) fn read_failed(&self, error: impl Into<crate::listener::BoxError>) {
        self.ledger.read_errors.add(1);
        let since = *lock(&self.health).failing_since.get_or_insert_with(Instant::now);
        self.reads_fail.store(true, Ordering::Relaxed);
        self.transport_error(Operation::Read, error);
        if since.elapsed() >= STALLED {
            self.notices.warnings.stalled(&self.name, "its reads have only failed for longer than 30 seconds");
        }
    }

    /// Tells an error of the transport.
    pub(super) fn transport_error(&self, operation: Operation, error: impl Into<crate::listener::BoxError>) {
        self.notices.error(operation, Some(&self.name), error);
    }

    /// What is being handled.
    pub(super) fn unfinished(&self) -> Vec<Unfinished> {
        let of_slot =
            |slot: &WorkerSlot| slot.lock().running().iter().map(|one| self.describe(one)).collect::<Vec<_>>();
        self.slots.iter().flat_map(of_slot).collect()
    }

    fn describe(&self, leased: &Leased) -> Unfinished {
        let message = &leased.message;
        Unfinished {
            group: Arc::clone(&self.name),
            event: message.wire_type().to_string(),
            id: message.id(),
            attempt: leased.attempts().saturating_add(1),
            handler: self.routes.find(message).map(|at| self.routes.all[at].location),
        }
    }
}

/// A delivery that was being handled when its consumer stopped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unfinished {
    /// The group.
    pub group: Arc<str>,
    /// The wire type of its event.
    pub event: String,
    /// The message's id.
    pub id: MessageId,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// Where its handler was given.
    pub handler: Option<&'static Location<'static>>,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} in group `{}`", self.event, self.id, self.group)?;
        if let Some(handler) = self.handler {
            write!(f, " ({}:{})", handler.file(), handler.line())?;
        }
        write!(f, ", attempt {}", self.attempt)
    }
}
