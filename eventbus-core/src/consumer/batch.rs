//! Deliveries that are handled together.

use std::{fmt, ops::Deref, sync::Arc};

use super::{Delivery, attempt::AttemptOutcome, content::shared_event, desk::Desk, slot::InHand};
use crate::{
    event::Event,
    listener::{BoxError, Never},
    publish::AttemptError,
    transport::{Leased, Message},
};

/// Events that are handled together, in the order of the group; see
/// [`handle_batch`](super::ConsumerBuilder::handle_batch). It is a slice of `Arc<E>`.
pub struct Batch<E> {
    events: Vec<Arc<E>>,
    desk: Arc<Desk>,
    /// Places of deliveries that could not be decoded, which are not among the events.
    unread: Vec<usize>,
}

impl<E> Batch<E> {
    pub(super) fn new(events: Vec<Arc<E>>, desk: Arc<Desk>, unread: Vec<usize>) -> Self {
        Self { events, desk, unread }
    }

    /// The delivery of event number `at`, while the batch is being handled: its id, its attempt, its message.
    pub fn delivery(&self, at: usize) -> Option<Delivery> {
        if at >= self.events.len() {
            return None;
        }
        let mut place = at;
        for unread in &self.unread {
            place += usize::from(*unread <= place);
        }
        self.desk.running_delivery(place)
    }
}

impl<E> Deref for Batch<E> {
    type Target = [Arc<E>];

    fn deref(&self) -> &[Arc<E>] {
        &self.events
    }
}

impl<E> IntoIterator for Batch<E> {
    type Item = Arc<E>;
    type IntoIter = std::vec::IntoIter<Arc<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.events.into_iter()
    }
}

impl<'a, E> IntoIterator for &'a Batch<E> {
    type Item = &'a Arc<E>;
    type IntoIter = std::slice::Iter<'a, Arc<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.events.iter()
    }
}

impl<E> fmt::Debug for Batch<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("events", &self.events.len()).finish_non_exhaustive()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl<E> Sealed for Result<(), E> {}
    impl<E> Sealed for Vec<Result<(), E>> {}
    impl Sealed for super::Never {}
}

/// What a handler of batches ends with: `()` or a `Result` for the whole batch, or a `Vec` of results, one for each event in
/// order. Of a shorter `Vec` the events that it leaves out have failed.
#[diagnostic::on_unimplemented(
    message = "a handler of batches returns `()`, `Result<(), E>` or `Vec<Result<(), E>>`, not `{Self}`",
    label = "this returns `{Self}`",
    note = "the error of a `Result` is a text, or implements `Error + Send + Sync`; instead of `Box<dyn Error>` write `eventbus::BoxError`"
)]
pub trait BatchReturn: sealed::Sealed {
    /// A result for each of `count` events; empty if all are well.
    #[doc(hidden)]
    fn into_results(self, count: usize) -> Vec<Result<(), Arc<dyn std::error::Error + Send + Sync>>>;
}

impl BatchReturn for () {
    fn into_results(self, _count: usize) -> Vec<Result<(), Arc<dyn std::error::Error + Send + Sync>>> {
        Vec::new()
    }
}

