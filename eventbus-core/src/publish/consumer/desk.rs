//! A worker's place in its consumer: how a lane gets the next delivery, and tells how it went.

use std::{sync::Arc, task::Poll};

use super::{AttemptError, Delivery, attempt::AttemptOutcome, state::ConsumerState};
use crate::{call::Frame, transport::Leased};

/// A worker's place in its consumer.
pub(super) struct Desk {
    pub(super) consumer: Arc<ConsumerState>,
    pub(super) at: usize,
}

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
    pub(super) fn slot(&self) -> &super::slot::WorkerSlot {
        &self.consumer.slots[self.at]
    }

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
        let Some(delivery) = hand.begin(self, consumer.timeout.is_some()) else { return Poll::Pending };
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
}

#[cfg(feature = "rate-limit")]
impl Desk {
    /// Takes a permit for an attempt, if the rate allows one now.
    pub(super) fn take_permit(&self) -> bool {
        self.consumer.limiter.as_ref().is_none_or(|limiter| limiter.take().is_ok())
    }

    /// Waits until the rate may allow an attempt, or the consumer stops or pauses.
    pub(super) async fn wait_for_permit(&self) {
        let Some(limiter) = &self.consumer.limiter else { return };
        let wait = limiter.wait();
        tokio::select! {
            biased;
            () = self.consumer.scheduler.stopped.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

#[cfg(not(feature = "rate-limit"))]
#[expect(clippy::unused_self, reason = "the shape that it has with the feature")]
impl Desk {
    pub(super) fn take_permit(&self) -> bool {
        true
    }

    pub(super) fn wait_for_permit(&self) -> std::future::Ready<()> {
        std::future::ready(())
    }
}
