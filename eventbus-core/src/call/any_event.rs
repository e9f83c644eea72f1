//! Events whose type is not known where they are handled.

use std::{any::Any, fmt, sync::Arc};

#[cfg(feature = "serde")]
use crate::event::{DecodeError, EncodeError};
use crate::{
    event::{Event, EventType},
    listener::Subject,
};

/// An event, seen by its name: what listeners by pattern get.
///
/// Of a typed event it is that event; [`downcast_ref`](Self::downcast_ref) gives the type back. Of a name that no type
/// claims it is what was emitted under that name: a value, or JSON.
///
/// # Examples
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct UserCreated { id: u64 }
/// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
/// # fn main() -> Result<(), eventbus_core::PatternError> {
/// let bus = Bus::new();
/// bus.on_pattern("user.*", |e| match e.downcast_ref::<UserCreated>() {
///     Some(user) => println!("user {} created", user.id),
///     None => println!("{} version {}", e.name(), e.version()),
/// })?;
/// bus.emit(UserCreated { id: 7 }).blocking();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AnyEvent<'a> {
    subject: Subject,
    value: Value<'a>,
}

#[derive(Clone)]
enum Value<'a> {
    Borrowed(&'a (dyn Any + Send + Sync), Option<&'a dyn ShareEvent>),
    Shared(Shared),
    #[cfg(feature = "serde")]
    Json(Arc<str>),
}

/// An event in an `Arc`, its type erased.
pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

/// An event that lies in an `Arc` and can be shared.
pub(crate) trait ShareEvent: Send + Sync {
    fn share(&self) -> Shared;
}

impl<E: Send + Sync + 'static> ShareEvent for Arc<E> {
    fn share(&self) -> Shared {
        Self::clone(self)
    }
}

/// What is emitted under a name that no type claims.
#[derive(Clone)]
pub(crate) enum UnclaimedContent {
    Value(Shared),
    #[cfg(feature = "serde")]
    Json(Arc<str>),
}

impl<'a> AnyEvent<'a> {
    /// An event of a type, for a listener that is called while the event is borrowed.
    pub(crate) fn borrowed(
        event_type: &'static EventType,
        event: &'a (dyn Any + Send + Sync),
        shared: Option<&'a dyn ShareEvent>,
    ) -> Self {
        Self { subject: Subject::Typed(event_type), value: Value::Borrowed(event, shared) }
    }

    pub(crate) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The event's name.
    pub fn name(&self) -> &str {
        self.subject.name()
    }

    /// The event's version.
    pub fn version(&self) -> u32 {
        self.subject.version()
    }

    /// The event's type, if one claims the name.
    pub fn event_type(&self) -> Option<&'static EventType> {
        self.subject.event_type()
    }

    /// The event as a `T`: the event type, or the type of what was emitted under a name that no type claims.
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        match &self.value {
            Value::Borrowed(event, _) => (*event as &dyn Any).downcast_ref(),
            Value::Shared(event) => (&**event as &dyn Any).downcast_ref(),
            #[cfg(feature = "serde")]
            Value::Json(_) => None,
        }
    }

    /// The event as JSON.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the event's type has no codec (`#[event(serde)]`), or its serialisation fails or panics; or if the
    /// event came as JSON and is malformed.
    #[cfg(feature = "serde")]
    pub fn to_json(&self) -> Result<serde_json::Value, JsonError> {
        let event: &dyn Any = match &self.value {
            Value::Borrowed(event, _) => *event,
            Value::Shared(event) => &**event,
            Value::Json(json) => {
                return serde_json::from_str(json).map_err(|error| JsonError::Malformed {
                    name: self.name().to_owned(),
                    source: DecodeError::of_json(&error),
                });
            }
        };
        let codec = self.event_type().and_then(EventType::codec);
        match codec.and_then(|codec| codec.json_value(event)) {
            Some(encoded) => encoded.map_err(|source| JsonError::Failed { name: self.name().to_owned(), source }),
            None => Err(JsonError::NoCodec { name: self.name().to_owned() }),
        }
    }

    /// ```compile_fail,E0277
    /// eventbus_core::Bus::new().on_pattern("**", |e| println!("{:?}", e.to_json()));
    /// ```
    #[cfg(not(feature = "serde"))]
    #[doc(hidden)]
    pub fn to_json(&self) -> Result<(), std::convert::Infallible>
    where
        Self: crate::event::FeatureSerde,
    {
        Ok(())
    }

    /// The event for keeps; `None` if it was emitted by value and is only borrowed here.
    pub fn to_owned(&self) -> Option<AnyEvent<'static>> {
        let value = match &self.value {
            Value::Borrowed(_, shared) => Value::Shared((*shared)?.share()),
            Value::Shared(value) => Value::Shared(Arc::clone(value)),
            #[cfg(feature = "serde")]
            Value::Json(json) => Value::Json(Arc::clone(json)),
        };
        Some(AnyEvent { subject: self.subject.clone(), value })
    }
}

impl AnyEvent<'static> {
    /// An event of a type, for a listener that keeps it.
    pub(crate) fn shared(event_type: &'static EventType, event: Shared) -> Self {
        Self { subject: Subject::Typed(event_type), value: Value::Shared(event) }
    }

    /// An event that is known by its name and what it carries.
    pub(crate) fn of_content(subject: Subject, content: UnclaimedContent) -> Self {
        let value = match content {
            UnclaimedContent::Value(value) => Value::Shared(value),
            #[cfg(feature = "serde")]
            UnclaimedContent::Json(json) => Value::Json(json),
        };
        Self { subject, value }
    }

    /// The event of a type, its type erased; `None` if it is not of a type.
    pub(crate) fn typed(&self) -> Option<&Shared> {
        match (&self.subject, &self.value) {
            (Subject::Typed(_), Value::Shared(event)) => Some(event),
            _ => None,
        }
    }

    /// The event of a listener that was registered for its type.
    pub(crate) fn arc<E: Event>(&self) -> Option<Arc<E>> {
        Arc::clone(self.typed()?).downcast().ok()
    }
}

impl fmt::Debug for AnyEvent<'_> {
    /// Shows no content: events are not asked for `Debug`, and may hold what logs must not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyEvent")
            .field("name", &self.name())
            .field("version", &self.version())
            .field("event_type", &self.event_type())
            .finish_non_exhaustive()
    }
}

/// An error returned by [`AnyEvent::to_json`].
#[cfg(feature = "serde")]
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The event's type does not say how it is written.
    #[error("`{name}` cannot be written as JSON: its type has no codec (`#[event(serde)]`)")]
    NoCodec {
        /// The event's name.
        name: String,
    },
    /// Its serialisation failed.
    #[error("`{name}` cannot be written as JSON")]
    Failed {
        /// The event's name.
        name: String,
        /// What is wrong, without a value of the event.
        source: EncodeError,
    },
    /// It came as JSON, from a transport, and is malformed.
    #[error("`{name}` is not JSON")]
    Malformed {
        /// The event's name.
        name: String,
        /// What is wrong, without a value of the payload.
        source: DecodeError,
    },
}
