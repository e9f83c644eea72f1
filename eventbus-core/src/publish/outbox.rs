//! Messages on their way to a transport that answers later.
//!
//! Publishers that wait at the same time share a batch, and one batch is under way at a time (B2). Whichever
//! publisher is polled polls the transport's future. So does a task, the driver, as long as there is something to send: a
//! publisher may give up, or be kept without being polled, and a runtime may stand still or go away.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll, Wake, Waker},
};

use tokio::runtime::{self, Handle};

use super::{
    answer::{Contained, isolated},
    notices::Notices,
};
use crate::{
    event::isolate,
    interleave,
    sync::{Mutex, lock},
    transport::{Message, Operation, Refusal, Transport},
};

type Results = Vec<Result<(), Refusal>>;

/// A message in the outbox; later ones are greater.
pub(super) type Ticket = u64;

pub(super) struct Outbox {
    transport: Arc<dyn Transport>,
    max_batch: usize,
    notices: Arc<Notices>,
    state: Mutex<State>,
    waker: Waker,
}

#[derive(Default)]
struct State {
    items: BTreeMap<Ticket, Item>,
    last_ticket: Ticket,
    flight: Flight,
    /// The transport has woken the outbox while somebody was polling its future.
    is_woken: bool,
    /// Where the driver runs, if there is one.
    driver_runtime: Option<runtime::Id>,
    driver: Option<Waker>,
}

struct Item {
    stage: Stage,
    waker: Option<Waker>,
    /// Where its publisher was polled last.
    runtime: Option<runtime::Id>,
}

enum Stage {
    Queued(Message),
    Sent,
    Answered(Result<(), Refusal>),
}

/// The batch that is under way.
#[derive(Default)]
enum Flight {
    #[default]
    None,
    Waits(Batch),
    /// A publisher polls it right now.
    Polled,
}

struct Batch {
    tickets: Vec<Ticket>,
    future: Contained<'static, Results>,
    /// The runtime in which it was begun, until a driver has been started there.
    runtime: Option<Handle>,
}

impl Outbox {
    pub(super) fn new(transport: Arc<dyn Transport>, max_batch: usize, notices: Arc<Notices>) -> Arc<Self> {
        Arc::new_cyclic(|outbox: &Weak<Self>| {
            let waker = Waker::from(Arc::new(OutboxWaker(outbox.clone())));
            Self { transport, max_batch: max_batch.max(1), notices, state: Mutex::default(), waker }
        })
    }

    /// Whether nothing is queued or under way.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.state).items.is_empty()
    }

    pub(super) fn enqueue(&self, message: Message) -> Ticket {
        let mut state = lock(&self.state);
        state.last_ticket += 1;
        let ticket = state.last_ticket;
        state.items.insert(ticket, Item { stage: Stage::Queued(message), waker: None, runtime: None });
        ticket
    }

    /// Polls for the answer to a message, and moves the batch that is under way; whether the answer is still missing.
    pub(super) fn is_pending(self: &Arc<Self>, ticket: Ticket, cx: &mut Context<'_>) -> bool {
        let mut waker = Some(cx.waker().clone());
        let runtime = Handle::try_current().ok().map(|runtime| runtime.id());
        let mut is_noted = false;
        loop {
            let batch = {
                let mut state = lock(&self.state);
                let Some(item) = state.items.get_mut(&ticket) else { return false };
                if let Stage::Answered(_) = item.stage {
                    return false;
                }
                // Once: another time would put the old one back. It is dropped where no lock is held.
                if !std::mem::replace(&mut is_noted, true) {
                    std::mem::swap(&mut item.waker, &mut waker);
                }
                item.runtime = runtime;
                match std::mem::replace(&mut state.flight, Flight::Polled) {
                    Flight::Waits(batch) => {
                        state.is_woken = false;
                        batch
                    }
                    Flight::None => self.next_batch(&mut state),
                    // Another publisher polls it, and sees to those that wait.
                    Flight::Polled => return true,
                }
            };
            if self.is_under_way(batch) {
                self.start_driver();
                return true;
            }
        }
    }

    /// The batch that is to be sent now.
    fn next_batch(&self, state: &mut State) -> Batch {
        let (tickets, messages) = state.take_queued(self.max_batch);
        state.is_woken = false;
        let future = Contained::new(Box::pin(send(Arc::clone(&self.transport), messages)));
        Batch { tickets, future, runtime: Handle::try_current().ok() }
    }

    fn start_driver(self: &Arc<Self>) {
        let runtime = {
            let mut state = lock(&self.state);
            let State { flight: Flight::Waits(batch), driver_runtime: at @ None, .. } = &mut *state else { return };
            // Once for each batch: a runtime that has gone drops it at once.
            let Some(runtime) = batch.runtime.take() else { return };
            *at = Some(runtime.id());
            runtime
        };
        interleave::spawn(&runtime, Driver { outbox: Arc::downgrade(self), has_ended: false });
    }

    /// Polls the batch, which was taken out for that; `true` if it waits, `false` if there is more to do.
    fn is_under_way(&self, mut batch: Batch) -> bool {
        match Pin::new(&mut batch.future).poll(&mut Context::from_waker(&self.waker)) {
            Poll::Pending => {
                let mut state = lock(&self.state);
                state.flight = Flight::Waits(batch);
                !state.is_woken
            }
            Poll::Ready(Ok(results)) => {
                self.answer(batch.tickets, results);
                false
            }
            Poll::Ready(Err(message)) => {
                let unknown = |_: &Ticket| Err(Refusal::Unknown(format!("the transport panicked: {message}").into()));
                let results = batch.tickets.iter().map(unknown).collect();
                self.answer(batch.tickets, results);
                false
            }
        }
    }

    /// Stops waiting; whether the message has been sent, and has no answer.
    pub(super) fn leave(self: &Arc<Self>, ticket: Ticket) -> bool {
        let (item, left) = {
            let mut state = lock(&self.state);
            let item = state.items.remove(&ticket);
            (item, if state.driver_runtime.is_some() { None } else { state.take_left() })
        };
        // Its drop is contained.
        drop(left);
        matches!(item, Some(Item { stage: Stage::Sent, .. }))
    }

    /// Takes the answer that has come.
    pub(super) fn take_answer(&self, ticket: Ticket) -> Result<(), Refusal> {
        let item = lock(&self.state).items.remove(&ticket);
        match item {
            Some(Item { stage: Stage::Answered(answer), .. }) => answer,
            _ => Err(Refusal::Unknown("the answer has been given before".into())),
        }
    }

    fn answer(&self, tickets: Vec<Ticket>, results: Results) {
        let mut results = results.into_iter();
        let mut wakers = Vec::new();
        let mut unheard = Vec::new();
        {
            let mut state = lock(&self.state);
            for ticket in tickets {
                let silent = || Err(Refusal::Unknown("the transport gave no result".into()));
                let result = results.next().unwrap_or_else(silent);
                match state.items.get_mut(&ticket) {
                    Some(item) => {
                        item.stage = Stage::Answered(result);
                        wakers.extend(item.waker.take());
                    }
                    None => unheard.push(result),
                }
            }
            state.flight = Flight::None;
            // Somebody must see to the next batch.
            wakers.extend(state.wakers());
        }
        wakers.into_iter().for_each(Waker::wake);
        for result in unheard {
            // No publisher is there to tell it.
            if let Err(Refusal::Failed(error) | Refusal::Unknown(error)) = result {
                self.notices.error(Operation::Publish, None, error);
            }
        }
    }
}

