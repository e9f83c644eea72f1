//! How an event is offered to the transport, sent, waited for, and handed back.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::Instant;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{
    BoxFuture, Message, Publish, PublishError, Refused, has_codec,
    publish::{For, State, Stop, Waiting},
};
use crate::event::{Event, IntoEvent};

/// Waits for the first of them; for ever if there is none.
fn first_of(mut tokens: Vec<Pin<Box<WaitForCancellationFutureOwned>>>) -> impl Future<Output = ()> + Unpin {
    poll_fn(move |cx| {
        let is_ready = |token: &mut Pin<Box<WaitForCancellationFutureOwned>>| token.as_mut().poll(cx).is_ready();
        if tokens.iter_mut().any(is_ready) { Poll::Ready(()) } else { Poll::Pending }
    })
}

impl<'b, I: IntoEvent> Publish<'b, I> {
    /// Makes the message. From here on the event counts as offered.
    fn offer(&mut self) -> Result<(), PublishError<I>> {
        let State::New(event) = std::mem::replace(&mut self.state, State::Done) else {
            unreachable!("only a new one is offered")
        };
        let intake = &self.publishing.intake;
        intake.offered.add(1);
        self.cause = self.bus.cause();
        self.inside = self.cause.is_some_and(|cause| cause.bus == self.bus.id());
        let refused = if self.publishing.is_closed() {
            PublishError::Closed(event)
        } else if let Some(cause) = self.cause.filter(|cause| cause.hops.saturating_add(1) >= self.publishing.max_hops)
        {
            let trail = cause.trail.iter().rev().flatten().map(|event| event.name().as_str().to_owned());
            let chain = trail.chain([I::Event::NAME.as_str().to_owned()]).collect();
            PublishError::TooManyHops { event, hops: self.publishing.max_hops, chain }
        } else if self.publishing.needs_codec() && !has_codec(I::Event::TYPE) {
            PublishError::NoCodec(event)
        } else {
            let source = self.publishing.source;
            let mut message = Message::new(event.into_arc(), source, self.key.take(), self.cause.as_ref());
            if let Some(id) = self.id {
                message.set_id(id);
            }
            self.state = State::Offered(message);
            return Ok(());
        };
        intake.rejected.add(1);
        Err(refused)
    }

    /// Offers the message to the transport.
    fn attempt(&mut self) -> Attempt<I> {
        let State::Offered(message) = std::mem::replace(&mut self.state, State::Done) else {
            unreachable!("it has been offered")
        };
        match self.publishing.transport.try_publish(message) {
            Ok(()) => {
                self.publishing.intake.accepted.add(1);
                Attempt::Ended(Ok(()))
            }
            Err(Refused::Full { message, wait: true }) if !self.inside => {
                self.state = State::Offered(message);
                Attempt::Full
            }
            Err(Refused::WouldWait(message)) => {
                self.state = State::Offered(message);
                Attempt::WouldWait
            }
            Err(refused) => Attempt::Ended(Err(self.refused(refused, None))),
        }
    }

    pub(super) fn at_once(mut self) -> Result<(), PublishError<I>> {
        self.offer()?;
        match self.attempt() {
            Attempt::Ended(result) => result,
            Attempt::Full | Attempt::WouldWait => match self.take_event() {
                Some(event) => Err(PublishError::Full(event)),
                None => unreachable!("it has come back"),
            },
        }
    }

    /// The error of a refusal. Of a message that was sent another handle is `kept`, in case that the one that comes back is
    /// not the only one.
    fn refused(&self, refused: Refused, kept: Option<Message>) -> PublishError<I> {
        let intake = &self.publishing.intake;
        if matches!(refused, Refused::Unknown(..)) {
            intake.unknown.add(1);
        } else {
            intake.rejected.add(1);
        }
        let event = |back: Message| match kept {
            Some(kept) => {
                drop(back);
                event_of(kept)
            }
            None => event_of(back),
        };
        match refused {
            Refused::Full { message, .. } | Refused::WouldWait(message) => PublishError::Full(event(message)),
            Refused::Closed(message) => PublishError::Closed(event(message)),
            Refused::Unwritable(message, error) => PublishError::Unwritable(event(message), error),
            Refused::TooLarge { message, size, limit } => PublishError::TooLarge { event: event(message), size, limit },
            Refused::Unknown(message, source) => {
                PublishError::Unknown { id: message.id(), event: event(message), source }
            }
        }
    }

    fn stopped(&mut self, stop: &Stop) -> PublishError<I> {
        let (sent, id) = match &self.state {
            State::Sent(message) => (true, message.id()),
            State::Offered(message) => (false, message.id()),
            State::New(_) | State::Done => unreachable!("it has been offered"),
        };
        let Some(event) = self.take_event() else { unreachable!("it is still here") };
        match stop {
            _ if sent => PublishError::Unknown { event, id, source: "no answer while it was waited for".into() },
            Stop::Closing => PublishError::Closed(event),
            Stop::Cancelled => PublishError::Cancelled(event),
            Stop::TimedOut => PublishError::Full(event),
        }
    }

