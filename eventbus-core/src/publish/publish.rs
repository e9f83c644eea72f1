//! Publishing one event.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{BoxFuture, Message, PublishError, Publishing, Refused, has_codec};
use crate::{
    bus::Bus,
    dispatch::{Cause, isolate},
    event::{Event, IntoEvent},
};

impl Bus {
    /// Publishes an event: it reaches every consumer group, later, in whatever process they are.
    ///
    /// Awaited, it waits while a group's queue is full, unless the group's [`Overflow`](super::Overflow) policy is another. Without
    /// any group, the event stays in the transport's log for the first one; if that is full, this waits too. Inside a handler
    /// of this bus it never waits: full is an error at once.
    ///
    /// # Errors
    ///
    /// [`PublishError`], which hands the event back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated { id: u64 }
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let bus = Bus::new();
    /// bus.publish(UserCreated { id: 7 }).key("user-7").timeout(Duration::from_secs(1)).await?;
    /// assert_eq!(bus.stats().published.accepted, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish<I: IntoEvent>(&self, event: I) -> Publish<'_, I> {
        Publish::new(self, event)
    }

    /// Publishes an event without waiting.
    ///
    /// # Errors
    ///
    /// [`PublishError`], which hands the event back: [`Full`](PublishError::Full) if a group's queue is full, and where the
    /// transport cannot tell without waiting.
    pub fn try_publish<I: IntoEvent>(&self, event: I) -> Result<(), PublishError<I>> {
        Publish::new(self, event).at_once()
    }

    /// Publishes events one after the other; a result for each, in their order.
    ///
    /// It waits as [`publish`](Self::publish) does. An event that is refused does not keep those behind it back.
    pub fn publish_all<I: IntoEvent>(&self, events: impl IntoIterator<Item = I>) -> super::PublishAll<'_, I> {
        super::PublishAll::new(events.into_iter().map(|event| self.publish(event)))
    }
}

/// An event that is about to be published; made by [`Bus::publish`](crate::Bus::publish).
///
/// # Cancel safety
///
/// Dropped before it is ready, the event has not been published, unless the transport is another process: then it may be. To have
/// the event back, as after a lost `select!`, poll it by reference and call [`into_event`](Self::into_event).
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName, Memory};
/// # struct Tick(u32);
/// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bus = Bus::builder().transport(Memory::new().capacity(1)).build();
/// bus.publish(Tick(1)).await?;
///
/// let mut second = bus.publish(Tick(2));
/// tokio::select! {
///     biased;
///     published = &mut second => published?,
///     () = async {} => assert_eq!(second.into_event().map(|tick| tick.0), Some(2)),
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is published until it is awaited"]
pub struct Publish<'b, I: IntoEvent> {
    publishing: &'b Publishing,
    cause: Option<Cause>,
    /// Whether a handler of this bus publishes: it must not wait.
    inside: bool,
    state: State<I>,
    key: Option<Box<str>>,
    timeout: Option<Duration>,
    token: Option<CancellationToken>,
    bus: &'b Bus,
    /// When the waiting is over, once it has begun.
    until: Option<Instant>,
    /// What it waits for.
    waiting: Option<Waiting<'b>>,
}

enum State<I> {
    New(I),
    /// Offered, and not taken yet.
    Offered(Message),
    /// Sent to the transport; the message is kept to hand it back.
    Sent(Message),
    Done,
}

struct Waiting<'b> {
    for_what: For<'b>,
    stop: BoxFuture<'b, Stop>,
}

