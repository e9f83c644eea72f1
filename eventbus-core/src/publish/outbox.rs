//! Messages on their way to a transport that answers later.
//!
//! Publishers that wait at the same time share a batch, and one batch is under way at a time (B2). No task is needed: the
//! publishers themselves poll the transport's future, whoever is polled; one that gives up leaves that to the next.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll, Wake, Waker},
};

use super::{
    answer::{Contained, isolated},
    notices::Notices,
};
use crate::{
    event::isolate,
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
}

struct Item {
    stage: Stage,
    waker: Option<Waker>,
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
        state.items.insert(ticket, Item { stage: Stage::Queued(message), waker: None });
        ticket
    }

    /// Polls for the answer to a message, and moves the batch that is under way; whether the answer is still missing.
    pub(super) fn is_pending(&self, ticket: Ticket, cx: &mut Context<'_>) -> bool {
        let mut waker = Some(cx.waker().clone());
        let mut is_noted = false;
        loop {
            let mut batch = {
                let mut state = lock(&self.state);
                let Some(item) = state.items.get_mut(&ticket) else { return false };
                if let Stage::Answered(_) = item.stage {
                    return false;
                }
                // Once: another time would put the old one back. It is dropped where no lock is held.
                if !std::mem::replace(&mut is_noted, true) {
                    std::mem::swap(&mut item.waker, &mut waker);
                }
                match std::mem::replace(&mut state.flight, Flight::Polled) {
                    Flight::Waits(batch) => {
                        state.is_woken = false;
                        batch
                    }
                    Flight::None => {
                        let (tickets, messages) = state.next_batch(self.max_batch);
                        state.is_woken = false;
                        drop(state);
                        let transport = Arc::clone(&self.transport);
                        Batch { tickets, future: Contained::new(Box::pin(send(transport, messages))) }
                    }
                    // Another publisher polls it, and sees to those that wait.
                    Flight::Polled => return true,
                }
            };
            match Pin::new(&mut batch.future).poll(&mut Context::from_waker(&self.waker)) {
                Poll::Pending => {
                    let mut state = lock(&self.state);
                    state.flight = Flight::Waits(batch);
                    if !state.is_woken {
                        return true;
                    }
                }
                Poll::Ready(Ok(results)) => self.answer(batch.tickets, results),
                Poll::Ready(Err(message)) => {
                    let unknown =
                        |_: &Ticket| Err(Refusal::Unknown(format!("the transport panicked: {message}").into()));
                    let results = batch.tickets.iter().map(unknown).collect();
                    self.answer(batch.tickets, results);
                }
            }
        }
    }

    /// Stops waiting; whether the message has been sent, and has no answer.
    pub(super) fn leave(&self, ticket: Ticket) -> bool {
        let (item, next) = {
            let mut state = lock(&self.state);
            let item = state.items.remove(&ticket);
            // This one may have been woken, and is not polled any more.
            (item, state.first_waker())
        };
        if let Some(waker) = next {
            waker.wake();
        }
        matches!(item, Some(Item { stage: Stage::Sent, .. }))
    }

    /// Takes the answer that has come.
    pub(super) fn take_answer(&self, ticket: Ticket) -> Result<(), Refusal> {
        let (item, next) = {
            let mut state = lock(&self.state);
            let item = state.items.remove(&ticket);
            // Somebody must see to the next batch.
            let next = if matches!(state.flight, Flight::None) { state.first_waker() } else { None };
            (item, next)
        };
        if let Some(waker) = next {
            waker.wake();
        }
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
    fn next_batch(&mut self, max: usize) -> (Vec<Ticket>, Vec<Message>) {
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

    fn first_waker(&mut self) -> Option<Waker> {
        self.items.values_mut().find_map(|item| item.waker.take())
    }
}

/// Wakes a publisher that waits, whichever.
struct OutboxWaker(Weak<Outbox>);

impl Wake for OutboxWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(outbox) = self.0.upgrade() else { return };
        let waker = {
            let mut state = lock(&outbox.state);
            state.is_woken = true;
            state.first_waker()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