async fn send(transport: Arc<dyn Transport>, messages: Vec<Message>) -> Results {
    let results = match isolated(transport.publish(&messages)).await {
        Ok(results) => results,
        // Silent, or it panicked: nobody knows.
        Err(text) => messages.iter().map(|_| Err(Refusal::Unknown((*text).into()))).collect(),
    };
    for message in messages {
        let _ = isolate(|| drop(message));
    }
    results
}

impl State {
    fn take_queued(&mut self, max: usize) -> (Vec<Ticket>, Vec<Message>) {
        let (mut tickets, mut messages) = (Vec::new(), Vec::new());
        for (ticket, item) in &mut self.items {
            if messages.len() == max {
                break;
            }
            if let Stage::Queued(_) = item.stage
                && let Stage::Queued(message) = std::mem::replace(&mut item.stage, Stage::Sent)
            {
                tickets.push(*ticket);
                messages.push(message);
            }
        }
        (tickets, messages)
    }

    fn has_queued(&self) -> bool {
        self.items.values().any(|item| matches!(item.stage, Stage::Queued(_)))
    }

    /// The wakers of the driver, and of all publishers that must not rely on it: its runtime may stand still while theirs does not.
    fn wakers(&mut self) -> Vec<Waker> {
        let (driver, at) = (self.driver.take(), self.driver_runtime);
        let others = self.items.values_mut().filter(|item| at.is_none() || item.runtime != at);
        others.filter_map(|item| item.waker.take()).chain(driver).collect()
    }

    /// Takes out the batch that is under way, if no publisher waits. What was sent and not answered is unknown to its publishers
    /// already (T3).
    fn take_left(&mut self) -> Option<Batch> {
        if self.items.values().any(|item| !matches!(item.stage, Stage::Answered(_))) {
            return None;
        }
        match std::mem::take(&mut self.flight) {
            Flight::Waits(batch) => Some(batch),
            other => {
                self.flight = other;
                None
            }
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        // So that its task ends, too.
        let driver = lock(&self.state).driver.take();
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

/// Polls batches until there are none, or the outbox is gone. It may be dropped before, with its runtime: publishers that wait go on
/// then, and without one the batch is dropped.
struct Driver {
    outbox: Weak<Outbox>,
    has_ended: bool,
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(outbox) = self.outbox.upgrade() else { return Poll::Ready(()) };
        loop {
            let batch = {
                let mut state = lock(&outbox.state);
                state.driver = Some(cx.waker().clone());
                match std::mem::replace(&mut state.flight, Flight::Polled) {
                    Flight::Waits(batch) => {
                        state.is_woken = false;
                        batch
                    }
                    Flight::None if state.has_queued() => outbox.next_batch(&mut state),
                    Flight::None => {
                        // In one step with the look: what is queued from here on finds no driver.
                        (state.flight, state.driver_runtime, state.driver) = (Flight::None, None, None);
                        drop(state);
                        self.has_ended = true;
                        return Poll::Ready(());
                    }
                    // A publisher polls it.
                    Flight::Polled => return Poll::Pending,
                }
            };
            if outbox.is_under_way(batch) {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let Some(outbox) = self.outbox.upgrade().filter(|_| !self.has_ended) else { return };
        let (left, wakers) = {
            let mut state = lock(&outbox.state);
            (state.driver_runtime, state.driver) = (None, None);
            (state.take_left(), state.wakers())
        };
        drop(left);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Wakes those who see to the batch that is under way.
struct OutboxWaker(Weak<Outbox>);

impl Wake for OutboxWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(outbox) = self.0.upgrade() else { return };
        let wakers = {
            let mut state = lock(&outbox.state);
            state.is_woken = true;
            state.wakers()
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}
