//! The error of publishing one event, with all that may be said about it.

use std::{error::Error, fmt, sync::Arc};

use super::{
    plain::{PublishAllError, TryPublishError},
    why::{Reason, Why},
};
use crate::{
    call::MessageId,
    event::{Event, IntoEvent},
    listener::BoxError,
};

/// An error returned by [`Bus::publish`](crate::Bus::publish), awaited. The event is handed back.
///
/// In all cases but [`Unknown`](Self::Unknown) the event has not been published.
#[non_exhaustive]
pub enum PublishError<I> {
    /// A group is full: there was no room, or not in time, or waiting was not allowed. Inside a
    /// handler of the same bus `publish` never waits: two handlers that fill each other's queues would wait for ever. Nor does it
    /// with a timeout where there is no runtime to tell the time.
    Full(I),
    /// The bus is shutting down, or has shut down.
    Closed(I),
    /// The publishing was cancelled by its token.
    Cancelled(I),
    /// The transport carries bytes, or the bus demands codecs, and the event's type has none.
    NoCodec(I),
    /// A delay was asked for, and the transport keeps none.
    NoDelay(I),
    /// [`dedupe`](crate::Publish::dedupe) was asked for, and the transport keeps no ids.
    NoDedupe(I),
    /// An event with the same id was published within the time that [`dedupe`](crate::Publish::dedupe) says: this one is not needed.
    Duplicate(I),
    /// An [`Interceptor`](crate::Interceptor) has refused it.
    Refused {
        /// The event.
        event: I,
        /// What the interceptor says.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The event cannot be written; or, for a transport that carries bytes, its key is too long
    /// ([`Message::MAX_ATTRIBUTE`](crate::Message::MAX_ATTRIBUTE)).
    Unwritable(I, BoxError),
    /// The event has more bytes than the transport takes, or than are read of any message
    /// ([`Message::MAX_DATA`](crate::Message::MAX_DATA)). Only what is carried in bytes is measured.
    TooLarge {
        /// The event.
        event: I,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A handler published an event, whose handler published an event .. further than the bus allows.
    TooManyHops {
        /// The event.
        event: I,
        /// How many messages there are in the chain.
        hops: u32,
        /// The last events of the chain, the newest last: this event is refused.
        chain: Vec<String>,
    },
    /// The transport failed before the event was sent: it is surely not published.
    Failed {
        /// The event.
        event: I,
        /// What the transport says.
        source: BoxError,
    },
    /// It was sent, and no answer came: it may be delivered. If you publish it again with the same
    /// [`id`](crate::Publish::id), handlers that keep the ids they have seen can recognise it.
    Unknown {
        /// The event; `None` if the transport still holds it: one that carries events themselves, and has not answered.
        event: Option<I>,
        /// The id that it was sent with.
        id: MessageId,
        /// What is known.
        source: BoxError,
    },
}

impl<I> PublishError<I> {
    /// `event` is `None` if the transport holds it: it may be delivered, whatever else is said.
    pub(in crate::publish) fn new(why: Why, id: MessageId, event: Option<I>) -> Self {
        let Some(event) = event else { return Self::Unknown { event: None, id, source: why.when_kept() } };
        match why {
            Why::Full => Self::Full(event),
            Why::Closed => Self::Closed(event),
            Why::Cancelled => Self::Cancelled(event),
            Why::NoCodec => Self::NoCodec(event),
            Why::NoDelay => Self::NoDelay(event),
            Why::NoDedupe => Self::NoDedupe(event),
            Why::Duplicate => Self::Duplicate(event),
            Why::Refused(source) => Self::Refused { event, source },
            Why::Unwritable(error) => Self::Unwritable(event, error),
            Why::TooLarge { size, limit } => Self::TooLarge { event, size, limit },
            Why::TooManyHops { hops, chain } => Self::TooManyHops { event, hops, chain },
            Why::Failed(source) => Self::Failed { event, source },
            Why::Unknown(source) => Self::Unknown { event: Some(event), id, source },
        }
    }

    /// The event; `None` if it is [`Unknown`](Self::Unknown) and the transport still holds it.
    pub fn event(&self) -> Option<&I> {
        self.parts().0
    }

    /// Takes the event back; `None` if it is [`Unknown`](Self::Unknown) and the transport still holds it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName, Memory};
    /// # struct OrderPlaced { id: u64 }
    /// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus::BoxError> {
    /// use std::time::Duration;
    /// use eventbus::Bus;
    ///
    /// let bus = Bus::builder().transport(Memory::new().capacity(1)).build();
    /// bus.consumer("slow").handle::<OrderPlaced>(|_, _| async {}).start().await?.pause();
    /// bus.publish(OrderPlaced { id: 1 }).await?;
    ///
    /// if let Err(error) = bus.publish(OrderPlaced { id: 2 }).timeout(Duration::from_millis(20)).await {
    ///     println!("{error}");
    ///     assert_eq!(error.into_event().map(|order| order.id), Some(2));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_event(self) -> Option<I> {
        match self {
            Self::Full(event)
            | Self::Closed(event)
            | Self::Cancelled(event)
            | Self::NoCodec(event)
            | Self::NoDelay(event)
            | Self::NoDedupe(event)
            | Self::Duplicate(event)
            | Self::Unwritable(event, _)
            | Self::Failed { event, .. }
            | Self::Refused { event, .. }
            | Self::TooLarge { event, .. }
            | Self::TooManyHops { event, .. } => Some(event),
            Self::Unknown { event, .. } => event,
        }
    }

    fn parts(&self) -> (Option<&I>, Reason<'_>) {
        let (event, reason) = match self {
            Self::Full(event) => (event, Reason::Full),
            Self::Closed(event) => (event, Reason::Closed),
            Self::Cancelled(event) => (event, Reason::Cancelled),
            Self::NoCodec(event) => (event, Reason::NoCodec),
            Self::NoDelay(event) => (event, Reason::NoDelay),
            Self::NoDedupe(event) => (event, Reason::NoDedupe),
            Self::Duplicate(event) => (event, Reason::Duplicate),
            Self::Refused { event, source } => (event, Reason::Refused(&**source)),
            Self::Unwritable(event, source) => (event, Reason::Unwritable(&**source)),
            Self::TooLarge { event, size, limit } => (event, Reason::TooLarge { size: *size, limit: *limit }),
            Self::TooManyHops { event, hops, chain } => (event, Reason::TooManyHops { hops: *hops, chain }),
            Self::Failed { event, source } => (event, Reason::Failed(&**source)),
            Self::Unknown { event, source, .. } => return (event.as_ref(), Reason::Unknown(&**source)),
        };
        (Some(event), reason)
    }
}

/// For code that tries first, and waits if there is no room.
impl<I> From<TryPublishError<I>> for PublishError<I> {
    fn from(error: TryPublishError<I>) -> Self {
        let (event, id, why) = error.into_parts();
        Self::new(why, id, event)
    }
}

/// For code that treats events in a batch as it treats single ones.
impl<I> From<PublishAllError<I>> for PublishError<I> {
    fn from(error: PublishAllError<I>) -> Self {
        let (event, id, why) = error.into_parts();
        Self::new(why, id, event)
    }
}

impl<I: IntoEvent> fmt::Display for PublishError<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().1.tell(I::Event::TYPE.wire_type(), I::Event::TYPE.rust_type(), f)
    }
}

/// Shows no event: it is not asked for `Debug`, and may hold what logs must not.
impl<I: IntoEvent> fmt::Debug for PublishError<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublishError({self})")
    }
}

impl<I: IntoEvent> Error for PublishError<I> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.parts().1.source()
    }
}