    /// The first of the things that end the waiting.
    fn stop(&self) -> BoxFuture<'b, Stop> {
        let (publishing, tokens, until) = (self.publishing, self.tokens.clone(), self.until);
        let sent = self.is_sent();
        Box::pin(async move {
            let cancelled = tokens.into_iter().map(|token| Box::pin(token.cancelled_owned()));
            let mut cancelled = first_of(cancelled.collect());
            let over = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                // What has been sent is waited for: a shutdown gives it its time.
                () = publishing.closing.cancelled(), if !sent => Stop::Closing,
                () = &mut cancelled => Stop::Cancelled,
                () = over => Stop::TimedOut,
            }
        })
    }

    fn wait(&mut self, for_what: For<'b>) {
        if self.until.is_none() {
            // A time that cannot be told does not come.
            self.until = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        }
        let stop = match self.waiting.take() {
            Some(waiting) => waiting.stop,
            None => self.stop(),
        };
        self.waiting = Some(Waiting { for_what, stop });
    }
}

enum Attempt<I> {
    Ended(Result<(), PublishError<I>>),
    Full,
    WouldWait,
}

impl<I: IntoEvent> Future for Publish<'_, I> {
    type Output = Result<(), PublishError<I>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let State::New(_) = this.state {
            if let Err(error) = this.offer() {
                return Poll::Ready(Err(error));
            }
        } else if let State::Done = this.state {
            panic!("this event has been published, or handed back; it can be awaited once");
        }
        // Whether it has waited for room in this poll: what is said to be ready and is not again shall not hold the thread.
        let mut has_tried = false;
        loop {
            if let Some(waiting) = &mut this.waiting {
                let answered = match &mut waiting.for_what {
                    For::Room(room) => room.as_mut().poll(cx).map(|()| None),
                    For::Answer(answer) => answer.as_mut().poll(cx).map(|mut answers| Some(answers.pop())),
                };
                if (answered.is_pending() || has_tried && matches!(answered, Poll::Ready(None)))
                    && let Poll::Ready(stop) = waiting.stop.as_mut().poll(cx)
                {
                    this.waiting = None;
                    return Poll::Ready(Err(this.stopped(&stop)));
                }
                match answered {
                    Poll::Ready(None) if has_tried => {
                        this.wait(For::Room(this.publishing.transport.ready()));
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Poll::Ready(None) => has_tried = true,
                    Poll::Ready(Some(answer)) => match this.answered(answer) {
                        Attempt::Ended(result) => return Poll::Ready(result),
                        Attempt::Full | Attempt::WouldWait => {
                            this.wait(For::Room(this.publishing.transport.ready()));
                            continue;
                        }
                    },
                    Poll::Pending => return Poll::Pending,
                }
            }
            match this.attempt() {
                Attempt::Ended(result) => {
                    this.waiting = None;
                    return Poll::Ready(result);
                }
                Attempt::Full => this.wait(For::Room(this.publishing.transport.ready())),
                Attempt::WouldWait => {
                    let State::Offered(message) = std::mem::replace(&mut this.state, State::Done) else {
                        unreachable!("it has come back")
                    };
                    let sent = match this.publishing.written(&message) {
                        Ok(sent) => sent,
                        Err(error) => {
                            this.waiting = None;
                            let refused = Refused::Unwritable(message, error);
                            return Poll::Ready(Err(this.refused(refused, None)));
                        }
                    };
                    let answer = this.publishing.transport.publish(vec![sent]);
                    this.state = State::Sent(message);
                    this.waiting = None;
                    this.wait(For::Answer(answer));
                }
            }
        }
    }
}

impl<I: IntoEvent> Publish<'_, I> {
    /// The answer of a transport that was sent the message.
    fn answered(&mut self, answer: Option<Result<(), Refused>>) -> Attempt<I> {
        // What it waited with.
        self.waiting = None;
        let State::Sent(message) = std::mem::replace(&mut self.state, State::Done) else {
            unreachable!("it has been sent")
        };
        let silent = || Err(Refused::Unknown(message.clone(), "the transport gave no result".into()));
        match answer.unwrap_or_else(silent) {
            Ok(()) => {
                self.publishing.intake.accepted.add(1);
                Attempt::Ended(Ok(()))
            }
            Err(Refused::Full { wait: true, .. }) if !self.inside => {
                self.state = State::Offered(message);
                Attempt::Full
            }
            Err(refused) => Attempt::Ended(Err(self.refused(refused, Some(message)))),
        }
    }
}

/// Nobody else may hold a message that was refused; see [`Refused`].
fn event_of<I: IntoEvent>(message: Message) -> I {
    match message.into_event() {
        Some(event) => event,
        None => panic!("the transport has kept a message that it refused: `Refused` hands the only handle back"),
    }
}