#[diagnostic::do_not_recommend]
impl BatchReturn for Never {
    fn into_results(self, _count: usize) -> Vec<Result<(), Arc<dyn std::error::Error + Send + Sync>>> {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> BatchReturn for Result<(), E> {
    fn into_results(self, count: usize) -> Vec<Result<(), Arc<dyn std::error::Error + Send + Sync>>> {
        match self {
            Ok(()) => Vec::new(),
            Err(error) => {
                let error: Arc<dyn std::error::Error + Send + Sync> = Arc::from(error.into());
                vec![Err(error); count]
            }
        }
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> BatchReturn for Vec<Result<(), E>> {
    fn into_results(self, count: usize) -> Vec<Result<(), Arc<dyn std::error::Error + Send + Sync>>> {
        let mut results: Vec<_> = self.into_iter().map(|one| one.map_err(|error| Arc::from(error.into()))).collect();
        let missing = || BoxError::from("the handler has given no result for this event of its batch");
        results.resize_with(count, || Err(Arc::from(missing())));
        results
    }
}

impl Desk {
    /// How many deliveries in hand are for a handler, from the next one on.
    pub(super) fn in_hand_for(&self, route: usize) -> usize {
        self.count_for(route, &self.slot().lock())
    }

    fn count_for(&self, route: usize, hand: &InHand) -> usize {
        let is_for = |leased: &&Leased| {
            !self.consumer.is_unread(leased) && self.consumer.routes.find(&leased.message) == Some(route)
        };
        hand.rest().iter().take_while(is_for).count()
    }

    /// Begins as many deliveries together as are in hand for a handler of batches; `false` if there are none.
    pub(super) fn begin_many(&self, route: usize, max: usize) -> bool {
        let mut hand = self.slot().lock();
        let count = self.count_for(route, &hand).min(max);
        if count == 0 || !self.consumer.scheduler.is_open() {
            return false;
        }
        hand.begin_many(count);
        true
    }

    /// The events that are being handled; `None` if one of them must be decoded, which is foreign code.
    pub(super) fn running_events<E: Event>(&self) -> Option<Vec<Arc<E>>> {
        let hand = self.slot().lock();
        let mut events = Vec::with_capacity(hand.running().len());
        for leased in hand.running() {
            events.push(shared_event(&leased.message, &self.consumer.routes.versions)?);
        }
        Some(events)
    }

    /// What is being handled.
    pub(super) fn running_messages(&self) -> Vec<Message> {
        self.slot().lock().running().iter().map(|leased| leased.message.clone()).collect()
    }

    fn running_delivery(self: &Arc<Self>, at: usize) -> Option<Delivery> {
        let hand = self.slot().lock();
        hand.running().get(at).map(|leased| Delivery::of(leased, self))
    }

    /// Ends a batch: `results` is empty if all events are well that could be decoded.
    pub(super) fn end_many(
        &self,
        results: Vec<Result<(), Arc<dyn std::error::Error + Send + Sync>>>,
        unread: Vec<(usize, AttemptError)>,
    ) {
        self.measure();
        if results.is_empty() && unread.is_empty() {
            return self.end_running_well();
        }
        let mut results = results.into_iter();
        let mut unread = unread.into_iter().peekable();
        for at in 0.. {
            let taken = self.slot().lock().take_running();
            let Some(leased) = taken else { return };
            let outcome = match unread.next_if(|(place, _)| *place == at) {
                Some((_, error)) => AttemptOutcome::Failed(error),
                None => match results.next() {
                    Some(Err(error)) => AttemptOutcome::Failed(AttemptError::Failed(error)),
                    Some(Ok(())) | None => AttemptOutcome::Handled,
                },
            };
            self.end_taken(leased, outcome);
        }
    }

    fn end_running_well(&self) {
        let keys = self.slot().lock().done_all();
        for key in keys {
            self.consumer.scheduler.release(key);
        }
    }

    /// Ends all that run, in the same way.
    pub(super) fn end_running_all(&self, outcome: &AttemptOutcome) {
        // The last first: what is put back stands in its old order.
        let mut running = Vec::new();
        while let Some(leased) = self.slot().lock().take_running() {
            running.push(leased);
        }
        for leased in running.into_iter().rev() {
            let one = match outcome {
                AttemptOutcome::Interrupted => AttemptOutcome::Interrupted,
                AttemptOutcome::Failed(error) => AttemptOutcome::Failed(error.clone()),
                AttemptOutcome::Handled => AttemptOutcome::Handled,
                AttemptOutcome::Ignored => AttemptOutcome::Ignored,
            };
            self.end_taken(leased, one);
        }
    }
}
