//! How an event gets to the transport: offered, waited for, sent, answered.

use std::{
    future::poll_fn,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{BoxFuture, Message, Publish, PublishError, Refused, has_codec};
use crate::event::{Event, IntoEvent};

pub(super) enum State<I> {
    New(I),
    /// Offered, and not taken yet.
    Offered(Message),
    /// Sent to the transport; the message is kept to hand it back.
    Sent(Message),
    Done,
}

pub(super) struct Waiting<'b> {
    for_what: For<'b>,
    stop: Option<BoxFuture<'b, Stop>>,
}

pub(super) enum For<'b> {
    Room(BoxFuture<'b, ()>),
    Answer(BoxFuture<'b, Vec<Result<(), Refused>>>),
}

pub(super) enum Stop {
    Closing,
    Cancelled,
    TimedOut,
}

/// Waits for the first of them; for ever if there is none.
fn select_all_or_never(mut futures: Vec<Pin<Box<WaitForCancellationFutureOwned>>>) -> impl Future<Output = ()> + Unpin {
    poll_fn(move |cx| {
        let is_ready = |future: &mut Pin<Box<WaitForCancellationFutureOwned>>| future.as_mut().poll(cx).is_ready();
        if futures.iter_mut().any(is_ready) { Poll::Ready(()) } else { Poll::Pending }
    })
}

impl<'b, I: IntoEvent> Publish<'b, I> {
    pub(super) fn take_event(&mut self) -> Option<I> {
        match mem::replace(&mut self.state, State::Done) {
            State::New(event) => Some(event),
            State::Offered(message) => {
                self.publishing.intake.rejected.add(1);
                message.into_event()
            }
            State::Sent(message) => {
                self.publishing.intake.unknown.add(1);
                message.into_event()
            }
            State::Done => None,
        }
    }

    /// Makes the message. From here on the event counts as offered.
    fn offer(&mut self) -> Result<(), PublishError<I>> {
        let State::New(event) = mem::replace(&mut self.state, State::Done) else {
            unreachable!("only a new one is offered")
        };
        let intake = &self.publishing.intake;
        intake.offered.add(1);
        self.cause = self.bus.cause();
        self.inside = self.cause.is_some_and(|cause| cause.bus == self.bus.id());
        let refused = if self.publishing.is_closed() {
            PublishError::Closed(event)
        } else if let Some(cause) = self.cause.filter(|cause| cause.hops + 1 >= self.publishing.max_hops) {
            let trail = cause.trail.iter().rev().flatten().map(|event| event.name().as_str().to_owned());
            let chain = trail.chain([I::Event::NAME.as_str().to_owned()]).collect();
            PublishError::TooManyHops { event, hops: self.publishing.max_hops, chain }
        } else if self.publishing.needs_codec() && !has_codec(I::Event::TYPE) {
            PublishError::NoCodec(event)
        } else {
            let source = self.publishing.source;
            let message = Message::new(event.into_arc(), source, self.key.take(), self.cause.as_ref());
            self.state = State::Offered(message);
            return Ok(());
        };
        intake.rejected.add(1);
        Err(refused)
    }

    /// Offers the message to the transport.
    fn attempt(&mut self) -> Attempt<I> {
        let State::Offered(message) = mem::replace(&mut self.state, State::Done) else {
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
            Err(refused) => Attempt::Ended(Err(self.refused(refused))),
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

    fn refused(&self, refused: Refused) -> PublishError<I> {
        let intake = &self.publishing.intake;
        if matches!(refused, Refused::Unknown(..)) {
            intake.unknown.add(1);
        } else {
            intake.rejected.add(1);
        }
        let make: Box<dyn FnOnce(I) -> PublishError<I>> = match &refused {
            Refused::Closed(_) => Box::new(PublishError::Closed),
            Refused::TooLarge { size, limit, .. } => {
                let (size, limit) = (*size, *limit);
                Box::new(move |event| PublishError::TooLarge { event, size, limit })
            }
            _ => Box::new(PublishError::Full),
        };
        match refused {
            Refused::Unknown(message, error) => PublishError::Unknown(event_of(message), error),
            Refused::Unwritable(message, error) => PublishError::Unwritable(event_of(message), error),
            other => make(event_of(other.into_message())),
        }
    }

    fn stopped(&mut self, stop: &Stop) -> PublishError<I> {
        let sent = self.is_sent();
        let Some(event) = self.take_event() else { unreachable!("it is still here") };
        match stop {
            _ if sent => PublishError::Unknown(event, "no answer while it was waited for".into()),
            Stop::Closing => PublishError::Closed(event),
            Stop::Cancelled => PublishError::Cancelled(event),
            Stop::TimedOut => PublishError::Full(event),
        }
    }

    /// The first of the things that end the waiting.
    fn stop(&self) -> BoxFuture<'b, Stop> {
        let (publishing, tokens, timeout) = (self.publishing, self.tokens.clone(), self.timeout);
        let sent = self.is_sent();
        Box::pin(async move {
            let cancelled = tokens.into_iter().map(|token| Box::pin(token.cancelled_owned()));
            let mut cancelled = select_all_or_never(cancelled.collect());
            let over = async {
                match timeout {
                    Some(timeout) => tokio::time::sleep(timeout).await,
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
        let stop = self.waiting.take().and_then(|waiting| waiting.stop);
        let stop = stop.unwrap_or_else(|| self.stop());
        self.waiting = Some(Waiting { for_what, stop: Some(stop) });
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
        loop {
            if let Some(waiting) = &mut this.waiting {
                let answered = match &mut waiting.for_what {
                    For::Room(room) => room.as_mut().poll(cx).map(|()| None),
                    For::Answer(answer) => answer.as_mut().poll(cx).map(|mut answers| answers.pop()),
                };
                match answered {
                    Poll::Ready(None) => {}
                    Poll::Ready(Some(answer)) => match this.answered(answer) {
                        Attempt::Ended(result) => return Poll::Ready(result),
                        Attempt::Full | Attempt::WouldWait => {
                            this.wait(For::Room(this.publishing.transport.ready()));
                            continue;
                        }
                    },
                    Poll::Pending => {
                        let stop = waiting.stop.as_mut().map(|stop| stop.as_mut().poll(cx));
                        if let Some(Poll::Ready(stop)) = stop {
                            this.waiting = None;
                            return Poll::Ready(Err(this.stopped(&stop)));
                        }
                        return Poll::Pending;
                    }
                }
            }
            match this.attempt() {
                Attempt::Ended(result) => {
                    this.waiting = None;
                    return Poll::Ready(result);
                }
                Attempt::Full => this.wait(For::Room(this.publishing.transport.ready())),
                Attempt::WouldWait => {
                    let State::Offered(message) = mem::replace(&mut this.state, State::Done) else {
                        unreachable!("it has come back")
                    };
                    let answer = this.publishing.transport.publish(vec![message.clone()]);
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
    fn answered(&mut self, answer: Result<(), Refused>) -> Attempt<I> {
        // The copy that is kept: the one that comes back may be another.
        self.waiting = None;
        let State::Sent(message) = mem::replace(&mut self.state, State::Done) else { unreachable!("it has been sent") };
        match answer {
            Ok(()) => {
                self.publishing.intake.accepted.add(1);
                Attempt::Ended(Ok(()))
            }
            Err(Refused::Full { wait: true, .. }) if !self.inside => {
                self.state = State::Offered(message);
                Attempt::Full
            }
            Err(refused) => {
                drop(message);
                Attempt::Ended(Err(self.refused(refused)))
            }
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