enum For<'b> {
    Room(BoxFuture<'b, ()>),
    Answer(BoxFuture<'b, Vec<Result<(), Refused>>>),
}

enum Stop {
    Closing,
    Cancelled,
    TimedOut,
}

// Nothing in it is pinned in place: futures are boxed.
impl<I: IntoEvent> Unpin for Publish<'_, I> {}

impl<'b, I: IntoEvent> Publish<'b, I> {
    fn new(bus: &'b Bus, event: I) -> Self {
        let publishing = bus.publishing();
        let (cause, inside) = (None, false);
        let (key, timeout, token, until, waiting) = (None, None, None, None, None);
        Self { publishing, cause, inside, state: State::New(event), key, timeout, token, bus, until, waiting }
    }

    /// Events with the same key are handled one after the other, in the order of publishing, in every group whose consumer does not
    /// tell keys itself.
    pub fn key(mut self, key: impl Into<Box<str>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// How long to wait for room, from the first poll: [`Full`](PublishError::Full) then; or for the answer of a transport that
    /// has been sent the event: [`Unknown`](PublishError::Unknown) then.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// Gives up waiting when `token` is cancelled: [`Cancelled`](PublishError::Cancelled), or
    /// [`Unknown`](PublishError::Unknown) if it has been sent.
    pub fn cancel_on(mut self, token: &CancellationToken) -> Self {
        self.token = Some(token.clone());
        self
    }

    /// Takes the event back; `None` if it has been published, or if the transport still holds it.
    pub fn into_event(mut self) -> Option<I> {
        self.waiting = None;
        self.take_event()
    }

    pub(super) fn is_sent(&self) -> bool {
        matches!(self.state, State::Sent(_))
    }

    fn take_event(&mut self) -> Option<I> {
        match std::mem::replace(&mut self.state, State::Done) {
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
        let State::New(event) = std::mem::replace(&mut self.state, State::Done) else {
            unreachable!("only a new one is offered")
        };
        let intake = &self.publishing.intake;
        intake.offered.add(1);
        self.cause = self.bus.frame().and_then(|frame| frame.cause);
        self.inside = self.cause.is_some_and(|cause| cause.bus == self.bus.id());
        let refused = if self.publishing.is_closed() {
            PublishError::Closed(event)
        } else if let Some(cause) = self.cause.filter(|cause| cause.hops.saturating_add(1) >= self.publishing.max_hops) {
            let trail = cause.trail.iter().rev().flatten().map(|name| name.as_str().to_owned());
            let chain = trail.chain([I::Event::NAME.as_str().to_owned()]).collect();
            PublishError::TooManyHops { event, hops: self.publishing.max_hops, chain }
        } else if self.publishing.needs_codec() && !has_codec(I::Event::TYPE) {
            PublishError::NoCodec(event)
        } else {
            let source = Arc::clone(&self.publishing.source);
            let message = Message::new(event.into_arc(), source, self.key.take(), self.cause.as_ref());
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
            Err(refused) => Attempt::Ended(Err(self.refused(refused))),
        }
    }

    fn at_once(mut self) -> Result<(), PublishError<I>> {
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
            intake.unknown.add(1)
        } else {
            intake.rejected.add(1)
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
        let (publishing, token, until) = (self.publishing, self.token.clone(), self.until);
        let sent = self.is_sent();
        Box::pin(async move {
            let cancelled = async {
                match token {
                    Some(token) => token.cancelled_owned().await,
                    None => std::future::pending().await,
                }
            };
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
                () = cancelled => Stop::Cancelled,
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
                if answered.is_pending() || has_tried && matches!(answered, Poll::Ready(None)) {
                    if let Poll::Ready(stop) = waiting.stop.as_mut().poll(cx) {
                        this.waiting = None;
                        return Poll::Ready(Err(this.stopped(&stop)));
                    }
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
    fn answered(&mut self, answer: Option<Result<(), Refused>>) -> Attempt<I> {
        // The copy that is kept: the one that comes back may be another.
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

impl<I: IntoEvent> Drop for Publish<'_, I> {
    fn drop(&mut self) {
        self.waiting = None;
        // Foreign code, which was not published: its drop shall not panic into whoever gives up waiting.
        let event = self.take_event();
        let _ = isolate(|| drop(event));
    }
}

impl<I: IntoEvent> fmt::Debug for Publish<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish").field("event", &I::Event::NAME.as_str()).finish_non_exhaustive()
    }
}
