//! What the tasks of a consumer share.

use std::{
    collections::HashSet,
    fmt,
    future::poll_fn,
    panic::Location,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, SystemTime},
};

use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;

use super::{
    AttemptError, Delivery, Retry, Unhandled,
    keys::key_of_message,
    reader::Reader,
    routes::Routes,
    run::Run,
    scheduler::{Job, Scheduler},
};
use crate::{
    bus::WeakBus,
    dispatch::{Frame, isolate},
    publish::{
        DeadLetter, LeaseId, Leased, Message, MessageId, Settle, Source, dead::DeadStore, ledger::GroupLedger,
        message::MessageContent,
    },
    registry::BusId,
    sync::{Mutex, lock},
};

pub(super) struct Shared {
    pub(super) name: Arc<str>,
    pub(super) bus: WeakBus,
    pub(super) bus_id: BusId,
    pub(super) routes: Routes,
    pub(super) source: Arc<dyn Source>,
    pub(super) scheduler: Scheduler,
    pub(super) reader: tokio::sync::Mutex<Reader>,
    /// Handlers are to end.
    pub(super) cancel: CancellationToken,
    pub(super) retry: Retry,
    pub(super) timeout: Option<Duration>,
    #[cfg(feature = "rate-limit")]
    pub(super) limiter: Option<super::rate::Limiter>,
    pub(super) unhandled: Unhandled,
    /// What each worker handles right now.
    pub(super) running: Vec<Mutex<Option<Job>>>,
    pub(super) ledger: Arc<GroupLedger>,
    pub(super) dead: Arc<DeadStore>,
    /// The leases that are held, if they run out.
    pub(super) leases: Option<Mutex<HashSet<LeaseId>>>,
}

/// The end of an attempt.
pub(super) enum Ended {
    Well,
    Badly(AttemptError),
    /// Nobody handles the event, and that is no error.
    Ignored,
    Cancelled,
}

/// What a worker has done and not told yet: told together, it costs less.
#[derive(Default)]
pub(super) struct Settled {
    leases: Vec<(LeaseId, Settle)>,
    handled: u64,
}

impl Shared {
    pub(super) fn workers(&self) -> usize {
        self.running.len()
    }

