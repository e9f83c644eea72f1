//! The content of a message: an event, or bytes.

use std::{any::Any, sync::Arc};

#[cfg(feature = "serde")]
use super::data::Data;
use crate::{emission::Bus, event::EventType};

/// The content of a message, in two words: every event that is published moves it.
#[derive(Clone)]
pub(crate) enum Content {
    /// The event itself.
    Event(Arc<dyn PublishedEvent>),
    Other(Arc<OtherContent>),
}

/// An event that a message carries, its type forgotten.
pub(crate) trait PublishedEvent: Any + Send + Sync {
    /// What messages know of its type.
    fn kind(&self) -> &'static MessageKind;
}

/// What the fewest messages have in memory.
pub(crate) enum OtherContent {
    /// An event that was published by its name.
    #[cfg(feature = "serde")]
    Named(Arc<dyn Any + Send + Sync>, &'static MessageKind),
    /// The event as bytes.
    #[cfg(feature = "serde")]
    Data(Data),
    /// Bytes that are no message.
    Malformed(Malformed),
}

/// A look at the content of a message.
#[derive(Clone, Copy)]
pub(crate) enum ContentRef<'m> {
    /// The event itself.
    Shared(SharedEvent<'m>),
    /// The event as bytes.
    #[cfg(feature = "serde")]
    Data(&'m Data),
    /// Bytes that are no message.
    Malformed(&'m Malformed),
}

/// An event whose type is forgotten and can be found again.
#[derive(Clone, Copy)]
pub(crate) enum SharedEvent<'m> {
    Event(&'m Arc<dyn PublishedEvent>),
    #[cfg(feature = "serde")]
    Named(&'m Arc<dyn Any + Send + Sync>, &'static MessageKind),
}

impl Content {
    /// An event of which only the type's description is known.
    #[cfg(feature = "serde")]
    pub(crate) fn named(event: Arc<dyn Any + Send + Sync>, kind: &'static MessageKind) -> Self {
        Self::Other(Arc::new(OtherContent::Named(event, kind)))
    }

    #[cfg(feature = "serde")]
    pub(crate) fn data(data: Data) -> Self {
        Self::Other(Arc::new(OtherContent::Data(data)))
    }

    pub(super) fn malformed(malformed: Malformed) -> Self {
        Self::Other(Arc::new(OtherContent::Malformed(malformed)))
    }

    #[inline]
    pub(crate) fn look(&self) -> ContentRef<'_> {
        match self {
            Self::Event(event) => ContentRef::Shared(SharedEvent::Event(event)),
            Self::Other(other) => match &**other {
                #[cfg(feature = "serde")]
                OtherContent::Named(event, kind) => ContentRef::Shared(SharedEvent::Named(event, kind)),
                #[cfg(feature = "serde")]
                OtherContent::Data(data) => ContentRef::Data(data),
                OtherContent::Malformed(malformed) => ContentRef::Malformed(malformed),
            },
        }
    }

    /// The event's type, where it is known.
    #[inline]
    pub(crate) fn event_type(&self) -> Option<&'static EventType> {
        match self.look() {
            ContentRef::Shared(shared) => Some(shared.kind().event),
            #[cfg(feature = "serde")]
            ContentRef::Data(data) => data.subject.event_type(),
            ContentRef::Malformed(_) => None,
        }
    }

    /// The event, where it is the event itself.
    pub(super) fn into_event(self) -> Option<Arc<dyn Any + Send + Sync>> {
        match self {
            Self::Event(event) => Some(event),
            Self::Other(other) => match &*other {
                // The clone is the only handle once `other` is dropped.
                #[cfg(feature = "serde")]
                OtherContent::Named(event, _) => Some(Arc::clone(event)),
                _ => None,
            },
        }
    }
}

impl<'m> SharedEvent<'m> {
    /// Its type, and how its dead letters are emitted.
    #[inline]
    pub(crate) fn kind(self) -> &'static MessageKind {
        match self {
            Self::Event(event) => event.kind(),
            #[cfg(feature = "serde")]
            Self::Named(_, kind) => kind,
        }
    }

    #[inline]
    pub(crate) fn get(self) -> &'m (dyn Any + Send + Sync) {
        match self {
            Self::Event(event) => &**event,
            #[cfg(feature = "serde")]
            Self::Named(event, _) => &**event,
        }
    }

    #[inline]
    pub(crate) fn to_arc(self) -> Arc<dyn Any + Send + Sync> {
        match self {
            Self::Event(event) => Arc::<dyn PublishedEvent>::clone(event),
            #[cfg(feature = "serde")]
            Self::Named(event, _) => Arc::clone(event),
        }
    }
}

/// What a message knows of its event's type.
pub(crate) struct MessageKind {
    pub(crate) event: &'static EventType,
    /// Emits the event of a dead letter; `None` where only the type's description is known.
    pub(crate) failed: Option<FailedFn>,
}

/// Takes the bus, the event, and the dead letter.
pub(crate) type FailedFn = fn(&Bus, Arc<dyn Any + Send + Sync>, Box<dyn Any + Send>);

/// Bytes that are no message.
pub(crate) struct Malformed {
    pub(super) reason: Box<str>,
    pub(super) data: Box<[u8]>,
}
