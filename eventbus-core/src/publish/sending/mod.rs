//! How an event is offered to the transport, sent, waited for, and handed back: the same for what is published typed and by name.

mod waiting;

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{BoxFuture, Message, MessageId, PublishError, Publishing, Refused, has_codec};
use crate::{call::Cause, emission::Bus, event::isolate};
use waiting::{Stop, Waiting};

/// What is published, and the form in which it is handed back.
pub(super) trait Payload: Sized {
    /// What an error hands back.
    type Back: 'static;

    fn into_message(self, source: &'static str, key: Option<Box<str>>, cause: Option<&Cause>) -> Message;

    /// `None` if somebody else still holds what is handed out by value.
    fn of_message(message: Message) -> Option<Self::Back>;
}

/// The publishing of one event.
pub(super) struct Sending<'b, P: Payload> {
    publishing: &'b Publishing,
    bus: &'b Bus,
    cause: Option<Cause>,
    /// Whether a handler of this bus publishes: it must not wait.
    inside: bool,
    state: State<P>,
    /// The message as a transport is sent it that carries bytes; the event itself stays here.
    bytes: Option<Message>,
    pub(super) key: Option<Box<str>>,
    pub(super) id: Option<MessageId>,
    pub(super) timeout: Option<Duration>,
    pub(super) tokens: Vec<CancellationToken>,
    /// When the waiting is over, once it has begun.
    until: Option<Instant>,
    /// What it waits for.
    waiting: Option<Waiting<'b>>,
}

enum State<P> {
    New(P),
    /// Offered, and not taken yet.
    Offered(Message),
    /// Sent to the transport; the message is kept to hand it back.
    Sent(Message),
    Done,
}

enum Attempt<B> {
    Ended(Result<(), PublishError<B>>),
    Full,
    WouldWait,
}

// Nothing in it is pinned in place: futures are boxed.
impl<P: Payload> Unpin for Sending<'_, P> {}

impl<'b, P: Payload> Sending<'b, P> {
    pub(super) fn new(bus: &'b Bus, payload: P) -> Self {
        let (publishing, cause, inside, state) = (bus.publishing(), None, false, State::New(payload));
        let (bytes, key, id, timeout, tokens, until, waiting) = (None, None, None, None, Vec::new(), None, None);
        Self { publishing, bus, cause, inside, state, bytes, key, id, timeout, tokens, until, waiting }
    }

    /// What is to be published, until it is first polled.
    #[cfg(feature = "serde")]
    pub(super) fn payload(&self) -> Option<&P> {
        if let State::New(payload) = &self.state { Some(payload) } else { None }
    }

    /// The message, while it is offered or sent.
    #[cfg(feature = "serde")]
    pub(super) fn message(&self) -> Option<&Message> {
        match &self.state {
            State::Offered(message) | State::Sent(message) => Some(message),
            State::New(_) | State::Done => None,
        }
    }

    pub(super) fn is_sent(&self) -> bool {
        matches!(self.state, State::Sent(_))
    }

    /// Takes it back; `None` if it has been published, or if the transport still holds it.
    pub(super) fn take_back(&mut self) -> Option<P::Back> {
        self.waiting = None;
        let (count, message) = match std::mem::replace(&mut self.state, State::Done) {
            State::New(payload) => return P::of_message(self.message_of(payload)),
            State::Offered(message) => (&self.publishing.intake.rejected, message),
            State::Sent(message) => (&self.publishing.intake.unknown, message),
            State::Done => return None,
        };
        count.add(1);
        P::of_message(message)
    }

    fn message_of(&mut self, payload: P) -> Message {
        let mut message = payload.into_message(self.publishing.source, self.key.take(), self.cause.as_ref());
        if let Some(id) = self.id {
            message.set_id(id);
        }
        message
    }

    /// Who publishes. A handler of this bus must not wait.
    fn look_around(&mut self) {
        self.cause = self.bus.cause();
        self.inside = self.cause.is_some_and(|cause| cause.bus == self.bus.id());
    }

    /// Makes the message. From here on the event counts as offered.
    fn offer(&mut self) -> Result<(), PublishError<P::Back>> {
        let State::New(payload) = std::mem::replace(&mut self.state, State::Done) else {
            unreachable!("only a new one is offered")
        };
        self.publishing.intake.offered.add(1);
        let message = self.message_of(payload);
        let refused = match self.check(&message) {
            Ok(()) => {
                self.state = State::Offered(message);
                return Ok(());
            }
            Err(refused) => refused,
        };
        self.publishing.intake.rejected.add(1);
        // Its other form holds no event, only bytes.
        self.bytes = None;
        Err(refused(back_of::<P>(message)))
    }

