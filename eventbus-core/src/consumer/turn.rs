//! How a worker goes from delivery to delivery: which is next, and how the one that runs ends.

use std::sync::Arc;

use super::{Delivery, attempt::AttemptOutcome, desk::Desk};
use crate::{
    call::{Cause, Frame},
    counting::Latencies,
    interleave,
    publish::AttemptError,
    sync::lock,
    transport::Leased,
};

/// What a worker is to do with the next delivery in its hand.
pub(super) enum Step {
    /// There is none, or the consumer stops or pauses.
    None,
    /// No handler takes it.
    Unhandled,
    /// Handler number so and so takes it.
    Handle(usize),
}

impl Desk {
    pub(super) fn step(&self) -> Step {
        if !self.consumer.scheduler.is_open() {
            return Step::None;
        }
        let hand = self.slot().lock();
        match hand.next() {
            None => Step::None,
            Some(leased) if self.consumer.is_unread(leased) => Step::Unhandled,
            Some(leased) => self.consumer.routes.find(&leased.message).map_or(Step::Unhandled, Step::Handle),
        }
    }

    /// Ends the delivery that the lane has handled, and begins the next one, if it is for the same handler: it is what runs in
    /// the hand. Called inside the lane's poll, and so inside the frame of its delivery.
    #[inline]
    pub(super) fn turn(
        self: &Arc<Self>,
        route: usize,
        ended: &mut Option<Result<(), AttemptError>>,
    ) -> Option<Delivery> {
        let consumer = &*self.consumer;
        let has_ended = ended.is_some();
        if has_ended {
            self.measure();
        }
        if let Some(Err(error)) = ended.take_if(|ended| ended.is_err()) {
            self.end_running(AttemptOutcome::Failed(error));
        }
        let mut hand = self.slot().lock();
        if ended.is_some() {
            *ended = None;
            if let Some(key) = hand.done() {
                let is_last = hand.next().is_none() && hand.ended() < consumer.batch_size();
                drop(hand);
                let next = self.release(key, is_last);
                hand = self.slot().lock();
                hand.append_rest(next);
            }
        }
        // Where there is a rate, or interceptors are asked, the worker asks before each attempt. Interceptors that were idle when the
        // worker began are not looked at again until the lane gives way.
        let leaves = consumer.admits_each || self.is_guarded() || interleave::ends_run();
        if has_ended && leaves || !consumer.scheduler.is_open() {
            return None;
        }
        let next = hand.next().filter(|next| !consumer.is_unread(next))?;
        let event = next.message.event_type();
        if consumer.routes.find_typed(event, &next.message) != Some(route) {
            return None;
        }
        let leased = hand.begin(consumer.timeout.is_some() || consumer.latencies.is_some())?;
        Frame::set_cause(leased.message.cause_typed(event, consumer.bus_id));
        Some(Delivery::of(leased, self))
    }

    /// Frees a key. The delivery behind it is returned if this worker has nothing else in hand: others could only wait for it.
    fn release(&self, key: u64, is_last: bool) -> Option<Leased> {
        let scheduler = &self.consumer.scheduler;
        if is_last && self.consumer.reads_directly {
            return scheduler.next_of(key);
        }
        scheduler.release(key);
        None
    }

    /// The cause that what runs is to others; or what is next, if nothing runs.
    pub(super) fn cause(&self) -> Option<Cause> {
        let hand = self.slot().lock();
        let first = hand.running().first().or_else(|| hand.next());
        first.map(|leased| leased.message.cause(self.consumer.bus_id))
    }

    /// Records how long the handler took whose call has just ended, if that is measured.
    #[inline]
    pub(super) fn measure(&self) {
        if let Some(latencies) = &self.consumer.latencies {
            self.record(latencies);
        }
    }

    #[cold]
    fn record(&self, latencies: &Latencies) {
        let began = self.slot().lock().take_began();
        if let Some(began) = began {
            latencies.record_since(began);
        }
    }

    /// Ends what runs, otherwise than well.
    pub(super) fn end_running(&self, outcome: AttemptOutcome) {
        let leased = self.slot().lock().take_running();
        if let Some(leased) = leased {
            self.end_taken(leased, outcome);
        }
    }

    /// Ends a delivery that has been taken out of the hand.
    pub(super) fn end_taken(&self, leased: Leased, outcome: AttemptOutcome) {
        let number = leased.number();
        let (ended, end) = self.consumer.end_attempt(leased, outcome);
        if let Some(ended) = ended {
            self.slot().lock().put_ended(ended);
        }
        if let Some(end) = end.filter(|_| self.is_guarded()) {
            lock(&self.ends).push((number, end));
        }
    }

    /// Ends the next delivery in hand, which no handler takes.
    pub(super) fn end_unhandled(&self) {
        let next = self.slot().lock().skip();
        if let Some(leased) = next {
            let outcome = self.consumer.unhandled(&leased);
            self.end_taken(leased, outcome);
        }
    }
}
