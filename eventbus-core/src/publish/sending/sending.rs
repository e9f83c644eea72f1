//! One event on its way, and each attempt to publish it.

use super::super::{Publishing, error::Why, has_codec, publishing::Plain};
use super::{
    guard,
    options::{Options, SendingState, When},
    wait::WaitEnd,
};
use crate::{
    call::MessageId,
    emission::Bus,
    event::isolate,
    transport::{Content, Message, Operation, Refusal},
};

/// What is told of a transport that says that it has taken a message, and has left it in its slot (T5).
pub(super) const NOT_TAKEN: &str = "the transport left a message without a reason";

/// What is told of one that empties a slot and refuses the message (T5).
pub(super) const TAKEN: &str = "the transport took the message, and refused it";

/// The publishing of one event.
pub(in crate::publish) struct Sending<'b> {
    pub(super) publishing: &'b Publishing,
    pub(super) bus: &'b Bus,
    /// The options, and the state of a wait; `None` for an event that has no options and is taken at once, as most are.
    pub(super) options: Option<Box<Options<'b>>>,
}

/// A message that was not published.
pub(in crate::publish) struct Rejected {
    pub(in crate::publish) why: Why,
    pub(in crate::publish) message: Message,
}

pub(super) enum Attempt {
    Ended(Result<(), Rejected>),
    /// There is no room.
    Full(Message),
    /// The transport does not answer at once.
    WouldWait(Message),
}

impl<'b> Sending<'b> {
    #[inline]
    pub(in crate::publish) fn new(bus: &'b Bus) -> Self {
        Self { publishing: bus.publishing(), bus, options: None }
    }

