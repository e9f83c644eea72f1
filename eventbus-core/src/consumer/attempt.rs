//! How an attempt ends, and what becomes of its delivery.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{FailedAttempt, Unhandled, state::ConsumerState};
use crate::{
    call::Frame,
    emission::DeliveryEnd,
    event::isolate,
    interleave,
    listener::{BoxError, Failure, ListenerInfo, NotRun, Outcome, to_stderr},
    publish::AttemptError,
    transport::Leased,
};

/// The end of an attempt.
pub(super) enum AttemptOutcome {
    Handled,
    Failed(AttemptError),
    /// The group has no handler for the event, and that is no error.
    Ignored,
    /// It was stopped, and has not used up an attempt.
    Interrupted,
}

/// The same, as for a listener.
fn outcome_of(error: &AttemptError) -> Outcome {
    match error {
        AttemptError::Failed(error) => Outcome::Failed(Arc::clone(error)),
        AttemptError::Panicked(text) => Outcome::Panicked(Arc::clone(text)),
        AttemptError::TimedOut(_) => Outcome::TimedOut,
        AttemptError::Refused(error) => Outcome::NotRun(NotRun::Refused(Arc::clone(error))),
        other => Outcome::Failed(Arc::from(BoxError::from(other.to_string()))),
    }
}

/// Whether a delivery ended without an attempt: no handler was asked.
fn is_unattempted(error: &AttemptError) -> bool {
    matches!(error, AttemptError::Malformed(_) | AttemptError::NeverEnded { .. } | AttemptError::UnknownEvent(_))
}

impl ConsumerState {
    /// Ends an attempt: the delivery is retried, put back, or returned to be settled. If the bus has interceptors, also returns what
    /// they are told.
    pub(super) fn end_attempt(
        &self,
        mut leased: Leased,
        outcome: AttemptOutcome,
    ) -> (Option<Leased>, Option<DeliveryEnd>) {
        let is_intercepted = self.interceptors.is_some();
        let mut end = is_intercepted.then_some(DeliveryEnd::HANDLED);
        let key = leased.key();
        match outcome {
            AttemptOutcome::Interrupted => {
                self.scheduler.put_back(leased);
                return (None, is_intercepted.then_some(DeliveryEnd::INTERRUPTED));
            }
            AttemptOutcome::Failed(AttemptError::Failed(error)) if self.cancel.is_cancelled() => {
                // It fails since it is told to end. That is no attempt that failed.
                let _ = isolate(|| drop(error));
                self.scheduler.put_back(leased);
                return (None, is_intercepted.then_some(DeliveryEnd::INTERRUPTED));
            }
            AttemptOutcome::Handled => leased.set_done(),
            AttemptOutcome::Ignored => {
                self.ledger.ignored.add(1);
                leased.rest_mut().is_counted = true;
                leased.set_done();
                end = is_intercepted.then_some(DeliveryEnd::IGNORED);
            }
            AttemptOutcome::Failed(error) => {
                let rest = leased.rest_mut();
                rest.attempts = rest.attempts.saturating_add(1);
                let first_failed = *rest.first_failed.get_or_insert_with(interleave::system_time);
                let delay = self.retry.delay(rest.attempts, &error);
                self.tell_failure(&leased, &error, delay);
                end = is_intercepted.then(|| DeliveryEnd::failed(outcome_of(&error), delay));
                if let Some(delay) = delay {
                    self.ledger.retried.add(1);
                    let _ = isolate(|| drop(error));
                    let now = Instant::now();
                    // On overflow the attempt is due never.
                    let due = now.checked_add(delay).unwrap_or_else(|| now + Duration::from_secs(1 << 30));
                    self.scheduler.delay(leased, due);
                    return (None, end);
                }
                self.ledger.dead_lettered.add(1);
                if is_unattempted(&error) {
                    self.ledger.unattempted.add(1);
                }
                leased.rest_mut().is_counted = true;
                let letter = self.bury(&leased, error, first_failed);
                leased.settle_as(letter);
            }
        }
        if let Some(key) = key {
            self.scheduler.release(key);
        }
        (Some(leased), end)
    }

    /// Whether a delivery is ended without asking a handler: it is no message, or has been handed out again and again without
    /// an end.
    pub(super) fn is_unread(&self, leased: &Leased) -> bool {
        leased.message.is_malformed() || leased.deliveries() > self.max_deliveries
    }

    /// How a delivery ends that no handler takes.
    pub(super) fn unhandled(&self, leased: &Leased) -> AttemptOutcome {
        let message = &leased.message;
        if let Some(reason) = message.malformed_reason() {
            return AttemptOutcome::Failed(AttemptError::Malformed(reason.into()));
        }
        if leased.deliveries() > self.max_deliveries {
            return AttemptOutcome::Failed(AttemptError::NeverEnded { deliveries: leased.deliveries() });
        }
        match self.unhandled {
            Unhandled::Ignore => AttemptOutcome::Ignored,
            Unhandled::Fail => {
                AttemptOutcome::Failed(AttemptError::UnknownEvent(message.wire_type().to_string().into()))
            }
        }
    }

    /// Tells a failed attempt: the consumer's own hook, and the failure hook; where there is neither, stderr.
    #[cold]
    fn tell_failure(&self, leased: &Leased, error: &AttemptError, delay: Option<Duration>) {
        let message = &leased.message;
        let handler = self.routes.find(message).map(|at| self.routes.all[at].location);
        let mut is_told = false;
        if let Some(hook) = &self.on_attempt_failed {
            let attempt = FailedAttempt {
                group: Arc::clone(&self.name),
                message: message.clone(),
                error: error.clone(),
                attempt: leased.attempts(),
                next_after: delay,
            };
            is_told = true;
            let cause = message.cause(self.bus_id);
            let _frame = Frame::enter_handler(&cause);
            if let Err(panic) = isolate(|| (hook.get())(&attempt)) {
                to_stderr(&format_args!("the hook for failed attempts panicked: {panic}; it was to tell: {attempt}"));
            }
            let _ = isolate(|| drop(attempt));
        }
        let outcome = outcome_of(error);
        let Some(bus) = self.bus.upgrade() else { return };
        let info = ListenerInfo::of_handler(&self.name, message.event_type(), handler.unwrap_or(self.location));
        let failure = Failure::of_attempt(message.subject(), &info, outcome, leased.attempts(), delay.is_none());
        let hooked = bus.state.hook.tell(std::slice::from_ref(&failure));
        if !hooked && !is_told {
            to_stderr(&failure);
        }
        let _ = isolate(|| drop(failure));
    }
}
