//! What a lane does between two runs of its handler. Nothing here depends on the handler's types, so it is compiled once.

use std::{
    any::Any,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use super::{
    Delivery,
    content::{any_event, shared_of},
    desk::Desk,
};
use crate::{call::AnyEvent, event::EventType, listener::BoxError, publish::AttemptError, transport::BoxFuture};

/// A worker's future for one handler.
pub(super) type Lane = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a lane keeps from one delivery to the next.
pub(super) struct LaneState {
    desk: Arc<Desk>,
    /// The number of its handler.
    route: usize,
    /// How the handler has ended, until the desk is told.
    ended: Option<Result<(), AttemptError>>,
    /// What a test has put before the handler's code, and the delivery that has begun.
    before: Option<(BoxFuture<'static, Result<(), BoxError>>, Delivery)>,
}

impl LaneState {
    pub(super) fn new(desk: Arc<Desk>, route: usize) -> Self {
        Self { desk, route, ended: None, before: None }
    }

    /// Notes how the handler has ended.
    #[inline]
    pub(super) fn end(&mut self, result: Result<(), BoxError>) {
        self.ended = Some(result.map_err(AttemptError::of));
    }

    /// The event of a delivery as one of type `event`; `None` if it cannot be read as that, which is how the delivery ends.
    pub(super) fn typed(
        &mut self,
        event: &'static EventType,
        delivery: &Delivery,
    ) -> Option<Arc<dyn Any + Send + Sync>> {
        let read = shared_of(event, delivery.message(), &self.desk.consumer.routes.versions);
        self.readable(read)
    }

    /// The same for a handler by pattern.
    pub(super) fn named(&mut self, delivery: &Delivery) -> Option<AnyEvent<'static>> {
        self.readable(any_event(delivery.message()))
    }

    #[inline]
    fn readable<T>(&mut self, read: Result<T, AttemptError>) -> Option<T> {
        match read {
            Ok(event) => Some(event),
            Err(error) => {
                self.ended = Some(Err(error));
                None
            }
        }
    }
}

/// Ends the delivery that the handler has had, and begins the next one. Pending once that is not for this handler. It can be awaited
/// again and again.
impl Future for LaneState {
    type Output = Delivery;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Delivery> {
        let state = self.get_mut();
        loop {
            if let Some((before, _)) = &mut state.before {
                let result = ready!(before.as_mut().poll(cx));
                match (result, state.before.take()) {
                    (Ok(()), Some((_, delivery))) => return Poll::Ready(delivery),
                    // The handler's code is not to run.
                    (result, _) => state.end(result),
                }
            }
            let Some(delivery) = state.desk.turn(state.route, &mut state.ended) else { return Poll::Pending };
            match state.desk.before_handler() {
                None => return Poll::Ready(delivery),
                Some(before) => state.before = Some((before, delivery)),
            }
        }
    }
}
