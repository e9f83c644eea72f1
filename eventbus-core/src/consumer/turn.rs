//! How a worker goes from delivery to delivery: which is next, and how the one that runs ends.

use std::{sync::Arc, task::Poll};

use super::{Delivery, attempt::AttemptOutcome, desk::Desk};
use crate::{call::Frame, publish::AttemptError, transport::Leased};

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

    /// Ends the delivery that the lane has handled, and begins the next one, if it is for the same handler. Called inside the
    /// lane's poll, and so inside the frame of its delivery.
    #[inline]
    pub(super) fn turn(self: &Arc<Self>, route: usize, ended: Option<Result<(), AttemptError>>) -> Poll<Delivery> {
        let consumer = &*self.consumer;
        let has_ended = ended.is_some();
        let mut hand = match ended {
            None => self.slot().lock(),
            Some(Ok(())) => {
                let mut hand = self.slot().lock();
                if let Some(key) = hand.done() {
                    drop(hand);
                    consumer.scheduler.release(key);
                    hand = self.slot().lock();
                }
                hand
            }
            Some(Err(error)) => {
                self.end_running(AttemptOutcome::Failed(error));
                self.slot().lock()
            }
        };
        // Where there is a rate, the worker asks for a permit before each attempt.
        if has_ended && consumer.admits_each || !consumer.scheduler.is_open() {
            return Poll::Pending;
        }
        let Some(next) = hand.next().filter(|next| !consumer.is_unread(next)) else { return Poll::Pending };
        if consumer.routes.find(&next.message) != Some(route) {
            return Poll::Pending;
        }
        let Some(leased) = hand.begin(consumer.timeout.is_some()) else { return Poll::Pending };
        let delivery = Delivery::of(leased, self);
        drop(hand);
        Frame::set_cause(&delivery.cause());
        Poll::Ready(delivery)
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
        if let Some(ended) = self.consumer.end_attempt(leased, outcome) {
            self.slot().lock().put_ended(ended);
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