    /// Keeps the workers from reading while it is held; waits for who reads now.
    pub(super) async fn keep_from_reading(&self) -> MutexGuard<'_, Reader> {
        let mut lock = pin!(self.reader.lock());
        // Stands in line first: who reads then ends, and no other worker begins.
        let now = poll_fn(|cx| Poll::Ready(lock.as_mut().poll(cx))).await;
        match now {
            Poll::Ready(reader) => reader,
            Poll::Pending => {
                self.scheduler.stop_waiting();
                lock.await
            }
        }
    }

    /// Makes deliveries of what has been read.
    pub(super) fn add(&self, leased: Vec<Leased>) {
        self.ledger.received.add(leased.len() as u64);
        if let Some(leases) = &self.leases {
            lock(leases).extend(leased.iter().map(|leased| leased.lease));
        }
        let jobs = leased.into_iter().map(|leased| {
            let route = self.routes.find(&leased.message);
            let key = route.and_then(|at| self.key(at, &leased.message));
            let attempt = leased.attempt;
            Job { leased, number: 0, key, route, attempt, first_failed: None }
        });
        self.scheduler.add(jobs.collect());
    }

    /// A key function that panics tells no key: its delivery has no order to keep.
    fn key(&self, route: usize, message: &Message) -> Option<u64> {
        let told = isolate(|| self.routes.all[route].handler.key(message)).ok().flatten();
        told.or_else(|| key_of_message(message))
    }

    /// What becomes of a delivery after an attempt.
    pub(super) fn end(&self, mut job: Job, ended: Ended, settled: &mut Settled) {
        let settle = match ended {
            Ended::Well => {
                settled.handled += 1;
                Settle::Ack
            }
            Ended::Ignored => {
                self.ledger.ignored.add(1);
                Settle::Ack
            }
            Ended::Cancelled => return self.scheduler.cancelled(job),
            Ended::Badly(error) => {
                let now = SystemTime::now();
                let first_failed = *job.first_failed.get_or_insert(now);
                if let Some(delay) = self.retry.delay(job.attempt, &error) {
                    self.ledger.retried.add(1);
                    job.attempt += 1;
                    // A time that cannot be told is far away.
                    let due = tokio::time::Instant::now().checked_add(delay);
                    let due = due.unwrap_or_else(|| tokio::time::Instant::now() + Duration::from_secs(1 << 30));
                    return self.scheduler.delay(job, due);
                }
                let reason = error.to_string().into();
                self.bury(&job, error, first_failed, now);
                self.ledger.dead_lettered.add(1);
                Settle::Dead { reason, attempts: job.attempt }
            }
        };
        if let Some(leases) = &self.leases {
            lock(leases).remove(&job.leased.lease);
        }
        settled.leases.push((job.leased.lease, settle));
        if let Some(key) = job.key {
            self.scheduler.free(key);
        }
        // With it perhaps the last handle of the event, whose drop is foreign code.
        let _ = isolate(|| drop(job));
    }

    fn bury(&self, job: &Job, error: AttemptError, first_failed: SystemTime, last_failed: SystemTime) {
        let (id, group, message) = (self.dead.next_id(), Arc::clone(&self.name), job.leased.message.clone());
        let cause = message.cause(self.bus_id);
        let letter = DeadLetter { id, group, message, error, attempts: job.attempt, first_failed, last_failed };
        self.dead.push(letter.clone());
        // What was published by name is of a type of which only its handler may know more.
        let of_handler = || job.route.and_then(|at| self.routes.all[at].handler.kind()?.failed);
        if let (Some(bus), MessageContent::Shared(shared)) = (self.bus.upgrade(), job.leased.message.content())
            && let Some(failed) = shared.kind.failed.or_else(of_handler)
        {
            let _frame = Frame::enter_handler(&cause);
            failed(&bus, Arc::clone(&shared.event), letter);
        }
    }

    /// Tells what has been done. If the transport does not hear which leases have ended, it delivers their messages again.
    pub(super) async fn settle(&self, settled: &mut Settled) {
        let Settled { leases, handled } = std::mem::take(settled);
        let done = leases.len();
        if done == 0 {
            return;
        }
        self.ledger.handled.add(handled);
        self.end_leases(leases).await;
        self.scheduler.done(done);
    }

    pub(super) async fn end_leases(&self, leases: Vec<(LeaseId, Settle)>) {
        if let Some(told) = self.source.settle(leases)
            && told.await.is_err()
        {
            self.ledger.settle_errors.add(1);
        }
    }

    /// Who is being handled now.
    pub(super) fn unfinished(&self) -> Vec<Unfinished> {
        self.running.iter().filter_map(|slot| lock(slot).as_ref().map(|job| self.describe(job))).collect()
    }

    fn describe(&self, job: &Job) -> Unfinished {
        let message = &job.leased.message;
        Unfinished {
            group: Arc::clone(&self.name),
            event: message.wire_type().to_string(),
            id: message.id(),
            attempt: job.attempt,
            handler: job.route.map(|route| self.routes.all[route].location),
        }
    }
}

/// A worker's own handle: the counter of handles that all workers share would be the line that their threads fight for.
pub(super) struct Seat {
    pub(super) shared: Arc<Shared>,
    pub(super) at: usize,
}

impl Seat {
    /// Begins an attempt.
    pub(super) fn begin(self: &Arc<Self>, job: Job) -> Result<Run, Ended> {
        let shared = &self.shared;
        let (route, attempt, message) = (job.route, job.attempt, job.leased.message.clone());
        // Whoever asks what is being handled finds it here; the place is not locked while the handler runs.
        *lock(&shared.running[self.at]) = Some(job);
        let Some(route) = route else {
            return Err(match shared.unhandled {
                Unhandled::Ignore => Ended::Ignored,
                Unhandled::Fail => Ended::Badly(AttemptError::UnknownEvent(message.wire_type().to_string().into())),
            });
        };
        let cause = message.cause(shared.bus_id);
        let handler = &shared.routes.all[route].handler;
        let _frame = Frame::enter_handler(&cause);
        match isolate(|| handler.begin(Delivery { message, attempt, seat: Arc::clone(self) })) {
            Ok(Ok(future)) => Ok(Run::new(future, cause)),
            Ok(Err(error)) => Err(Ended::Badly(error)),
            Err(message) => Err(Ended::Badly(AttemptError::Panicked(message))),
        }
    }
}

/// A delivery whose handler had not ended when it was to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unfinished {
    /// The group.
    pub group: Arc<str>,
    /// The event's wire type.
    pub event: String,
    /// The message's id.
    pub id: MessageId,
    /// The number of the attempt.
    pub attempt: u32,
    /// Where the handler was given to its consumer.
    pub handler: Option<&'static Location<'static>>,
}

/// Prints on one line: ``user.created 0194.. in group `mailer` (src/main.rs:12), attempt 1``.
impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} in group `{}`", self.event, self.id, self.group)?;
        if let Some(handler) = self.handler {
            write!(f, " ({}:{})", handler.file(), handler.line())?;
        }
        write!(f, ", attempt {}", self.attempt)
    }
}
