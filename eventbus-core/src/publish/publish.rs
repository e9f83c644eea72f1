//! Publishing one event.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    Message, MessageId, PublishError,
    sending::{Payload, Sending},
};
use crate::{
    call::Cause,
    emission::Bus,
    event::{Event, IntoEvent},
};

impl Bus {
    /// Publishes an event: it reaches every consumer group, later, in whatever process they are.
    ///
    /// Awaited, it waits while a group's queue is full, unless the group's [`Overflow`](super::Overflow) policy is another. Without
    /// any group, the event stays in the transport's log for the first one; if that is full, this waits too. Inside a handler
    /// of this bus it never waits: full is an error at once. That is told by the handler's task, and by
    /// [`Delivery::bus`](super::Delivery::bus): in a task of its own, with another handle of the bus, it does wait; a handler that
    /// awaits such a task may wait for itself.
    ///
    /// # Errors
    ///
    /// [`PublishError`], which hands the event back.
    ///
    /// # Panics
    ///
    /// Awaited: if it must wait with a [`timeout`](Publish::timeout) in a runtime without a timer (`enable_time`); and if a transport
    /// keeps a message that it refuses, against the rule at [`Refused`](super::Refused).
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
/// It takes part in tokio's cooperative scheduling: a task that publishes on and on gives way to others now and then, but for a
/// handler.
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
    sending: Sending<'b, I>,
}

// Nothing in it is pinned in place.
impl<I: IntoEvent> Unpin for Publish<'_, I> {}

impl<I: IntoEvent> Payload for I {
    type Back = I;

    fn into_message(self, source: &'static str, key: Option<Box<str>>, cause: Option<&Cause>) -> Message {
        Message::new(self.into_arc(), source, key, cause)
    }

    fn of_message(message: Message) -> Option<I> {
        message.into_event()
    }
}

impl<'b, I: IntoEvent> Publish<'b, I> {
    fn new(bus: &'b Bus, event: I) -> Self {
        Self { sending: Sending::new(bus, event) }
    }

    /// Events with the same key are handled one after the other, in the order of publishing, in every group whose consumer does not
    /// tell keys itself.
    pub fn key(mut self, key: impl Into<Box<str>>) -> Self {
        self.sending.key = Some(key.into());
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
        self.sending.id = Some(id);
        self
    }

    /// How long to wait for room, from the first poll: [`Full`](PublishError::Full) then; or for the answer of a transport that
    /// has been sent the event: [`Unknown`](PublishError::Unknown) then.
    ///
    /// The time is that of the runtime that it is polled in, or of the bus's own. Where there is neither it does not wait at all: no
    /// room is [`Full`](PublishError::Full) at once.
    ///
    /// # Panics
    ///
    /// When it begins to wait, if that runtime has no timer (`enable_time`).
    pub fn timeout(mut self, time: Duration) -> Self {
        self.sending.timeout = Some(time);
        self
    }

    /// Gives up waiting when `token` is cancelled: [`Cancelled`](PublishError::Cancelled), or
    /// [`Unknown`](PublishError::Unknown) if it has been sent.
    pub fn cancel_on(mut self, token: &CancellationToken) -> Self {
        self.sending.tokens.push(token.clone());
        self
    }

    /// Takes the event back; `None` if it has been published, or if the transport still holds it.
    pub fn into_event(mut self) -> Option<I> {
        self.sending.take_back()
    }

    pub(super) fn is_sent(&self) -> bool {
        self.sending.is_sent()
    }

    pub(crate) fn at_once(self) -> Result<(), PublishError<I>> {
        self.sending.at_once()
    }
}

impl<I: IntoEvent> Future for Publish<'_, I> {
    type Output = Result<(), PublishError<I>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.sending).poll(cx)
    }
}

impl<I: IntoEvent> fmt::Debug for Publish<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish").field("event", &I::Event::NAME.as_str()).finish_non_exhaustive()
    }
}
