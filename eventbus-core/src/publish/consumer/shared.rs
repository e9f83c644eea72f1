//! What the tasks of a consumer share.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
    future::poll_fn,
    mem,
    panic::Location,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use tokio_util::sync::CancellationToken;

use super::{
    AttemptError, Delivery, Retry, Unhandled, held::Job, keys::key_of_message, routes::Routes, run::Run,
    scheduler::Scheduler,
};
use crate::{
    call::BusId,
    call::Frame,
    emission::WeakBus,
    event::isolate,
    listener::BoxError,
    publish::{
        BoxFuture, DeadLetter, LeaseId, Leased, Message, MessageId, Settle, Source, dead::DeadStore,
        ledger::GroupLedger, message::MessageContent,
    },
    sync::{Mutex, lock},
};

pub(super) struct Shared {
    pub(super) name: Arc<str>,
    pub(super) bus: WeakBus,
    pub(super) bus_id: BusId,
    pub(super) routes: Routes,
    pub(super) source: Arc<dyn Source>,
    pub(super) scheduler: Scheduler,
    /// Handlers are to end.
    pub(super) cancel: CancellationToken,
    pub(super) retry: Retry,
    pub(super) timeout: Option<Duration>,
    #[cfg(feature = "rate-limit")]
    pub(super) limiter: Option<super::rate::Limiter>,
    pub(super) unhandled: Unhandled,
    /// What each worker has.
    pub(super) places: Vec<Mutex<Place>>,
    pub(super) ledger: Arc<GroupLedger>,
    pub(super) dead: Arc<DeadStore>,
    /// The leases that are held, if they run out.
    pub(super) leases: Option<Mutex<HashSet<LeaseId>>>,
}

/// What a worker has. It lies here, so that a stop finds it while the worker's thread is held up.
#[derive(Default)]
pub(super) struct Place {
    /// What it handles right now.
    pub(super) running: Option<Job>,
    /// What it has taken and not begun.
    pub(super) taken: VecDeque<Job>,
}

/// The end of an attempt.
pub(super) enum Ended {
    Well,
    Badly(AttemptError),
    /// Nobody handles the event, and that is no error.
    Ignored,
    Cancelled,
}

/// Waits for a transport's answer, isolated: whether it is a good one.
pub(super) async fn answered(mut answer: BoxFuture<'static, Result<(), BoxError>>) -> bool {
    // The drop of its error is foreign code, too.
    let answered = poll_fn(|cx| {
        let polled = isolate(|| answer.as_mut().poll(cx).map(|answered| answered.is_ok()));
        polled.unwrap_or(Poll::Ready(false))
    });
    let is_good = answered.await;
    let _ = isolate(|| drop(answer));
    is_good
}

/// What a worker has done and not told yet: told together, it costs less.
#[derive(Default)]
pub(super) struct Settled {
    pub(super) leases: Vec<(LeaseId, Settle)>,
    /// How many of them were handled well and have no key that others wait for. They are held, and not counted, until this is told.
    well: usize,
}

