//! A worker: it leases deliveries, and polls their handlers where it stands.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::{
    attempt::AttemptOutcome, desk::Desk, guards::DeliveryGuards, handler::Handlers, intake, lane::Lane,
    state::ConsumerState, turn::Step,
};
use crate::{
    call::{Cause, Frame},
    event::isolate,
    interleave,
    publish::AttemptError,
    transport::Operation,
};

/// A handler that takes longer than this on average is not quick: deliveries behind it are better off elsewhere.
const QUICK: Duration = Duration::from_micros(20);

/// The same where a reader task leases, which costs a round trip each time.
const QUICK_BESIDE_A_READ: Duration = Duration::from_micros(200);

pub(super) async fn work(consumer: Arc<ConsumerState>, at: usize, handlers: Handlers) {
    let mut worker = Worker::new(Arc::new(Desk::new(consumer, at)), handlers);
    let desk = Arc::clone(&worker.desk);
    let consumer = &desk.consumer;
    while intake::fill(&desk).await {
        let began = Instant::now();
        let mut has_waited = false;
        loop {
            interleave::point().await;
            match desk.step() {
                Step::None => break,
                Step::Unhandled => worker.end_unhandled(),
                Step::Handle(route) => {
                    if consumer.admits_each && !desk.take_permit() {
                        has_waited = true;
                        consumer.shrink_batch();
                        consumer.settle_ended(&desk).await;
                        desk.wait_for_permit().await;
                        continue;
                    }
                    if consumer.routes.all[route].batch.is_some() {
                        has_waited |= worker.handle_batch(route).await;
                    } else {
                        has_waited |= worker.handle(route).await;
                    }
                }
            }
        }
        let (rest, ended) = desk.slot().lock().take_all();
        let count = ended.len();
        consumer.scheduler.hand_over(rest);
        consumer.settle_of(&desk, ended).await;
        if !has_waited {
            let quick = if consumer.reads_directly { QUICK } else { QUICK_BESIDE_A_READ };
            let is_quick = began.elapsed() <= quick * u32::try_from(count).unwrap_or(u32::MAX);
            if is_quick { consumer.grow_batch() } else { consumer.halve_batch() }
        }
        if !consumer.scheduler.is_stopping() {
            // Handlers that never wait must not keep others from this thread.
            tokio::task::coop::consume_budget().await;
        }
    }
    if consumer.scheduler.is_swept() {
        // This worker was held up beyond the stop.
        consumer.give_back_now();
    }
}

/// Owned by the worker's task: dropped with it, what is in hand goes back.
struct Worker {
    desk: Arc<Desk>,
    handlers: Handlers,
    /// One for each handler, made when it is first needed.
    lanes: Vec<Option<Lane>>,
    /// What interceptors have put around what is being handled.
    guards: DeliveryGuards,
}

impl Worker {
    fn new(desk: Arc<Desk>, handlers: Handlers) -> Self {
        let lanes = handlers.iter().map(|_| None).collect();
        Self { desk, handlers, lanes, guards: DeliveryGuards::default() }
    }

    /// Polls a lane, inside the frame of what it handles, or is to handle: `true` once its handler does not wait any more.
    fn poll_lane(&mut self, route: usize, is_running: bool, cx: &mut Context<'_>) -> bool {
        let desk = &self.desk;
        let cause = if is_running || desk.is_intercepted() {
            desk.cause()
        } else {
            // The lane begins a delivery and sets its cause, before any code of the user runs.
            Some(Cause::unknown(desk.consumer.bus_id))
        };
        let Some(cause) = cause else { return true };
        if desk.is_intercepted() {
            return self.poll_intercepted(route, &cause, cx);
        }
        let lane =
            self.lanes[route].get_or_insert_with(|| Arc::clone(&self.handlers[route]).lane(Arc::clone(desk), route));
        let polled = {
            let _frame = Frame::enter_handler(&cause);
            isolate(|| _ = lane.as_mut().poll(cx))
        };
        if let Err(message) = polled {
            self.end_panicked(route, message);
        }
        !self.desk.slot().lock().is_running()
    }

    /// Ends what a handler has panicked over: one delivery, or all of a batch.
    #[cold]
    fn end_panicked(&mut self, route: usize, message: Arc<str>) {
        self.desk.measure();
        // First the lane: what is dropped with it runs inside the delivery.
        self.drop_lane(route);
        self.desk.end_running_all(&AttemptOutcome::Failed(AttemptError::Panicked(message)));
    }

    /// The same inside of what interceptors put around the delivery. They are asked before it begins; each delivery has a poll of
    /// its own, or several.
    #[cold]
    fn poll_intercepted(&mut self, route: usize, cause: &Cause, cx: &mut Context<'_>) -> bool {
        let desk = Arc::clone(&self.desk);
        let _frame = Frame::enter_handler(cause);
        let is_running = desk.slot().lock().is_running();
        if !is_running
            && let Some(interceptors) = desk.interceptors()
            && !self.guards.ask_next(interceptors, &desk, route)
        {
            return true;
        }
        let lane =
            self.lanes[route].get_or_insert_with(|| Arc::clone(&self.handlers[route]).lane(Arc::clone(&desk), route));
        if let Err(message) = self.guards.part(|| isolate(|| _ = lane.as_mut().poll(cx))) {
            self.end_panicked(route, message);
        }
        let is_done = !desk.slot().lock().is_running();
        if is_done {
            self.guards.end(&desk);
        }
        is_done
    }

