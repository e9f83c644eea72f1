//! Messages on their way to a transport that answers later.
//!
//! Publishers that wait at the same time share a batch, and as many batches are under way as the transport allows (B2). Whichever
//! publisher is polled polls the transport's futures. So does a task, the driver, as long as there is something to send: a
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
    transport::{Capabilities, Message, Operation, Refusal, Transport},
};

/// How many messages must wait, at least, before a batch is sent beside another one: a batch costs both sides some system calls and
/// wakes.
const LEAST_BESIDE: usize = 8;

type Results = Vec<Result<(), Refusal>>;

/// A message in the outbox; later ones are greater.
pub(super) type Ticket = u64;

pub(super) struct Outbox {
    transport: Arc<dyn Transport>,
    max_batch: usize,
    /// How many batches may be under way at once.
    max_under_way: usize,
    notices: Arc<Notices>,
    state: Mutex<OutboxState>,
    waker: Waker,
}

#[derive(Default)]
struct OutboxState {
    items: BTreeMap<Ticket, OutboxItem>,
    last_ticket: Ticket,
    /// Those from here on are queued, as many as this.
    next_to_send: Ticket,
    queued: usize,
    flight: Flight,
    /// The transport has woken the outbox since its futures were polled.
    is_woken: bool,
    /// Where the driver runs, if there is one.
    driver_runtime: Option<runtime::Id>,
    driver: Option<Waker>,
}

struct OutboxItem {
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

/// The batches that are under way.
enum Flight {
    /// In the order in which they were sent.
    Waits(Vec<OutboxBatch>),
    /// Somebody polls them right now.
    Polled,
}

impl Default for Flight {
    fn default() -> Self {
        Self::Waits(Vec::new())
    }
}

struct OutboxBatch {
    tickets: Vec<Ticket>,
    future: Contained<'static, Results>,
    /// The runtime in which it was begun, until a driver has been started there.
    runtime: Option<Handle>,
}

impl Outbox {
    pub(super) fn new(transport: Arc<dyn Transport>, can: &Capabilities, notices: Arc<Notices>) -> Arc<Self> {
        let (max_batch, max_under_way) = (can.max_batch.max(1), can.max_under_way.max(1));
        Arc::new_cyclic(|outbox: &Weak<Self>| {
            let waker = Waker::from(Arc::new(OutboxWaker(outbox.clone())));
            Self { transport, max_batch, max_under_way, notices, state: Mutex::default(), waker }
        })
    }

    /// Whether nothing is queued or under way.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.state).items.is_empty()
    }

    pub(super) fn enqueue(&self, message: Message) -> Ticket {
        let mut state = lock(&self.state);
        state.last_ticket += 1;
        state.queued += 1;
        let ticket = state.last_ticket;
        state.items.insert(ticket, OutboxItem { stage: Stage::Queued(message), waker: None, runtime: None });
        ticket
    }

    /// Polls for the answer to a message, and moves the batches that are under way; whether the answer is still missing.
    pub(super) fn is_pending(self: &Arc<Self>, ticket: Ticket, cx: &mut Context<'_>) -> bool {
        let mut waker = Some(cx.waker().clone());
        let runtime = Handle::try_current().ok().map(|runtime| runtime.id());
        let (mut is_noted, mut has_polled) = (false, false);
        loop {
            let batches = {
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
                self.to_poll(&mut state)
            };
            let Some(batches) = batches else { break };
            has_polled = true;
            if self.is_under_way(batches) {
                break;
            }
        }
        if has_polled {
            self.start_driver();
        }
        true
    }

    /// Takes out what is under way, with the batch that is to be sent now; `None` if there is nothing to poll, or somebody else
    /// polls, and sees to those that wait.
    fn to_poll(&self, state: &mut OutboxState) -> Option<Vec<OutboxBatch>> {
        let Flight::Waits(under_way) = &state.flight else { return None };
        let can_send = under_way.len() < self.max_under_way && state.queued >= self.least_queued(state, under_way);
        let must_poll = state.is_woken && !under_way.is_empty();
        if !can_send && !must_poll {
            return None;
        }
        let Flight::Waits(mut batches) = std::mem::replace(&mut state.flight, Flight::Polled) else { return None };
        if can_send {
            let (tickets, messages) = state.take_queued(self.max_batch);
            let future = Contained::new(Box::pin(send(Arc::clone(&self.transport), messages)));
            batches.push(OutboxBatch { tickets, future, runtime: Handle::try_current().ok() });
        }
        state.is_woken = false;
        Some(batches)
    }

    /// How many messages must be queued for a batch to be sent now. While others are under way it is an even share of all that
    /// publishers wait for, so that some are made while others are stored.
    fn least_queued(&self, state: &OutboxState, under_way: &[OutboxBatch]) -> usize {
        if under_way.is_empty() { 1 } else { (state.items.len() / (self.max_under_way + 1)).max(LEAST_BESIDE) }
    }

