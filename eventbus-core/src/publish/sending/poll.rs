//! The future of one event's publishing.

use std::task::{Context, Poll, ready};

use tokio::{runtime::Handle, time::sleep_until};

use super::{
    fairness,
    options::SendingState,
    sending::{Attempt, Rejected, Sending},
    wait::{SendingWait, Timer, WaitEnd, stop},
};
use crate::transport::{BoxFuture, Content, Message};

impl<'b> Sending<'b> {
    /// Whether it may begin: if not, it gives way to others first, and has been woken.
    pub(in crate::publish) fn may_begin(&mut self, cx: &Context<'_>) -> bool {
        self.find_cause();
        // A handler does not wait, not even for this.
        self.is_inside() || !fairness::gives_way(cx)
    }

    /// Publishes the content, at once if that goes without waiting.
    pub(in crate::publish) fn begin(&mut self, content: Content, cx: &mut Context<'_>) -> Poll<Result<(), Rejected>> {
        match self.first_attempt(content) {
            Attempt::Ended(result) => return Poll::Ready(result),
            Attempt::Full(message) => self.wait_for_room(message),
            Attempt::WouldWait(message) => {
                if let Some(rejected) = self.send(message) {
                    return Poll::Ready(self.ended(Err(rejected)));
                }
            }
        }
        self.poll(cx)
    }

    /// Goes on waiting.
    pub(in crate::publish) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejected>> {
        if matches!(self.options().state, SendingState::Idle) {
            panic!("this event has been published, or handed back; it can be awaited once")
        }
        let polled = self.inside(|sending| sending.go_on(cx));
        let Poll::Ready(result) = polled else {
            fairness::has_waited();
            return Poll::Pending;
        };
        if let Some(options) = &mut self.options {
            options.waiting = None;
        }
        Poll::Ready(self.ended(result))
    }

    /// What stops the wait when its time is up.
    fn timer(&mut self) -> Timer {
        let Some(limit) = self.options().limit else { return Timer::Never };
        let Some(runtime) = Handle::try_current().ok().or_else(|| self.bus.own_runtime()) else { return Timer::Now };
        let _entered = runtime.enter();
        let options = self.options();
        if options.deadline.is_none() {
            options.deadline = limit.deadline();
        }
        options.deadline.map_or(Timer::Never, |at| Timer::At(sleep_until(at)))
    }

    fn wait(&mut self, room: Option<BoxFuture<'b, ()>>) {
        if let Some(waiting) = &mut self.options().waiting {
            waiting.room = room;
            return;
        }
        let (timer, publishing) = (self.timer(), self.publishing);
        let options = self.options();
        let stop = stop(&options.tokens, std::mem::take(&mut options.until), timer);
        options.waiting = Some(SendingWait { room, stop, closing: Box::pin(publishing.closing.cancelled()) });
    }

    fn wait_for_room(&mut self, message: Message) {
        self.options().state = SendingState::Offered(message);
        let room = self.publishing.room();
        self.wait(Some(room));
    }

    /// Puts the message into the outbox; unless nobody could tell when the wait for its answer is over.
    fn send(&mut self, message: Message) -> Option<Rejected> {
        if matches!(self.timer(), Timer::Now) {
            self.options().state = SendingState::Offered(message);
            return Some(self.stopped(&WaitEnd::TimedOut));
        }
        let sent = self.options().bytes.as_ref().unwrap_or(&message).clone();
        let ticket = self.publishing.outbox.enqueue(sent);
        self.options().state = SendingState::Sent(message, ticket);
        self.wait(None);
        None
    }

    fn go_on(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejected>> {
        // How often there was no room in this poll: a transport that says at once that there is room, and has none, must not
        // hold the thread.
        let mut refusals = 0;
        loop {
            let mut has_room = true;
            if let SendingState::Sent(_, ticket) = self.options().state {
                if self.publishing.outbox.is_pending(ticket, cx) {
                    return self.poll_stop(cx);
                }
            } else if let Some(room) = self.options().waiting.as_mut().and_then(|waiting| waiting.room.as_mut()) {
                // Tried after it has begun to listen, so that room made in between is not missed.
                has_room = room.as_mut().poll(cx).is_ready();
            }
            let attempt = match std::mem::take(&mut self.options().state) {
                SendingState::Offered(message) => self.attempt(message),
                SendingState::Sent(message, ticket) => match self.publishing.outbox.take_answer(ticket) {
                    Ok(()) => self.accepted(),
                    Err(refusal) => self.refused(refusal, message),
                },
                SendingState::Idle => unreachable!("it waits"),
            };
            match attempt {
                Attempt::Ended(result) => return Poll::Ready(result),
                Attempt::WouldWait(message) => {
                    if let Some(rejected) = self.send(message) {
                        return Poll::Ready(Err(rejected));
                    }
                }
                Attempt::Full(message) if !has_room => {
                    self.options().state = SendingState::Offered(message);
                    return self.poll_stop(cx);
                }
                Attempt::Full(message) => {
                    self.wait_for_room(message);
                    refusals += 1;
                    if refusals > 1 {
                        let stopped = self.poll_stop(cx);
                        if stopped.is_pending() {
                            cx.waker().wake_by_ref();
                        }
                        return stopped;
                    }
                }
            }
        }
    }

    fn poll_stop(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejected>> {
        let Some(waiting) = &mut self.options().waiting else { unreachable!("it waits") };
        // What has been sent has its answer, or not: a shutdown does not change that.
        if waiting.room.is_some() && waiting.closing.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(self.stopped(&WaitEnd::Closing)));
        }
        let stop = ready!(waiting.stop.as_mut().poll(cx));
        Poll::Ready(Err(self.stopped(&stop)))
    }
}