    pub(in crate::publish) fn bus(&self) -> &'b Bus {
        self.bus
    }

    pub(in crate::publish) fn options(&mut self) -> &mut Options<'b> {
        self.options.get_or_insert_default()
    }

    #[cfg(feature = "serde")]
    pub(in crate::publish) fn message(&self) -> Option<&Message> {
        match &self.options.as_ref()?.state {
            SendingState::Offered(message) | SendingState::Sent(message, _) => Some(message),
            SendingState::Idle => None,
        }
    }

    /// Makes the message without publishing it.
    #[cfg(feature = "serde")]
    pub(in crate::publish) fn message_of(&mut self, content: Content) -> Message {
        self.make(content)
    }

    /// Takes the message back; `None` if it has been published.
    pub(in crate::publish) fn take_back(&mut self) -> Option<Message> {
        let options = self.options.as_mut()?;
        options.waiting = None;
        let (count, message) = match std::mem::take(&mut options.state) {
            SendingState::Idle => return None,
            SendingState::Offered(message) => (&self.publishing.intake.rejected, message),
            SendingState::Sent(message, ticket) => {
                let was_sent = self.publishing.outbox.leave(ticket);
                let intake = &self.publishing.intake;
                (if was_sent { &intake.unknown } else { &intake.rejected }, message)
            }
        };
        count.add(1);
        Some(message)
    }

    /// Whether a handler of this bus publishes, which must not wait for room.
    pub(super) fn is_inside(&self) -> bool {
        self.options.as_ref().is_some_and(|options| options.is_inside)
    }

    /// Looks for the delivery that is being handled here.
    #[inline]
    pub(super) fn find_cause(&mut self) {
        if self.bus.may_have_cause() {
            self.note_cause();
        }
    }

    #[cold]
    fn note_cause(&mut self) {
        if let Some(cause) = self.bus.cause() {
            let is_inside = cause.bus == self.bus.id();
            let options = self.options();
            (options.cause, options.is_inside) = (Some(cause), is_inside);
        }
    }

    fn make(&mut self, content: Content) -> Message {
        let source = self.publishing.source;
        let Some(options) = &mut self.options else { return Message::plain(MessageId::coarse(), content, source) };
        let schedule = options.when.take().map(When::schedule);
        let mut message = Message::new(content, source, options.key.take(), options.cause.as_ref(), schedule);
        if let Some(id) = options.id {
            message.set_id(id);
        }
        if let Some(window) = options.dedupe {
            message = message.with_dedupe(window);
        }
        message
    }

    /// Whether nothing about the message needs a closer look.
    #[inline]
    fn is_plain(&self) -> bool {
        self.options.is_none()
            && match self.publishing.plain {
                Plain::Always => true,
                Plain::WhileIdle => self.bus.state.interceptors.are_idle(),
                Plain::Never => false,
            }
    }

    /// Publishes the content if nothing about it or about its group needs a closer look, as with most; else gives it back.
    pub(in crate::publish) fn publish_plain(&self, content: Content) -> Result<(), Content> {
        let publishing = self.publishing;
        match &publishing.memory {
            Some(memory) if self.is_plain() && !publishing.is_closed_for(false) => {
                memory.push_plain(content, publishing.source)
            }
            _ => Err(content),
        }
    }

    /// Makes the message, and offers it for the first time.
    pub(super) fn first_attempt(&mut self, content: Content) -> Attempt {
        let attempt = match self.offer(content, 1) {
            Ok(message) => self.inside(|sending| sending.attempt(message)),
            Err(ended) => Attempt::Ended(ended),
        };
        if let Attempt::Ended(result) = attempt { Attempt::Ended(self.ended(result)) } else { attempt }
    }

    /// Makes the message, one of so many that are published together. From here on the event counts as offered. An error is its end:
    /// it is rejected, or a test fakes the publish, and it counts as accepted.
    pub(super) fn offer(&mut self, content: Content, batch: usize) -> Result<Message, Result<(), Rejected>> {
        self.publishing.intake.offered.add(1);
        let mut message = self.make(content);
        match self.check(&mut message, batch) {
            Ok(()) if self.options.as_ref().is_some_and(|options| options.is_faked) => {
                self.publishing.intake.accepted.add(1);
                // Foreign code.
                let _ = isolate(|| drop(message));
                Err(Ok(()))
            }
            Ok(()) => Ok(message),
            Err(why) => {
                self.publishing.intake.rejected.add(1);
                if let Some(options) = &mut self.options {
                    options.bytes = None;
                }
                Err(Err(Rejected { why, message }))
            }
        }
    }

    /// What can be said against a message before the transport is asked. Encodes it, where the transport carries bytes.
    fn check(&mut self, message: &mut Message, batch: usize) -> Result<(), Why> {
        let publishing = self.publishing;
        if publishing.is_closed_for(self.is_inside()) {
            return Err(Why::Closed);
        }
        if self.is_plain() {
            return Ok(());
        }
        self.check_closely(message, batch)
    }

    #[inline(never)]
    fn check_closely(&mut self, message: &mut Message, batch: usize) -> Result<(), Why> {
        let publishing = self.publishing;
        let (hops, capabilities) = (publishing.max_hops, &publishing.capabilities);
        let cause = self.options.as_ref().and_then(|options| options.cause);
        if let Some(cause) = cause.filter(|cause| cause.hops().saturating_add(1) >= hops) {
            let trail = cause.trail().into_iter().rev().flatten().map(|event| event.name().as_str().to_owned());
            return Err(Why::TooManyHops { hops, chain: trail.chain([message.name().to_owned()]).collect() });
        }
        if message.not_before().is_some() && capabilities.delay.is_none() {
            return Err(Why::NoDelay);
        }
        if message.dedupe().is_some() && !capabilities.dedupe {
            return Err(Why::NoDedupe);
        }
        if publishing.needs_codec() && message.event_type().is_some_and(|event| !has_codec(event)) {
            return Err(Why::NoCodec);
        }
        if !self.bus.state.interceptors.are_idle() {
            let bus = self.bus;
            let options = self.options();
            options.is_faked = guard::ask(bus, message, batch, &mut options.guard)?;
        }
        let mut size = message.size();
        let mut limit = capabilities.max_payload;
        if capabilities.needs_codec {
            let bytes = written(publishing, message)?;
            size = bytes.size();
            // Whoever reads the bytes reads no more than that.
            limit = Some(limit.map_or(Message::MAX_DATA, |limit| limit.min(Message::MAX_DATA)));
            self.options().bytes = Some(bytes);
            let largest = message.key().unwrap_or_default().len().max(message.source().len());
            if largest > Message::MAX_ATTRIBUTE {
                let limit = Message::MAX_ATTRIBUTE;
                let error = format!("its key, or the bus's source, has {largest} bytes, and at most {limit} are read");
                return Err(Why::Unwritable(error.into()));
            }
        }
        match (size, limit) {
            (Some(size), Some(limit)) if size > limit => Err(Why::TooLarge { size, limit }),
            _ => Ok(()),
        }
    }

    /// Offers the message to the transport.
    #[inline(never)]
    pub(super) fn attempt(&mut self, message: Message) -> Attempt {
        let Some(memory) = &self.publishing.memory else { return self.attempt_foreign(message) };
        match memory.push(message) {
            Ok(()) => self.accepted(),
            Err((refusal, message)) => self.refused(refusal, message),
        }
    }

    /// The same with a transport that may be wrong about what it does: the message is kept meanwhile.
    fn attempt_foreign(&mut self, message: Message) -> Attempt {
        let publishing = self.publishing;
        // Behind those that wait for its answer: order is kept.
        if !publishing.outbox.is_empty() {
            return Attempt::WouldWait(message);
        }
        let sent = self.options.as_ref().and_then(|options| options.bytes.as_ref()).unwrap_or(&message).clone();
        let mut slot = [Some(sent)];
        let answer = isolate(|| publishing.transport.try_publish(&mut slot));
        let is_taken = slot[0].is_none();
        let _ = isolate(|| drop(slot));
        match answer {
            Ok(Ok(())) if is_taken => {
                let _ = isolate(|| drop(message));
                self.accepted()
            }
            Ok(Ok(())) => self.refused(Refusal::Failed(NOT_TAKEN.into()), message),
            Ok(Err(refusal)) if is_taken => {
                self.refused(Refusal::Unknown(format!("{TAKEN}: {refusal:?}").into()), message)
            }
            Ok(Err(refusal)) => self.refused(refusal, message),
            Err(panic) => self.refused(Refusal::Unknown(format!("the transport panicked: {panic}").into()), message),
        }
    }

    #[inline]
    pub(super) fn accepted(&mut self) -> Attempt {
        self.publishing.intake.accepted.add(1);
        Attempt::Ended(Ok(()))
    }

    #[cold]
    pub(super) fn refused(&mut self, refusal: Refusal, message: Message) -> Attempt {
        let publishing = self.publishing;
        match refusal {
            Refusal::Full { wait: true, group } if !self.is_inside() => {
                if self.options.as_ref().is_none_or(|options| options.waiting.is_none()) {
                    publishing.notices.waits_for_room(&message, &group);
                }
                return Attempt::Full(message);
            }
            Refusal::WouldWait => return Attempt::WouldWait(message),
            _ => {}
        }
        let intake = &publishing.intake;
        let count = if matches!(refusal, Refusal::Unknown(_)) { &intake.unknown } else { &intake.rejected };
        count.add(1);
        if matches!(refusal, Refusal::Duplicate) {
            intake.duplicates.add(1);
        }
        if let Refusal::Failed(error) | Refusal::Unknown(error) = &refusal {
            let text = crate::listener::ErrorText::with_sources(&**error).to_string();
            publishing.notices.error(Operation::Publish, None, text);
        }
        Attempt::Ended(Err(Rejected { why: Why::of(refusal), message }))
    }

    /// Runs a part of it inside of what interceptors have put around it.
    pub(super) fn inside<T>(&mut self, part: impl FnOnce(&mut Self) -> T) -> T {
        let mut guard = self.options.as_mut().map(|options| std::mem::take(&mut options.guard)).unwrap_or_default();
        let done = guard.part(|| part(self));
        if let Some(options) = &mut self.options {
            options.guard = guard;
        }
        done
    }

    /// Tells the interceptors how it has ended.
    pub(super) fn ended(&mut self, result: Result<(), Rejected>) -> Result<(), Rejected> {
        if let Some(options) = &mut self.options {
            options.guard.end(result.as_ref().err().map(|rejected| &rejected.why));
        }
        result
    }

    /// Publishes without waiting.
    pub(in crate::publish) fn at_once(mut self, content: Content) -> Result<(), Rejected> {
        self.find_cause();
        let Err(content) = self.publish_plain(content) else { return Ok(()) };
        match self.first_attempt(content) {
            Attempt::Ended(result) => result,
            Attempt::Full(message) | Attempt::WouldWait(message) => {
                self.publishing.intake.rejected.add(1);
                self.ended(Err(Rejected { why: Why::Full, message }))
            }
        }
    }

    /// The error of a wait that has ended.
    pub(super) fn stopped(&mut self, stop: &WaitEnd) -> Rejected {
        let (message, was_sent) = match std::mem::take(&mut self.options().state) {
            SendingState::Offered(message) => (message, false),
            SendingState::Sent(message, ticket) => (message, self.publishing.outbox.leave(ticket)),
            SendingState::Idle => unreachable!("it has been offered"),
        };
        let intake = &self.publishing.intake;
        if was_sent { &intake.unknown } else { &intake.rejected }.add(1);
        let why = match stop {
            _ if was_sent => Why::Unknown("no answer while it was waited for".into()),
            WaitEnd::Closing => Why::Closed,
            WaitEnd::Cancelled => Why::Cancelled,
            WaitEnd::TimedOut => Why::Full,
        };
        Rejected { why, message }
    }
}

#[cfg(feature = "serde")]
fn written(publishing: &Publishing, message: &Message) -> Result<Message, Why> {
    message.written(publishing.codecs.writer()).map_err(|error| Why::Unwritable(error.into()))
}

#[cfg(not(feature = "serde"))]
#[expect(clippy::unnecessary_wraps, reason = "the shape that it has with the feature")]
fn written(_: &Publishing, message: &Message) -> Result<Message, Why> {
    Ok(message.clone())
}

impl Drop for Sending<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.options.is_some() {
            self.give_up();
        }
    }
}

impl Sending<'_> {
    #[inline(never)]
    fn give_up(&mut self) {
        // Foreign code, which was not published: its drop shall not panic into whoever gives up waiting.
        let message = self.take_back();
        let _ = isolate(|| drop(message));
    }
}
