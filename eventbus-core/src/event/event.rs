//! The traits of what can be emitted.

use std::{
    any::TypeId,
    sync::{Arc, atomic::AtomicU32},
};

#[cfg(feature = "serde")]
use super::EventCodec;
#[cfg(feature = "schema")]
use super::Schema;
use super::{DebugFn, EventName, EventType, Field, descriptor::number};

/// A fact: something that happened, with enough context for whoever listens.
///
/// Derive it. The derive takes the name from the type's words (`UserCreated` is `user.created`), or from
/// `#[event(name = "..")]`; it asks for neither `Clone` nor `Debug` nor serde. By hand it is one line:
///
/// ```
/// # use eventbus_core as eventbus;
/// use eventbus::{Event, EventName};
///
/// struct PageView { path: String }
///
/// impl Event for PageView {
///     const NAME: EventName = EventName::new("analytics.page_view");
/// }
/// ```
///
/// An event's identity is its name *and* version. On one bus two types cannot have the same identity: the second one to
/// arrive panics where it arrives, and the message shows both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an `Event`",
    label = "not an event",
    note = "add `#[derive(eventbus::Event)]` to `{Self}`"
)]
pub trait Event: Sized + Send + Sync + 'static {
    /// The event's dotted name, checked at compile time.
    const NAME: EventName;

    /// The version of the event's content, from 1. A change that old listeners could not read is a new version.
    const VERSION: u32 = 1;

    /// The type's doc comment.
    const DOCS: &'static str = "";

    /// The fields of a struct, or the variants of an enum.
    const FIELDS: &'static [Field] = &[];

    /// Whether other types on the same bus may have this name and version, as the monomorphs of a generic event do if
    /// it says `#[event(shares_name)]`. All of them must say so.
    const SHARES_NAME: bool = false;

    /// Where the type keeps its number, by which a bus finds its listeners faster. Written by the derive, and only for types
    /// without parameters: a static of a generic type would be shared by all that the type becomes.
    #[doc(hidden)]
    #[inline]
    fn __number() -> Option<&'static AtomicU32> {
        None
    }

    /// How its events are printed by their own `Debug`. Written by the derive with the feature `testing`, for types that have one.
    #[doc(hidden)]
    fn __debug() -> Option<DebugFn> {
        None
    }

    /// How its events are written and read; `#[event(serde)]` overrides it.
    #[cfg(feature = "serde")]
    #[doc(hidden)]
    fn __codec() -> Option<&'static EventCodec> {
        None
    }

    /// The JSON Schema of its events; `#[event(schema)]` overrides it.
    #[cfg(feature = "schema")]
    #[doc(hidden)]
    fn __schema() -> Option<Schema> {
        None
    }

    /// The descriptor. Leave it as it is.
    const TYPE: &'static EventType = &event_type::<Self>();
}

/// The descriptor of `E`.
const fn event_type<E: Event>() -> EventType {
    assert!(E::VERSION > 0, "versions of an event count from 1");
    EventType {
        id: TypeId::of::<E>(),
        name: E::NAME,
        version: E::VERSION,
        rust_type: std::any::type_name::<E>,
        docs: E::DOCS,
        fields: E::FIELDS,
        shares_name: E::SHARES_NAME,
        number: E::__number,
        #[cfg(feature = "testing")]
        debug: E::__debug,
        #[cfg(feature = "serde")]
        codec: E::__codec,
        #[cfg(feature = "schema")]
        schema: E::__schema,
    }
}

/// The number of a type that is known at compile time; see [`EventType::number`].
#[inline]
pub(crate) fn number_of<E: Event>() -> Option<u32> {
    number(E::__number()?)
}

mod sealed {
    pub trait IntoEvent {}
}
impl<E: Event> sealed::IntoEvent for E {}
impl<E: Event> sealed::IntoEvent for Arc<E> {}

/// What can be emitted: an event by value, or an event in an `Arc`.
///
/// By value is the cheap way: nothing is allocated unless a listener needs to share the event. An `Arc` suits an event
/// that is emitted again or kept.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be emitted",
    label = "not an event, and not an event in an `Arc`",
    note = "pass the event by value, or as `Arc<E>`, where `E` has `#[derive(eventbus::Event)]`"
)]
pub trait IntoEvent: sealed::IntoEvent + Sized + Send + 'static {
    /// The event's type.
    type Event: Event;

    /// Borrows the event.
    fn get(&self) -> &Self::Event;

    /// Shares the event, moving it into an `Arc` unless it is in one.
    fn into_arc(self) -> Arc<Self::Event>;

    /// The event's `Arc`, if it is in one.
    fn as_arc(&self) -> Option<&Arc<Self::Event>>;

    /// Takes back what [`into_arc`](Self::into_arc) has shared; `None` if an event by value is still shared.
    #[doc(hidden)]
    fn __from_arc(shared: Arc<Self::Event>) -> Option<Self>;
}

impl<E: Event> IntoEvent for E {
    type Event = E;

    fn get(&self) -> &E {
        self
    }

    fn into_arc(self) -> Arc<E> {
        Arc::new(self)
    }

    fn as_arc(&self) -> Option<&Arc<E>> {
        None
    }

    fn __from_arc(shared: Arc<E>) -> Option<E> {
        Arc::into_inner(shared)
    }
}

impl<E: Event> IntoEvent for Arc<E> {
    type Event = E;

    fn get(&self) -> &E {
        self
    }

    fn into_arc(self) -> Arc<E> {
        self
    }

    fn as_arc(&self) -> Option<&Arc<E>> {
        Some(self)
    }

    fn __from_arc(shared: Arc<E>) -> Option<Self> {
        Some(shared)
    }
}
