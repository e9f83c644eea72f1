//! Publishing many events in one batch.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio_util::sync::WaitForCancellationFutureOwned;

use super::super::{error::Why, outbox::Ticket};
use super::{
    guard::PublishGuard,
    sending::{Attempt, NOT_TAKEN, Rejected, Sending, TAKEN},
};
use crate::{
    emission::Bus,
    event::isolate,
    transport::{BoxFuture, Content, Message, Refusal},
};

/// The publishing of a batch.
pub(in crate::publish) struct SendingAll<'b> {
    /// Checks and counts, one message after the other.
    one: Sending<'b>,
    items: Vec<BatchItem>,
    /// What interceptors have put around each; none, if there are no interceptors.
    guards: Vec<PublishGuard>,
    room: Option<BoxFuture<'b, ()>>,
    closing: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

enum BatchItem {
    /// With its form in bytes, where the transport carries bytes.
    Offered(Message, Option<Message>),
    Sent(Message, Option<Message>, Ticket),
    Ended(Option<Result<(), Rejected>>),
}

impl<'b> SendingAll<'b> {
    /// Offers the events.
    pub(in crate::publish) fn new(bus: &'b Bus, contents: &mut dyn ExactSizeIterator<Item = Content>) -> Self {
        let mut one = Sending::new(bus);
        one.find_cause();
        let count = contents.len();
        let mut guards = Vec::new();
        let mut offer = |content| {
            let offered = one.offer(content, count);
            let (bytes, guard) = match &mut one.options {
                Some(options) => (options.bytes.take(), std::mem::take(&mut options.guard)),
                None => (None, PublishGuard::none()),
            };
            guards.push(guard);
            match offered {
                Ok(message) => BatchItem::Offered(message, bytes),
                Err(ended) => BatchItem::Ended(Some(ended)),
            }
        };
        let items = contents.map(&mut offer).collect();
        Self { one, items, guards, room: None, closing: None }
    }

    pub(in crate::publish) fn len(&self) -> usize {
        self.items.len()
    }

    pub(in crate::publish) fn ended(&self) -> usize {
        self.items.iter().filter(|item| matches!(item, BatchItem::Ended(_))).count()
    }

    /// Takes back the messages that were not published, in their order.
    pub(in crate::publish) fn take_back(&mut self) -> Vec<Message> {
        self.end_guards();
        let (publishing, items) = (self.one.publishing, std::mem::take(&mut self.items));
        let message = |item| match item {
            BatchItem::Offered(message, _) => {
                publishing.intake.rejected.add(1);
                Some(message)
            }
            BatchItem::Sent(message, _, ticket) => {
                let was_sent = publishing.outbox.leave(ticket);
                if was_sent { &publishing.intake.unknown } else { &publishing.intake.rejected }.add(1);
                Some(message)
            }
            BatchItem::Ended(result) => result?.err().map(|rejected| rejected.message),
        };
        items.into_iter().filter_map(message).collect()
    }

