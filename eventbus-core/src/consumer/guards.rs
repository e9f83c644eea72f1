//! What interceptors have put around the deliveries that a worker handles.

use std::sync::Arc;

use super::{attempt::AttemptOutcome, desk::Desk};
use crate::{
    call::{Cause, Frame},
    emission::{DeliveryEnd, DeliveryInfo, GuardStack, Interceptors, TestPlan},
    event::isolate,
    publish::AttemptError,
    sync::{Ordering, lock},
    transport::{Leased, Message},
};

/// The guards of the deliveries that are being handled: of one, or of a batch.
///
/// The deliveries of a batch share one future. Its polls are parts of the first of them.
#[derive(Default)]
pub(super) struct DeliveryGuards(Vec<Guarded>);

struct Guarded {
    /// The delivery, by its number in the consumer.
    number: u64,
    cause: Cause,
    guards: GuardStack<DeliveryEnd>,
}

/// What interceptors are shown of a delivery: they are asked where no lock is held.
struct Shown {
    number: u64,
    message: Message,
    attempts: u32,
    deliveries: u32,
}

impl Shown {
    fn of(leased: &Leased) -> Self {
        Self {
            number: leased.number(),
            message: leased.message.clone(),
            attempts: leased.attempts(),
            deliveries: leased.deliveries(),
        }
    }
}

impl DeliveryGuards {
    /// Runs a part of it.
    pub(super) fn part<T>(&mut self, part: impl FnOnce() -> T) -> T {
        match self.0.first_mut() {
            Some(first) => first.guards.part(part),
            None => part(),
        }
    }

    /// Asks about the delivery that is next in hand; `false` if it is refused, and has ended.
    pub(super) fn ask_next(&mut self, interceptors: &Interceptors, desk: &Desk, route: usize) -> bool {
        let next = desk.slot().lock().next().map(Shown::of);
        let Some(next) = next else { return true };
        let Err(error) = self.ask(interceptors, desk, &next, Some(route), 1) else { return true };
        desk.slot().lock().begin(false);
        desk.end_running(AttemptOutcome::Failed(error));
        self.end(desk);
        false
    }

    /// Asks about the deliveries that have begun together. Those that are refused have ended, and leave the batch.
    pub(super) fn ask_running(&mut self, interceptors: &Interceptors, desk: &Desk, route: usize) {
        let running: Vec<_> = desk.slot().lock().running().iter().map(Shown::of).collect();
        for one in &running {
            if let Err(error) = self.ask(interceptors, desk, one, Some(route), running.len()) {
                let refused = desk.slot().lock().take_numbered(one.number);
                if let Some(leased) = refused {
                    desk.end_taken(leased, AttemptOutcome::Failed(error));
                }
            }
        }
        if !desk.slot().lock().is_running() {
            self.end(desk);
        }
    }

    /// Shows the next delivery in hand, which no handler takes: there is nothing to refuse.
    pub(super) fn show_unhandled(&mut self, interceptors: &Interceptors, desk: &Desk) {
        let next = desk.slot().lock().next().map(Shown::of);
        if let Some(next) = next {
            let asked = self.ask(interceptors, desk, &next, None, 1);
            // The error of an interceptor is foreign code.
            let _ = isolate(|| drop(asked));
        }
    }

    fn ask(
        &mut self,
        interceptors: &Interceptors,
        desk: &Desk,
        shown: &Shown,
        route: Option<usize>,
        batch: usize,
    ) -> Result<(), AttemptError> {
        let Shown { number, message, attempts, deliveries } = shown;
        let mut guards = GuardStack::none();
        let cause = message.cause(desk.consumer.bus_id);
        let _frame = Frame::enter_handler(&cause);
        let asked = message.with_info(|message| {
            let delivery = DeliveryInfo {
                message,
                group: &desk.consumer.name,
                attempt: attempts.saturating_add(1),
                deliveries: *deliveries,
                batch,
                handler: route.map(|route| &desk.consumer.infos[route]),
                plan: TestPlan::default(),
            };
            let asked = interceptors.admit_delivery(&delivery, &mut guards);
            if asked.is_ok() {
                desk.inject(&delivery.plan);
            }
            asked
        });
        self.0.push(Guarded { number: *number, cause, guards });
        desk.set_guarded(true);
        asked.map_err(AttemptError::Refused)
    }

    /// Tells the guards how their deliveries have ended.
    pub(super) fn end(&mut self, desk: &Desk) {
        desk.forget_injected();
        let mut ends = std::mem::take(&mut *lock(&desk.ends));
        for Guarded { number, cause, mut guards } in self.0.drain(..) {
            let noted = ends.iter().position(|(ended, _)| *ended == number);
            let end = match noted {
                Some(at) => ends.swap_remove(at).1,
                // The consumer has paused, or stops, before it was begun.
                None if desk.slot().lock().next().is_some_and(|next| next.number() == number) => {
                    DeliveryEnd::INTERRUPTED
                }
                None => DeliveryEnd::HANDLED,
            };
            let _frame = Frame::enter_handler(&cause);
            guards.end(&end);
            // The error of a handler is foreign code.
            let _ = isolate(|| drop(end));
        }
        let _ = isolate(|| drop(ends));
        desk.set_guarded(false);
    }
}

impl Desk {
    /// The interceptors, if the bus has some and one of them has something to do now.
    pub(super) fn interceptors(&self) -> Option<&Arc<Interceptors>> {
        self.consumer.interceptors.as_ref().filter(|interceptors| !interceptors.are_idle())
    }

    /// Whether interceptors are to be asked about the next delivery, or were asked about one that is being handled.
    #[inline]
    pub(super) fn is_intercepted(&self) -> bool {
        self.consumer.interceptors.is_some() && (self.is_guarded() || self.interceptors().is_some())
    }

    /// Whether interceptors were asked about what is being handled.
    #[inline]
    pub(super) fn is_guarded(&self) -> bool {
        self.is_guarded.load(Ordering::Relaxed)
    }

    fn set_guarded(&self, is_guarded: bool) {
        self.is_guarded.store(is_guarded, Ordering::Relaxed);
    }
}