impl Shared {
    pub(super) fn workers(&self) -> usize {
        self.places.len()
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
        let (settle, count) = match ended {
            Ended::Well if job.key.is_none() => {
                settled.well += 1;
                settled.leases.push((job.leased.lease, Settle::Ack));
                // With it perhaps the last handle of the event, whose drop is foreign code.
                let _ = isolate(|| drop(job));
                return;
            }
            Ended::Well => (Settle::Ack, &self.ledger.handled),
            Ended::Ignored => (Settle::Ack, &self.ledger.ignored),
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
                    let _ = isolate(|| drop(error));
                    return self.scheduler.delay(job, due);
                }
                let reason = error.to_string().into();
                // The drop of an error is foreign code.
                let _ = isolate(|| self.bury(&job, error, first_failed, now));
                (Settle::Dead { reason, attempts: job.attempt }, &self.ledger.dead_lettered)
            }
        };
        count.add(1);
        settled.leases.push((job.leased.lease, settle));
        self.scheduler.done(&job);
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
        let Settled { leases, well } = mem::take(settled);
        if leases.is_empty() {
            return;
        }
        if let Some(held) = &self.leases {
            let mut held = lock(held);
            for (lease, _) in &leases {
                held.remove(lease);
            }
        }
        if well > 0 {
            self.ledger.handled.add(well as u64);
        }
        let telling = isolate(|| self.source.settle(leases));
        // Done is done, whatever the transport makes of it, and though nobody should wait for its answer.
        if well > 0 {
            self.scheduler.done_well(well);
        }
        let is_told = match telling {
            Ok(None) => true,
            Ok(Some(telling)) => answered(telling).await,
            Err(_) => false,
        };
        if !is_told {
            self.ledger.settle_errors.add(1);
        }
    }

    /// [`settle`](Self::settle) where nothing can be awaited. A transport that needs a wait delivers again.
    pub(super) fn settle_now(&self, mut settled: Settled) {
        let telling = self.settle(&mut settled);
        // No waker is needed: it is dropped after the one poll.
        let _ = isolate(|| _ = pin!(telling).poll(&mut Context::from_waker(Waker::noop())));
    }

    /// Leaves to the other workers what one has taken and not begun.
    pub(super) fn leave(&self, at: usize) {
        let mut taken = mem::take(&mut lock(&self.places[at]).taken);
        self.scheduler.give_back(&mut taken);
    }

    /// Gives everything that is not being handled back to the transport, in the order in which it came.
    pub(super) async fn hand_back(&self) {
        let mut settled = self.take_back();
        self.settle(&mut settled).await;
    }

    /// Takes everything that is not being handled, to be given back.
    pub(super) fn take_back(&self) -> Settled {
        (0..self.workers()).for_each(|at| self.leave(at));
        let jobs = self.scheduler.take_all();
        self.ledger.given_back.add(jobs.len() as u64);
        // A transport may count from 0, whatever it was told.
        let nack = |attempt: u32| Settle::Nack { after: Duration::ZERO, attempts: attempt.saturating_sub(1) };
        let leases = jobs.iter().map(|job| (job.leased.lease, nack(job.attempt))).collect();
        // With them perhaps the last handles of their events.
        for job in jobs {
            let _ = isolate(|| drop(job));
        }
        Settled { leases, well: 0 }
    }

    /// Who is being handled now.
    pub(super) fn unfinished(&self) -> Vec<Unfinished> {
        self.places.iter().filter_map(|place| lock(place).running.as_ref().map(|job| self.describe(job))).collect()
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
    /// Begins with what was taken first, and takes what its attempt needs, so that the place is not locked while the handler runs. None
    /// if nothing is left: a stop takes it from a worker that is held up.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Attempt> {
        let mut place = lock(&self.shared.places[self.at]);
        let job = place.taken.pop_front()?;
        let (message, attempt, route) = (job.leased.message.clone(), job.attempt, job.route);
        place.running = Some(job);
        Some(Attempt { delivery: Delivery { message, attempt, seat: Arc::clone(self) }, route })
    }
}

/// An attempt that is about to begin.
pub(super) struct Attempt {
    delivery: Delivery,
    route: Option<usize>,
}

impl Attempt {
    pub(super) fn begin(self) -> Result<Run, Ended> {
        let Self { delivery, route } = self;
        let (message, seat) = (&delivery.message, Arc::clone(&delivery.seat));
        let shared = &seat.shared;
        let Some(route) = route else {
            return Err(match shared.unhandled {
                Unhandled::Ignore => Ended::Ignored,
                Unhandled::Fail => Ended::Badly(AttemptError::UnknownEvent(message.wire_type().to_string().into())),
            });
        };
        let cause = message.cause(shared.bus_id);
        let handler = &shared.routes.all[route].handler;
        let _frame = Frame::enter_handler(&cause);
        match isolate(|| handler.begin(delivery)) {
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
