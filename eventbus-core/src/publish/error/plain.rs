//! The errors of publishing without options: nothing is asked for that a transport could lack, and nothing cancels it.

use std::{error::Error, fmt, sync::Arc};

use super::why::{Reason, Why};
use crate::{
    call::MessageId,
    event::{Event, IntoEvent},
    listener::BoxError,
};

/// Writes an error with the same variants for two operations, which differ in when there is no room.
macro_rules! plain_error {
    ($(#[doc = $doc:literal])* $name:ident, $(#[doc = $full:literal])*) => {
        $(#[doc = $doc])*
        ///
        /// In all cases but [`Unknown`](Self::Unknown) the event has not been published.
        #[non_exhaustive]
        pub enum $name<I> {
            $(#[doc = $full])*
            Full(I),
            /// The bus is shutting down, or has shut down.
            Closed(I),
            /// The transport carries bytes, or the bus demands codecs, and the event's type has none.
            NoCodec(I),
            /// An [`Interceptor`](crate::Interceptor) has refused it.
            Refused {
                /// The event.
                event: I,
                /// What the interceptor says.
                source: Arc<dyn Error + Send + Sync>,
            },
            /// The event cannot be written.
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

        impl<I> $name<I> {
            /// `event` is `None` if the transport holds it.
            pub(in crate::publish) fn new(why: Why, id: MessageId, event: Option<I>) -> Self {
                let Some(event) = event else { return Self::Unknown { event: None, id, source: why.when_kept() } };
                match why {
                    Why::Full => Self::Full(event),
                    Why::Closed => Self::Closed(event),
                    Why::NoCodec => Self::NoCodec(event),
                    Why::Refused(source) => Self::Refused { event, source },
                    Why::Unwritable(source) => Self::Unwritable(event, source),
                    Why::TooLarge { size, limit } => Self::TooLarge { event, size, limit },
                    Why::TooManyHops { hops, chain } => Self::TooManyHops { event, hops, chain },
                    Why::Failed(source) => Self::Failed { event, source },
                    Why::Unknown(source) => Self::Unknown { event: Some(event), id, source },
                    // The transport says so of a message that asks for nothing of the kind.
                    Why::Cancelled | Why::NoDelay | Why::NoDedupe | Why::Duplicate => {
                        let source = "the transport has compared ids, although none were to be compared (clause T8)".into();
                        Self::Failed { event, source }
                    }
                }
            }

            /// The event, the id that it was sent with if that is known, and the reason.
            pub(super) fn into_parts(self) -> (Option<I>, MessageId, Why) {
                let (event, why) = match self {
                    Self::Full(event) => (event, Why::Full),
                    Self::Closed(event) => (event, Why::Closed),
                    Self::NoCodec(event) => (event, Why::NoCodec),
                    Self::Refused { event, source } => (event, Why::Refused(source)),
                    Self::Unwritable(event, source) => (event, Why::Unwritable(source)),
                    Self::TooLarge { event, size, limit } => (event, Why::TooLarge { size, limit }),
                    Self::TooManyHops { event, hops, chain } => (event, Why::TooManyHops { hops, chain }),
                    Self::Failed { event, source } => (event, Why::Failed(source)),
                    Self::Unknown { event, id, source } => return (event, id, Why::Unknown(source)),
                };
                (Some(event), MessageId::from_u128(0), why)
            }

            fn parts(&self) -> (Option<&I>, Reason<'_>) {
                let (event, reason) = match self {
                    Self::Full(event) => (event, Reason::Full),
                    Self::Closed(event) => (event, Reason::Closed),
                    Self::NoCodec(event) => (event, Reason::NoCodec),
                    Self::Refused { event, source } => (event, Reason::Refused(&**source)),
                    Self::Unwritable(event, source) => (event, Reason::Unwritable(&**source)),
                    Self::TooLarge { event, size, limit } => (event, Reason::TooLarge { size: *size, limit: *limit }),
                    Self::TooManyHops { event, hops, chain } => (event, Reason::TooManyHops { hops: *hops, chain }),
                    Self::Failed { event, source } => (event, Reason::Failed(&**source)),
                    Self::Unknown { event, source, .. } => return (event.as_ref(), Reason::Unknown(&**source)),
                };
                (Some(event), reason)
            }

            /// The event; `None` if it is [`Unknown`](Self::Unknown) and the transport still holds it.
            pub fn event(&self) -> Option<&I> {
                self.parts().0
            }

            /// Takes the event back; `None` if it is [`Unknown`](Self::Unknown) and the transport still holds it.
            pub fn into_event(self) -> Option<I> {
                self.into_parts().0
            }
        }

        impl<I: IntoEvent> fmt::Display for $name<I> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.parts().1.tell(I::Event::TYPE.wire_type(), I::Event::TYPE.rust_type(), f)
            }
        }

        /// Shows no event: it is not asked for `Debug`, and may hold what logs must not.
        impl<I: IntoEvent> fmt::Debug for $name<I> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl<I: IntoEvent> Error for $name<I> {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                self.parts().1.source()
            }
        }
    };
}

plain_error! {
    /// An error returned by [`Bus::try_publish`](crate::Bus::try_publish). The event is handed back.
    TryPublishError,
    /// A group is full, or the transport cannot tell without waiting.
}

plain_error! {
    /// An error of one of the events of [`Bus::publish_all`](crate::Bus::publish_all). It is handed back.
    PublishAllError,
    /// A group is full, and waiting was not allowed: by its [`Overflow`](crate::Overflow) policy, or inside a handler of the same bus.
}
