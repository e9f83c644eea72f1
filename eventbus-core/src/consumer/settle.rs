//! Telling the transport how deliveries have ended.

use std::{
    collections::HashSet,
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::{desk::Desk, state::ConsumerState};
use crate::{
    event::isolate,
    publish::isolated,
    sync::lock,
    transport::{LeaseId, Leased, Operation, Settlement, Unsettled},
};

/// How long settling is tried where leases do not run out.
const TRY_FOR: Duration = Duration::from_secs(30);

/// Leases are extended no more often than this.
const SHORTEST: Duration = Duration::from_millis(1);

/// How often held leases are extended while they last.
const EXTENSIONS: u32 = 3;

impl ConsumerState {
    /// Settles what a worker has ended.
    pub(super) async fn settle_ended(&self, desk: &Arc<Desk>) {
        let ended = desk.slot().lock().take_ended();
        self.settle_of(desk, ended).await;
    }

    /// Settles what was taken from a worker, and gives it the room back.
    pub(super) async fn settle_of(&self, desk: &Arc<Desk>, mut ended: Vec<Leased>) {
        if self.settle_at_once(&mut ended) {
            desk.slot().lock().recycle(ended);
        } else {
            self.settle_later(ended).await;
        }
    }

    /// Settles deliveries.
    pub(super) async fn settle(&self, mut ended: Vec<Leased>) {
        if !self.settle_at_once(&mut ended) {
            self.settle_later(ended).await;
        }
    }

    /// Settles deliveries as far as that goes without waiting.
    pub(super) fn settle_now(&self, mut ended: Vec<Leased>) {
        if self.settle_at_once(&mut ended) {
            return;
        }
        // No waker is needed: it is dropped after the one poll.
        let mut settling = pin!(self.settle_later(ended));
        let _ = isolate(|| _ = settling.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    }

    /// Counts what has ended, and settles it if the source can without waiting; `false` if not.
    fn settle_at_once(&self, batch: &mut Vec<Leased>) -> bool {
        if batch.is_empty() {
            return true;
        }
        let count = batch.len();
        let is_handled = |one: &&Leased| one.is_done() && !one.rest.as_ref().is_some_and(|rest| rest.is_counted);
        let handled = batch.iter().filter(is_handled).count() as u64;
        if handled > 0 {
            self.ledger.handled.add(handled);
        }
        if self.lease.is_some() {
            self.forget_lost(batch);
        }
        let is_plain = handled == count as u64;
        let given_back = if is_plain { 0 } else { count_given_back(batch) };
        let dying = if is_plain { Vec::new() } else { self.dying(batch) };
        let is_settled = isolate(|| self.source.try_settle(batch)).unwrap_or_else(|panic| {
            self.ledger.settle_errors.add(1);
            self.transport_error(Operation::Settle, &*panic);
            // What it has left may be settled by its future.
            false
        });
        if is_settled {
            drop_each(batch);
        }
        self.tell_kept(dying, batch.iter().map(Leased::number));
        if given_back > 0 {
            self.ledger.given_back.add(given_back.saturating_sub(count_given_back(batch)));
        }
        self.scheduler.settled(count.saturating_sub(batch.len()));
        batch.is_empty()
    }

    /// Settles by the source's future, again and again as long as that may help.
    async fn settle_later(&self, mut batch: Vec<Leased>) {
        let now = Instant::now();
        let give_up = self.lease.map_or(Some(now + TRY_FOR), |lease| now.checked_add(lease));
        let mut pause = Duration::from_millis(50);
        let count = batch.len();
        // Done is done, whatever the transport makes of it.
        let _settled = scopeguard(|| self.scheduler.settled(count));
        loop {
            let given_back = count_given_back(&batch);
            let unanswered = Unanswered { consumer: self, count: batch.len(), dying: self.dying(&batch) };
            let answer = match isolate(|| self.source.settle(batch)) {
                Ok(settling) => isolated(settling).await,
                Err(panic) => Err(panic),
            };
            let dying = unanswered.answered();
            let unsettled = match answer {
                Ok(unsettled) => unsettled,
                Err(panic) => {
                    self.forget_unkept(dying);
                    self.ledger.settle_errors.add(1);
                    self.transport_error(Operation::Settle, &*panic);
                    return;
                }
            };
            self.tell_kept(dying, unsettled.iter().map(|one| one.leased.number()));
            self.forget_lost_letters(&unsettled);
            batch = self.to_settle_again(unsettled);
            self.ledger.given_back.add(given_back.saturating_sub(count_given_back(&batch)));
            if batch.is_empty() {
                return;
            }
            let is_over = give_up.is_some_and(|give_up| Instant::now() + pause >= give_up);
            if is_over || self.cancel.is_cancelled() {
                self.ledger.settle_errors.add(batch.len() as u64);
                self.forget_unkept(self.dying(&batch));
                drop_each(&mut batch);
                return;
            }
            sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Tells and counts what could not be settled; what is worth another try.
    fn to_settle_again(&self, unsettled: Vec<Unsettled>) -> Vec<Leased> {
        let mut again = Vec::new();
        for Unsettled { leased, is_lost, error } in unsettled {
            if is_lost {
                self.ledger.lost_leases.add(1);
            } else {
                self.ledger.settle_errors.add(1);
            }
            self.transport_error(Operation::Settle, error);
            if is_lost {
                drop_each(&mut vec![leased]);
            } else {
                again.push(leased);
            }
        }
        again
    }

    /// Leaves those out whose leases have run out: another source has them by now.
    fn forget_lost(&self, batch: &mut Vec<Leased>) {
        let mut lost = lock(&self.lost);
        if lost.is_empty() {
            return;
        }
        let mut gone: Vec<_> = batch.extract_if(.., |leased| lost.remove(leased.lease())).collect();
        drop(lost);
        self.ledger.lost_leases.add(gone.len() as u64);
        self.forget_unkept(self.dying(&gone));
        drop_each(&mut gone);
    }

    /// All that is held goes back to the transport, with the attempts that were made.
    pub(super) fn take_back(&self) -> Vec<Leased> {
        for slot in &self.slots {
            let rest = slot.lock().take_rest();
            self.scheduler.hand_over(rest);
        }
        let mut all = self.scheduler.take_all();
        for leased in &mut all {
            leased.settle_as(match leased.attempts() {
                0 => Settlement::Release,
                _ => Settlement::Again { after: Duration::ZERO },
            });
        }
        all
    }

    /// The suspects that are held and do not run go back, with the rest of their delays.
    fn take_suspects(&self) -> Vec<Leased> {
        for slot in &self.slots {
            let rest = slot.lock().take_rest();
            self.scheduler.hand_over(rest);
        }
        let give_back = |(mut leased, due): (Leased, Option<Instant>)| {
            let after = due.filter(|_| self.delay.is_some()).map(|due| due.saturating_duration_since(Instant::now()));
            leased.settle_as(match leased.attempts() {
                0 => Settlement::Release,
                _ => Settlement::Again { after: after.unwrap_or_default() },
            });
            leased
        };
        self.scheduler.take_suspects().into_iter().map(give_back).collect()
    }

    /// The same, without waiting for the transport.
    pub(super) fn give_back_now(&self) {
        for slot in &self.slots {
            let ended = slot.lock().take_ended();
            self.settle_now(ended);
        }
        self.settle_now(self.take_back());
    }

    /// Gives everything back that has not been handled, and settles the rest.
    pub(super) async fn give_back(&self) {
        for slot in &self.slots {
            let ended = slot.lock().take_ended();
            self.settle(ended).await;
        }
        self.settle(self.take_back()).await;
    }
}

/// Extends leases, three times in their time, and gives those of suspects back while the consumer is paused.
pub(super) async fn keep_leases(consumer: Arc<ConsumerState>, lease: Duration) {
    tokio::join!(extend_leases(&consumer, lease), give_suspects_back(&consumer, lease));
}

/// A source hands out one suspect at a time (T27): a paused consumer that keeps it keeps the others of its process from theirs. It
/// looks again and again, since what runs may fail during the pause, and a read that has begun before it may bring one.
async fn give_suspects_back(consumer: &ConsumerState, lease: Duration) {
    loop {
        sleep((lease / EXTENSIONS).max(SHORTEST)).await;
        if consumer.scheduler.is_paused() {
            consumer.settle(consumer.take_suspects()).await;
        }
    }
}

/// Extends the leases of all that is held.
async fn extend_leases(consumer: &ConsumerState, lease: Duration) {
    loop {
        sleep((lease / EXTENSIONS).max(SHORTEST)).await;
        let held = consumer.held_leases();
        if held.is_empty() {
            continue;
        }
        let answer = match isolate(|| consumer.source.extend(held)) {
            Ok(extending) => match timeout(lease, isolated(extending)).await {
                Ok(answer) => answer,
                Err(_) => Err(Arc::from("no answer for as long as a lease lasts")),
            },
            Err(panic) => Err(panic),
        };
        match answer {
            Ok(Ok(lost)) => consumer.note_lost(lost),
            Ok(Err(error)) => {
                consumer.ledger.settle_errors.add(1);
                consumer.transport_error(Operation::Extend, error);
            }
            Err(panic) => {
                consumer.ledger.settle_errors.add(1);
                consumer.transport_error(Operation::Extend, &*panic);
            }
        }
    }
}

impl ConsumerState {
    fn held_leases(&self) -> Vec<LeaseId> {
        let mut leases = HashSet::new();
        for slot in &self.slots {
            leases.extend(slot.lock().all().map(|leased| leased.lease().clone()));
        }
        self.scheduler.each_held(|leased| _ = leases.insert(leased.lease().clone()));
        leases.remove(&LeaseId::NONE);
        let lost = lock(&self.lost);
        leases.into_iter().filter(|lease| !lost.contains(lease)).collect()
    }

    /// Notes leases that have run out, of those that are held: others have been settled meanwhile, and may be leased again by
    /// the same name.
    fn note_lost(&self, lost: Vec<LeaseId>) {
        if lost.is_empty() {
            return;
        }
        let held: HashSet<_> = self.held_leases().into_iter().collect();
        let lost: Vec<_> = lost.into_iter().filter(|lease| held.contains(lease)).collect();
        if lost.is_empty() {
            return;
        }
        let text = format!("leases that have run out while their deliveries were held: {}", lost.len());
        lock(&self.lost).extend(lost);
        self.transport_error(Operation::Extend, text);
    }
}

/// How many of them go back to the transport.
fn count_given_back(batch: &[Leased]) -> u64 {
    batch.iter().filter(|one| matches!(one.settlement(), Settlement::Release | Settlement::Again { .. })).count() as u64
}

/// A settling that is under way; dropped, nobody waits for its answer any more, which is told.
struct Unanswered<'c> {
    consumer: &'c ConsumerState,
    count: usize,
    /// The deliveries that are to become letters of the transport.
    dying: Vec<u64>,
}

impl Unanswered<'_> {
    /// There is an answer; gives back what is to become letters.
    fn answered(mut self) -> Vec<u64> {
        self.count = 0;
        std::mem::take(&mut self.dying)
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if self.count == 0 {
            return;
        }
        self.consumer.forget_unkept(std::mem::take(&mut self.dying));
        self.consumer.ledger.settle_errors.add(1);
        let text = format!("no answer in time; deliveries that may not be settled: {}", self.count);
        self.consumer.transport_error(Operation::Settle, text);
    }
}

/// Drops deliveries, and with them perhaps the last handles of their events, which are foreign code.
pub(super) fn drop_each(batch: &mut Vec<Leased>) {
    // One landing pad for all: after a panic it goes on behind the one that panicked.
    while isolate(|| {
        while !batch.is_empty() {
            batch.truncate(batch.len() - 1);
        }
    })
    .is_err()
    {}
}

/// Runs `end` when it is dropped.
fn scopeguard<F: FnMut()>(end: F) -> impl Drop {
    struct Guard<F: FnMut()>(F);
    impl<F: FnMut()> Drop for Guard<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    Guard(end)
}