    pub(in crate::publish) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Vec<Result<(), Rejected>>> {
        // Whether there was no room although the transport said so: such a transport must not hold the thread.
        let mut was_wrong = false;
        loop {
            let mut has_room = false;
            if let Some(room) = &mut self.room {
                has_room = room.as_mut().poll(cx).is_ready();
            }
            let is_full = self.send();
            if !self.poll_answers(cx) {
                return Poll::Pending;
            }
            if !is_full {
                if self.ended() == self.items.len() {
                    return Poll::Ready(self.take_results());
                }
                // Answers have brought messages back for which there was no room.
                continue;
            }
            if self.is_closing(cx) {
                self.end_offered();
                continue;
            }
            if self.room.is_some() && !has_room {
                return Poll::Pending;
            }
            self.room = Some(self.one.publishing.room());
            if has_room && std::mem::replace(&mut was_wrong, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    /// Sends what is offered; `true` if there was no room for the first that is left.
    fn send(&mut self) -> bool {
        let max = self.one.publishing.capabilities.max_batch.max(1);
        loop {
            let is_offered = |at: &usize| matches!(self.items[*at], BatchItem::Offered(..));
            let chunk: Vec<_> = (0..self.items.len()).filter(is_offered).take(max).collect();
            if chunk.is_empty() {
                return false;
            }
            let Some((first_left, refusal)) = self.try_publish(&chunk) else { continue };
            match refusal {
                Refusal::Full { wait: true, group } if !self.one.is_inside() => {
                    if let BatchItem::Offered(message, _) = &self.items[first_left] {
                        self.one.publishing.notices.waits_for_room(message, &group);
                    }
                    return true;
                }
                Refusal::WouldWait => self.enqueue_offered(),
                other => {
                    if let BatchItem::Offered(message, bytes) = self.take(first_left) {
                        self.items[first_left] = self.ended_with(Err(other), message, bytes);
                    }
                }
            }
        }
    }

    /// Offers messages to the transport, and ends those that it has taken; what it says to the first that it has left.
    fn try_publish(&mut self, chunk: &[usize]) -> Option<(usize, Refusal)> {
        let publishing = self.one.publishing;
        if !publishing.outbox.is_empty() {
            // Behind those that wait for its answer: order is kept.
            return Some((chunk[0], Refusal::WouldWait));
        }
        let slot = |at: &usize| match &self.items[*at] {
            BatchItem::Offered(message, bytes) => Some(bytes.as_ref().unwrap_or(message).clone()),
            _ => None,
        };
        let mut slots: Vec<_> = chunk.iter().map(slot).collect();
        let answer = isolate(|| publishing.transport.try_publish(&mut slots));
        let taken: Vec<_> = chunk.iter().zip(&slots).filter(|(_, slot)| slot.is_none()).map(|(at, _)| *at).collect();
        let left = chunk.iter().zip(&slots).find(|(_, slot)| slot.is_some()).map(|(at, _)| *at);
        let _ = isolate(|| drop(slots));
        // What it took behind one that it left, or with an error, may be there or not (T5).
        let (sure, refusal) = match answer {
            Ok(Ok(())) => (left.unwrap_or(usize::MAX), Refusal::Failed(NOT_TAKEN.into())),
            Ok(Err(refusal)) => (left.or(taken.last().copied()).unwrap_or(0), refusal),
            Err(panic) => (0, Refusal::Unknown(format!("the transport panicked: {panic}").into())),
        };
        let accepted = taken.iter().filter(|at| **at < sure).count();
        publishing.intake.accepted.add(accepted as u64);
        for at in taken {
            let BatchItem::Offered(message, bytes) = self.take(at) else { unreachable!("it is offered") };
            self.items[at] = if at < sure {
                let _ = isolate(|| drop(message));
                BatchItem::Ended(Some(Ok(())))
            } else {
                self.ended_with(Err(Refusal::Unknown(format!("{TAKEN}: {refusal:?}").into())), message, bytes)
            };
        }
        left.map(|left| (left, refusal))
    }

    fn enqueue_offered(&mut self) {
        for item in &mut self.items {
            if let BatchItem::Offered(message, bytes) = item {
                let ticket = self.one.publishing.outbox.enqueue(bytes.as_ref().unwrap_or(message).clone());
                if let BatchItem::Offered(message, bytes) = std::mem::replace(item, BatchItem::Ended(None)) {
                    *item = BatchItem::Sent(message, bytes, ticket);
                }
            }
        }
    }

    /// Takes the answers that have come; whether none is missing.
    fn poll_answers(&mut self, cx: &mut Context<'_>) -> bool {
        let mut has_all = true;
        for at in 0..self.items.len() {
            let BatchItem::Sent(_, _, ticket) = &self.items[at] else { continue };
            let ticket = *ticket;
            if self.one.publishing.outbox.is_pending(ticket, cx) {
                has_all = false;
                continue;
            }
            let answer = self.one.publishing.outbox.take_answer(ticket);
            if let BatchItem::Sent(message, bytes, _) = self.take(at) {
                self.items[at] = self.ended_with(answer, message, bytes);
            }
        }
        has_all
    }

    /// What becomes of a message that was answered.
    fn ended_with(&mut self, answer: Result<(), Refusal>, message: Message, bytes: Option<Message>) -> BatchItem {
        let attempt = match answer {
            Ok(()) => self.one.accepted(),
            Err(refusal) => self.one.refused(refusal, message),
        };
        match attempt {
            Attempt::Ended(result) => BatchItem::Ended(Some(result)),
            Attempt::Full(message) | Attempt::WouldWait(message) => BatchItem::Offered(message, bytes),
        }
    }

    fn take(&mut self, at: usize) -> BatchItem {
        std::mem::replace(&mut self.items[at], BatchItem::Ended(None))
    }

    fn is_closing(&mut self, cx: &mut Context<'_>) -> bool {
        let publishing = self.one.publishing;
        let closing = self.closing.get_or_insert_with(|| Box::pin(publishing.closing.clone().cancelled_owned()));
        closing.as_mut().poll(cx).is_ready()
    }

    /// The bus shuts down: what has not been sent is handed back.
    fn end_offered(&mut self) {
        for at in 0..self.items.len() {
            match self.take(at) {
                BatchItem::Offered(message, _) => {
                    self.one.publishing.intake.rejected.add(1);
                    self.items[at] = BatchItem::Ended(Some(Err(Rejected { why: Why::Closed, message })));
                }
                other => self.items[at] = other,
            }
        }
    }

    /// Tells the interceptors what has become of each; those that have not ended are given up.
    fn end_guards(&mut self) {
        for (mut guard, item) in std::mem::take(&mut self.guards).into_iter().zip(&self.items) {
            if let BatchItem::Ended(Some(result)) = item {
                guard.end(result.as_ref().err().map(|rejected| &rejected.why));
            }
        }
    }

    fn take_results(&mut self) -> Vec<Result<(), Rejected>> {
        self.end_guards();
        let result = |item| match item {
            BatchItem::Ended(Some(result)) => result,
            _ => unreachable!("all have ended"),
        };
        std::mem::take(&mut self.items).into_iter().map(result).collect()
    }
}

impl Drop for SendingAll<'_> {
    fn drop(&mut self) {
        for message in self.take_back() {
            // Foreign code, which was not published.
            let _ = isolate(|| drop(message));
        }
    }
}
