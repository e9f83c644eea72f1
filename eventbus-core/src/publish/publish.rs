//! Publishing one event.

use std::{fmt, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{BoxFuture, Message, MessageId, PublishError, Publishing, Refused};
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
    pub(super) publishing: &'b Publishing,
    pub(super) cause: Option<Cause>,
    /// Whether a handler of this bus publishes: it must not wait.
    pub(super) inside: bool,
    pub(super) state: State<I>,
    pub(super) key: Option<Box<str>>,
    pub(super) id: Option<MessageId>,
    pub(super) timeout: Option<Duration>,
    pub(super) tokens: Vec<CancellationToken>,
    pub(super) bus: &'b Bus,
    /// When the waiting is over, once it has begun.
    pub(super) until: Option<Instant>,
    /// What it waits for.
    pub(super) waiting: Option<Waiting<'b>>,
}

pub(super) enum State<I> {
    New(I),
    /// Offered, and not taken yet.
    Offered(Message),
    /// Sent to the transport; the message is kept to hand it back.
    Sent(Message),
    Done,
}

pub(super) struct Waiting<'b> {
    pub(super) for_what: For<'b>,
    pub(super) stop: BoxFuture<'b, Stop>,
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

// Nothing in it is pinned in place: futures are boxed.
impl<I: IntoEvent> Unpin for Publish<'_, I> {}

impl<'b, I: IntoEvent> Publish<'b, I> {
    fn new(bus: &'b Bus, event: I) -> Self {
        let publishing = bus.publishing();
        let (cause, inside) = (None, false);
        let (key, id, timeout, tokens, until, waiting) = (None, None, None, Vec::new(), None, None);
        Self { publishing, cause, inside, state: State::New(event), key, id, timeout, tokens, bus, until, waiting }
    }

    /// Events with the same key are handled one after the other, in the order of publishing, in every group whose consumer does not
    /// tell keys itself.
    pub fn key(mut self, key: impl Into<Box<str>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The message's id, instead of a new one: to know it beforehand, or to publish again after [`Unknown`](PublishError::Unknown), so
    /// that handlers that keep the ids they have seen do not handle it twice.
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct Tick;
    /// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bus = Bus::new();
    /// use eventbus_core::MessageId;
    ///
    /// let id = MessageId::new();
    /// bus.publish(Tick).id(id).await?;
    /// println!("published as {id}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn id(mut self, id: MessageId) -> Self {
        self.id = Some(id);
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
        self.tokens.push(token.clone());
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

    pub(super) fn take_event(&mut self) -> Option<I> {
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
