//! Publishing one event.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    PublishError, TryPublishError,
    events::{back_of, content_of, parts_of},
    sending::{Limit, Rejected, Sending, When},
};
use crate::{
    call::MessageId,
    emission::Bus,
    event::{Event, IntoEvent, isolate},
};

impl Bus {
    /// Publishes an event: it reaches every consumer group, later, in whatever process they are.
    ///
    /// Awaited, it waits while the queue of a group that handles the event is full, unless the group's
    /// [`Overflow`](crate::Overflow) policy is another. An event that no group handles waits in the transport's bounded log for one
    /// that does: one warning tells this, and the publisher does not wait.
    ///
    /// Inside a handler of this bus it never waits: a full queue is an error at once. The bus knows a handler by its task, and
    /// by the handle from [`Delivery::bus`](crate::Delivery::bus). In another task, with another handle of the bus, `publish`
    /// does wait; a handler that awaits such a task may wait for itself.
    ///
    /// # Errors
    ///
    /// [`PublishError`], which hands the event back.
    ///
    /// # Panics
    ///
    /// Awaited: if it must wait with a [`timeout`](Publish::timeout) in a runtime without a timer (`enable_time`).
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
    /// [`TryPublishError`], which hands the event back: [`Full`](TryPublishError::Full) if a group's queue is full, and where the
    /// transport cannot tell without waiting.
    ///
    /// # Examples
    ///
    /// ```
    /// # mod eventbus { pub use eventbus_core::*; pub mod publish { pub use eventbus_core::*; } }
    /// # use eventbus_core::{Event, EventName, Memory};
    /// # struct Tick(u32);
    /// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use eventbus::{Bus, publish::TryPublishError};
    ///
    /// let bus = Bus::builder().transport(Memory::new().capacity(1)).build();
    /// bus.consumer("slow").handle::<Tick>(|_, _| async {}).start().await?;
    /// bus.try_publish(Tick(1))?;
    ///
    /// match bus.try_publish(Tick(2)) {
    ///     Ok(()) => {}
    ///     Err(TryPublishError::Full(tick)) => println!("no room for tick {}", tick.0),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_publish<I: IntoEvent>(&self, event: I) -> Result<(), TryPublishError<I>> {
        Publish::new(self, event).at_once()
    }
}

/// An event that is about to be published; made by [`Bus::publish`](crate::Bus::publish).
///
/// It takes part in tokio's cooperative scheduling: a task that publishes on and on gives way to others now and then, unless it
/// runs a handler.
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
/// bus.consumer("slow").handle::<Tick>(|_, _| async {}).start().await?;
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
    /// Until it is first polled.
    event: Option<I>,
    sending: Sending<'b>,
}

// Nothing in it is pinned in place.
impl<I: IntoEvent> Unpin for Publish<'_, I> {}

impl<'b, I: IntoEvent> Publish<'b, I> {
    #[inline]
    fn new(bus: &'b Bus, event: I) -> Self {
        Self { event: Some(event), sending: Sending::new(bus) }
    }

    /// Events with the same key are handled one after the other, in the order of publishing, in every group whose consumer has
    /// no [key function](crate::ConsumerBuilder::key) of its own.
    pub fn key(mut self, key: impl Into<Box<str>>) -> Self {
        self.sending.options().key = Some(key.into());
        self
    }