    /// What can be said against a message before the transport is asked. Writes it, where the transport carries bytes.
    #[expect(clippy::type_complexity, reason = "an error, but for what it hands back")]
    fn check(&mut self, message: &Message) -> Result<(), Box<dyn FnOnce(P::Back) -> PublishError<P::Back>>> {
        let publishing = self.publishing;
        if publishing.is_closed() {
            return Err(Box::new(PublishError::Closed));
        }
        let hops = publishing.max_hops;
        if let Some(cause) = self.cause.filter(|cause| cause.hops.saturating_add(1) >= hops) {
            let trail = cause.trail.iter().rev().flatten().map(|event| event.name().as_str().to_owned());
            let chain = trail.chain([message.name().to_owned()]).collect();
            return Err(Box::new(move |event| PublishError::TooManyHops { event, hops, chain }));
        }
        let capabilities = publishing.transport.capabilities();
        let needs_codec = publishing.require_codecs || capabilities.needs_codec;
        if needs_codec && message.event_type().is_some_and(|event| !has_codec(event)) {
            return Err(Box::new(PublishError::NoCodec));
        }
        if capabilities.needs_codec {
            match publishing.written(message) {
                Ok(bytes) => self.bytes = Some(bytes),
                Err(error) => return Err(Box::new(move |event| PublishError::Unwritable(event, error))),
            }
        }
        // Whoever reads the bytes reads no more than that.
        let readable = self.bytes.is_some().then_some(Message::MAX_DATA);
        let limit = capabilities.max_payload.into_iter().chain(readable).min();
        let size = self.bytes.as_ref().unwrap_or(message).size();
        if let (Some(size), Some(limit)) = (size, limit)
            && size > limit
        {
            return Err(Box::new(move |event| PublishError::TooLarge { event, size, limit }));
        }
        let largest = message.key().unwrap_or_default().len().max(message.source().len());
        if readable.is_some() && largest > Message::MAX_ATTRIBUTE {
            let error = format!(
                "its key, or the bus's source, has {largest} bytes, and at most {} are read",
                Message::MAX_ATTRIBUTE
            );
            return Err(Box::new(move |event| PublishError::Unwritable(event, error.into())));
        }
        Ok(())
    }

    /// Offers the message to the transport.
    fn attempt(&mut self) -> Attempt<P::Back> {
        let State::Offered(message) = std::mem::replace(&mut self.state, State::Done) else {
            unreachable!("it has been offered")
        };
        let (sent, kept) = match &self.bytes {
            Some(bytes) => (bytes.clone(), Some(message)),
            None => (message, None),
        };
        match self.publishing.transport.try_publish(sent) {
            Ok(()) => {
                self.publishing.intake.accepted.add(1);
                Attempt::Ended(Ok(()))
            }
            Err(Refused::Full { message, wait: true }) if !self.inside => {
                self.state = State::Offered(kept.unwrap_or(message));
                Attempt::Full
            }
            Err(Refused::WouldWait(message)) => {
                self.state = State::Offered(kept.unwrap_or(message));
                Attempt::WouldWait
            }
            Err(refused) => Attempt::Ended(Err(self.refused(refused, kept))),
        }
    }

    pub(super) fn at_once(mut self) -> Result<(), PublishError<P::Back>> {
        self.look_around();
        self.offer()?;
        match self.attempt() {
            Attempt::Ended(result) => result,
            Attempt::Full | Attempt::WouldWait => Err(self.stopped(&Stop::TimedOut)),
        }
    }

    /// The error of a refusal. Of a message that was sent another handle is `kept`, in case that the one that comes back is
    /// not the only one.
    fn refused(&self, refused: Refused, kept: Option<Message>) -> PublishError<P::Back> {
        let intake = &self.publishing.intake;
        if matches!(refused, Refused::Unknown(..)) {
            intake.unknown.add(1);
        } else {
            intake.rejected.add(1);
        }
        let event = |back: Message| match kept {
            Some(kept) => {
                drop(back);
                back_of::<P>(kept)
            }
            None => back_of::<P>(back),
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

    /// The error of a waiting that has ended.
    fn stopped(&mut self, stop: &Stop) -> PublishError<P::Back> {
        let (sent, id) = match &self.state {
            State::Sent(message) => (true, message.id()),
            State::Offered(message) => (false, message.id()),
            State::New(_) | State::Done => unreachable!("it has been offered"),
        };
        let Some(event) = self.take_back() else { kept_by_the_transport() };
        match stop {
            _ if sent => PublishError::Unknown { event, id, source: "no answer while it was waited for".into() },
            Stop::Closing => PublishError::Closed(event),
            Stop::Cancelled => PublishError::Cancelled(event),
            Stop::TimedOut => PublishError::Full(event),
        }
    }
}

impl<P: Payload> Drop for Sending<'_, P> {
    fn drop(&mut self) {
        self.waiting = None;
        // Foreign code, which was not published: its drop shall not panic into whoever gives up waiting.
        if let State::New(_) = self.state {
            let payload = std::mem::replace(&mut self.state, State::Done);
            let _ = isolate(|| drop(payload));
        } else {
            let event = self.take_back();
            let _ = isolate(|| drop(event));
        }
    }
}

/// Nobody else may hold a message that was refused; see [`Refused`].
fn back_of<P: Payload>(message: Message) -> P::Back {
    P::of_message(message).unwrap_or_else(|| kept_by_the_transport())
}

fn kept_by_the_transport() -> ! {
    panic!("the transport has kept a message that it refused: `Refused` hands the only handle back")
}