    fn start_driver(self: &Arc<Self>) {
        let runtime = {
            let mut state = lock(&self.state);
            let OutboxState { flight: Flight::Waits(batches), driver_runtime: at @ None, .. } = &mut *state else {
                return;
            };
            // Once for each batch: a runtime that has gone drops it at once.
            let Some(runtime) = batches.iter_mut().find_map(|batch| batch.runtime.take()) else { return };
            *at = Some(runtime.id());
            runtime
        };
        interleave::spawn(&runtime, Driver { outbox: Arc::downgrade(self), has_ended: false });
    }

    /// Polls the batches, which were taken out for that; `true` if all of them wait, `false` if there may be more to do.
    fn is_under_way(&self, mut batches: Vec<OutboxBatch>) -> bool {
        let mut answers = Vec::new();
        batches.retain_mut(|batch| {
            let answer = Pin::new(&mut batch.future).poll(&mut Context::from_waker(&self.waker));
            let Poll::Ready(answer) = answer else { return true };
            let tickets = std::mem::take(&mut batch.tickets);
            let results = answer.unwrap_or_else(|message| {
                let unknown = |_: &Ticket| Err(Refusal::Unknown(format!("the transport panicked: {message}").into()));
                tickets.iter().map(unknown).collect()
            });
            answers.push((tickets, results));
            false
        });
        if answers.is_empty() {
            let mut state = lock(&self.state);
            state.flight = Flight::Waits(batches);
            return !state.is_woken;
        }
        self.answer(answers, batches);
        false
    }

    /// Stops waiting; whether the message has been sent, and has no answer.
    pub(super) fn leave(self: &Arc<Self>, ticket: Ticket) -> bool {
        let (item, left) = {
            let mut state = lock(&self.state);
            let item = state.items.remove(&ticket);
            state.queued -= usize::from(matches!(item, Some(OutboxItem { stage: Stage::Queued(_), .. })));
            (item, if state.driver_runtime.is_some() { Vec::new() } else { state.take_left() })
        };
        // Its drop is contained.
        drop(left);
        matches!(item, Some(OutboxItem { stage: Stage::Sent, .. }))
    }

    /// Takes the answer that has come.
    pub(super) fn take_answer(&self, ticket: Ticket) -> Result<(), Refusal> {
        let item = lock(&self.state).items.remove(&ticket);
        match item {
            Some(OutboxItem { stage: Stage::Answered(answer), .. }) => answer,
            _ => Err(Refusal::Unknown("the answer has been given before".into())),
        }
    }

    /// Gives answers to those that wait for them; the rest is under way still.
    fn answer(&self, answers: Vec<(Vec<Ticket>, Results)>, rest: Vec<OutboxBatch>) {
        let mut wakers = Vec::new();
        let mut unheard = Vec::new();
        {
            let mut state = lock(&self.state);
            for (tickets, results) in answers {
                let mut results = results.into_iter();
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
            }
            state.flight = Flight::Waits(rest);
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

impl OutboxState {
    fn take_queued(&mut self, max: usize) -> (Vec<Ticket>, Vec<Message>) {
        let (mut tickets, mut messages) = (Vec::new(), Vec::new());
        for (ticket, item) in self.items.range_mut(self.next_to_send..).take(max) {
            if let Stage::Queued(message) = std::mem::replace(&mut item.stage, Stage::Sent) {
                tickets.push(*ticket);
                messages.push(message);
            }
        }
        self.next_to_send = tickets.last().map_or(self.next_to_send, |last| last + 1);
        self.queued -= tickets.len();
        (tickets, messages)
    }

    /// The wakers of the driver, and of all publishers that must not rely on it: its runtime may stand still while theirs does not.
    fn wakers(&mut self) -> Vec<Waker> {
        let (driver, at) = (self.driver.take(), self.driver_runtime);
        let others = self.items.values_mut().filter(|item| at.is_none() || item.runtime != at);
        others.filter_map(|item| item.waker.take()).chain(driver).collect()
    }

    /// Takes out the batches that are under way, if no publisher waits. What was sent and not answered is unknown to its publishers
    /// already (T3).
    fn take_left(&mut self) -> Vec<OutboxBatch> {
        match &mut self.flight {
            Flight::Waits(batches) if self.items.values().all(|item| matches!(item.stage, Stage::Answered(_))) => {
                std::mem::take(batches)
            }
            _ => Vec::new(),
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
            let batches = {
                let mut state = lock(&outbox.state);
                state.driver = Some(cx.waker().clone());
                match (outbox.to_poll(&mut state), &state.flight) {
                    (Some(batches), _) => batches,
                    (None, Flight::Waits(batches)) if batches.is_empty() => {
                        // In one step with the look: what is queued from here on finds no driver.
                        (state.driver_runtime, state.driver) = (None, None);
                        drop(state);
                        self.has_ended = true;
                        return Poll::Ready(());
                    }
                    // They wait, or a publisher polls them.
                    (None, _) => return Poll::Pending,
                }
            };
            if outbox.is_under_way(batches) {
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
            // Whatever it was woken for, others are to see to it.
            (state.driver_runtime, state.driver, state.is_woken) = (None, None, true);
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