    /// The message's id, instead of a new one: to know it beforehand, or to publish again after [`Unknown`](PublishError::Unknown), so
    /// that handlers that keep the ids they have seen do not handle it twice.
    ///
    /// ```
    /// # mod eventbus { pub use eventbus_core::*; pub mod transport { pub use eventbus_core::*; } }
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct Tick;
    /// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bus = Bus::new();
    /// use eventbus::transport::MessageId;
    ///
    /// let id = MessageId::new();
    /// bus.publish(Tick).id(id).await?;
    /// println!("published as {id}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn id(mut self, id: MessageId) -> Self {
        self.sending.options().id = Some(id);
        self
    }

    /// Refuses the event as a [`Duplicate`](PublishError::Duplicate) if one with the same [`id`](Self::id) was published within this
    /// time: for requests that come again, by the id that their sender gave them. It needs a transport that keeps ids
    /// ([`Capabilities::dedupe`](crate::Capabilities::dedupe)); elsewhere it is [`NoDedupe`](PublishError::NoDedupe).
    ///
    /// The transport bounds how many ids it keeps ([`Memory::MAX_IDS`](crate::Memory::MAX_IDS)); beyond that the oldest is forgotten.
    ///
    /// ```
    /// # mod eventbus { pub use eventbus_core::*; pub mod transport { pub use eventbus_core::*; } }
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct Paid;
    /// # impl Event for Paid { const NAME: EventName = EventName::new("paid"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use eventbus::{PublishError, transport::MessageId};
    ///
    /// let bus = Bus::new();
    /// let (id, window) = (MessageId::from_u128(7), Duration::from_secs(3600));
    /// bus.publish(Paid).id(id).dedupe(window).await?;
    /// let again = bus.publish(Paid).id(id).dedupe(window).await;
    /// assert!(matches!(again, Err(PublishError::Duplicate(_))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn dedupe(mut self, window: Duration) -> Self {
        self.sending.options().dedupe = Some(window);
        self
    }

    /// Handlers get the event when this time has passed, and not before. How late it may be, the transport's
    /// [`delay`](crate::Capabilities::delay) says; over one that keeps no delays it is [`NoDelay`](PublishError::NoDelay).
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct Reminder;
    /// # impl Event for Reminder { const NAME: EventName = EventName::new("reminder"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let bus = Bus::new();
    /// bus.publish(Reminder).after(Duration::from_secs(60)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn after(mut self, delay: Duration) -> Self {
        self.sending.options().when = Some(When::After(delay));
        self
    }

    /// As [`after`](Self::after), with a time of day.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.sending.options().when = Some(When::At(time));
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
        self.sending.options().limit = Some(Limit::For(time));
        self
    }

    /// As [`timeout`](Self::timeout), with the moment at which the wait is over.
    pub fn deadline(mut self, at: impl Into<Instant>) -> Self {
        self.sending.options().limit = Some(Limit::Until(at.into()));
        self
    }

    /// Gives up waiting when `token` is cancelled: [`Cancelled`](PublishError::Cancelled), or
    /// [`Unknown`](PublishError::Unknown) if it has been sent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName};
    /// # struct Tick;
    /// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus::BoxError> {
    /// use eventbus::{Bus, PublishError};
    /// use tokio_util::sync::CancellationToken;
    ///
    /// let bus = Bus::new();
    /// bus.consumer("slow").handle::<Tick>(|_, _| async {}).capacity(1).start().await?.pause();
    /// bus.publish(Tick).await?; // the queue is full now
    ///
    /// let request = CancellationToken::new();
    /// request.cancel();
    /// let refused = bus.publish(Tick).cancel_on(&request).await;
    /// assert!(matches!(refused, Err(PublishError::Cancelled(Tick))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn cancel_on(mut self, token: &CancellationToken) -> Self {
        self.sending.options().tokens.push(token.clone());
        self
    }

    /// As [`cancel_on`](Self::cancel_on), when `future` ends.
    pub fn until(mut self, future: impl Future<Output = ()> + Send + 'b) -> Self {
        self.sending.options().until.push(Box::pin(future));
        self
    }

    /// Takes the event back; `None` if it has been published, handed back by an error, or sent by a transport that still holds it.
    pub fn into_event(mut self) -> Option<I> {
        match self.event.take() {
            Some(event) => Some(event),
            None => back_of(self.sending.take_back()?),
        }
    }

    pub(crate) fn at_once(mut self) -> Result<(), TryPublishError<I>> {
        let Some(event) = self.event.take() else { unreachable!("it has not been polled") };
        // Its drop is for one that is given up.
        let unused = Sending::new(self.sending.bus());
        let sending = std::mem::replace(&mut self.sending, unused);
        sending.at_once(content_of(event)).map_err(|rejected| {
            let (why, id, event) = parts_of(rejected);
            TryPublishError::new(why, id, event)
        })
    }
}

impl<I: IntoEvent> Future for Publish<'_, I> {
    type Output = Result<(), PublishError<I>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { event, sending } = &mut *self;
        if event.is_some() && !sending.may_begin(cx) {
            return Poll::Pending;
        }
        let polled = match event.take().map(content_of) {
            None => sending.poll(cx),
            Some(content) => match sending.publish_plain(content) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(content) => sending.begin(content, cx),
            },
        };
        polled.map(|published| published.map_err(error_of))
    }
}

fn error_of<I: IntoEvent>(rejected: Rejected) -> PublishError<I> {
    let (why, id, event) = parts_of(rejected);
    PublishError::new(why, id, event)
}

impl<I: IntoEvent> Drop for Publish<'_, I> {
    #[inline]
    fn drop(&mut self) {
        if let Some(event) = self.event.take() {
            // Foreign code, which was not published: its drop shall not panic into whoever gives it up.
            let _ = isolate(|| drop(event));
        }
    }
}

impl<I: IntoEvent> fmt::Debug for Publish<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish").field("event", &I::Event::NAME.as_str()).finish_non_exhaustive()
    }
}