    /// Ends the next delivery in hand, which no handler takes.
    fn end_unhandled(&mut self) {
        if let Some(interceptors) = self.desk.interceptors() {
            self.guards.show_unhandled(interceptors, &self.desk);
        }
        self.desk.end_unhandled();
        self.guards.end(&self.desk);
    }

    /// Drops a lane, and with it the handler's future.
    fn drop_lane(&mut self, route: usize) {
        let lane = self.lanes[route].take();
        let cause =
            self.desk.slot().lock().running().first().map(|leased| leased.message.cause(self.desk.consumer.bus_id));
        let _frame = cause.as_ref().map(Frame::enter_handler);
        let _ = self.guards.part(|| isolate(|| drop(lane)));
    }

    /// Handles deliveries until one is for another handler, or none is left; whether a handler has waited.
    async fn handle(&mut self, route: usize) -> bool {
        let is_done = poll_fn(|cx| Poll::Ready(self.poll_lane(route, false, cx))).await;
        if is_done {
            return false;
        }
        self.wait_for_handler(route).await;
        true
    }

    /// The handler waits: others take what is behind it, and what has been handled is told.
    async fn wait_for_handler(&mut self, route: usize) {
        interleave::point().await;
        let desk = Arc::clone(&self.desk);
        let consumer = &desk.consumer;
        consumer.shrink_batch();
        let (rest, ended, began) = {
            let mut hand = desk.slot().lock();
            (hand.take_rest(), hand.take_ended(), hand.began())
        };
        consumer.scheduler.hand_over(rest);
        let _waiting = HandlerWaits::new(consumer);
        let mut settling = pin!(consumer.settle(ended));
        let mut is_settled = false;
        let deadline = consumer.timeout.zip(began).map(|(limit, began)| (limit, began.checked_add(limit)));
        let time_is_up = async {
            match deadline {
                Some((limit, Some(at))) => {
                    sleep_until(at).await;
                    limit
                }
                _ => std::future::pending().await,
            }
        };
        let mut handled = pin!(poll_fn(|cx| {
            // Beside the handler: it does not wait for the transport.
            if !is_settled {
                is_settled = settling.as_mut().poll(cx).is_ready();
            }
            if self.poll_lane(route, true, cx) { Poll::Ready(()) } else { Poll::Pending }
        }));
        let stopped = tokio::select! {
            biased;
            () = &mut handled => None,
            () = consumer.cancel.cancelled() => Some(AttemptOutcome::Interrupted),
            limit = time_is_up => Some(AttemptOutcome::Failed(AttemptError::TimedOut(limit))),
        };
        if let Some(outcome) = stopped {
            if matches!(outcome, AttemptOutcome::Failed(_)) {
                desk.measure();
            }
            self.drop_lane(route);
            desk.end_running_all(&outcome);
            self.guards.end(&desk);
        }
        if !is_settled {
            settling.await;
        }
    }

    /// Handles deliveries together; whether the handler has waited.
    async fn handle_batch(&mut self, route: usize) -> bool {
        let desk = Arc::clone(&self.desk);
        let Some((max, longest)) = desk.consumer.routes.all[route].batch else { return false };
        intake::fill_batch(&desk, route, max, longest).await;
        if !desk.begin_many(route, max) {
            return false;
        }
        // A lane for batches handles one, and ends.
        self.drop_idle_lane(route);
        if let Some(interceptors) = desk.interceptors() {
            self.guards.ask_running(interceptors, &desk, route);
            if !desk.slot().lock().is_running() {
                return false;
            }
        }
        let is_done = poll_fn(|cx| Poll::Ready(self.poll_lane(route, true, cx))).await;
        if !is_done {
            self.wait_for_handler(route).await;
        }
        self.drop_idle_lane(route);
        !is_done
    }

    fn drop_idle_lane(&mut self, route: usize) {
        let lane = self.lanes[route].take();
        let _ = isolate(|| drop(lane));
    }
}

/// A handler waits, until it is dropped: the source wakes other workers meanwhile.
struct HandlerWaits<'c>(&'c ConsumerState);

impl<'c> HandlerWaits<'c> {
    fn new(consumer: &'c ConsumerState) -> Self {
        let waits = Self(consumer);
        waits.tell(true);
        waits
    }

    fn tell(&self, waits: bool) {
        // Where a reader task leases, no worker comes back to the source.
        if self.0.reads_directly
            && let Err(panic) = isolate(|| self.0.source.worker_waits(waits))
        {
            self.0.transport_error(Operation::Read, &*panic);
        }
    }
}

impl Drop for HandlerWaits<'_> {
    fn drop(&mut self) {
        self.tell(false);
    }
}

impl Drop for Worker {
    /// The task has ended, or was dropped with its runtime.
    fn drop(&mut self) {
        for route in 0..self.lanes.len() {
            self.drop_lane(route);
        }
        let consumer = &self.desk.consumer;
        self.desk.end_running_all(&AttemptOutcome::Interrupted);
        self.guards.end(&self.desk);
        let (rest, ended) = self.desk.slot().lock().take_all();
        consumer.scheduler.hand_over(rest);
        consumer.settle_now(ended);
        if consumer.scheduler.is_swept() {
            // Nobody else looks any more.
            consumer.give_back_now();
        }
    }
}
