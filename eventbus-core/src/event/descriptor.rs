//! What is known of an event type without having an event.

use std::{
    any::TypeId,
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

#[cfg(feature = "testing")]
use super::DebugFn;
#[cfg(feature = "serde")]
use super::EventCodec;
use super::EventName;
#[cfg(feature = "schema")]
use super::Schema;

/// The descriptor of an event type: all that is known of it at compile time.
///
/// Found at [`Event::TYPE`](crate::Event::TYPE). Two descriptors are equal if they describe the same Rust type.
///
/// # Examples
///
/// ```
/// # use eventbus_core as eventbus;
/// use eventbus::{Event, EventName};
///
/// struct UserCreated;
/// impl Event for UserCreated {
///     const NAME: EventName = EventName::new("user.created");
///     const VERSION: u32 = 2;
/// }
///
/// assert_eq!(UserCreated::TYPE.name(), "user.created");
/// assert_eq!(UserCreated::TYPE.wire_type().to_string(), "user.created.v2");
/// assert!(UserCreated::TYPE.rust_type().ends_with("UserCreated"));
/// ```
#[derive(Clone, Copy)]
pub struct EventType {
    pub(super) id: TypeId,
    pub(super) name: EventName,
    pub(super) version: u32,
    pub(super) rust_type: fn() -> &'static str,
    pub(super) docs: &'static str,
    pub(super) fields: &'static [Field],
    pub(super) shares_name: bool,
    pub(super) number: fn() -> Option<&'static AtomicU32>,
    #[cfg(feature = "testing")]
    pub(super) debug: fn() -> Option<DebugFn>,
    #[cfg(feature = "serde")]
    pub(super) codec: fn() -> Option<&'static EventCodec>,
    #[cfg(feature = "schema")]
    pub(super) schema: fn() -> Option<Schema>,
}

impl EventType {
    /// The id of the Rust type.
    pub const fn id(&self) -> TypeId {
        self.id
    }

    /// The event's name; it carries no version.
    pub const fn name(&self) -> EventName {
        self.name
    }

    /// The event's version, from 1.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The path of the Rust type, for people: its exact form may change between compilers.
    pub fn rust_type(&self) -> &'static str {
        (self.rust_type)()
    }

    /// The type's doc comment, lines joined by `\n`; empty without one.
    pub const fn docs(&self) -> &'static str {
        self.docs
    }

    /// The fields of a struct, or the variants of an enum, in the order of their declaration.
    pub const fn fields(&self) -> &'static [Field] {
        self.fields
    }

    /// Whether other types may have this name and version too; see [`Event::SHARES_NAME`](crate::Event::SHARES_NAME).
    pub const fn shares_name(&self) -> bool {
        self.shares_name
    }

    /// A number that no other type has, from 0 upwards without gaps; `None` for a type that cannot have one.
    #[inline]
    pub(crate) fn number(&self) -> Option<u32> {
        number((self.number)()?)
    }

    /// Whether its events can be written as bytes and read from them: its type says `#[event(serde)]`.
    #[cfg(feature = "serde")]
    pub fn has_codec(&self) -> bool {
        self.codec().is_some()
    }

    /// The JSON Schema of its events, if its type says `#[event(schema)]`.
    #[cfg(feature = "schema")]
    pub fn schema(&self) -> Option<Schema> {
        (self.schema)()
    }

    /// How its events are printed by the type's own `Debug`, if the derive has found one.
    #[cfg(feature = "testing")]
    pub(crate) fn debug(&self) -> Option<DebugFn> {
        (self.debug)()
    }

    #[cfg(feature = "serde")]
    pub(crate) fn codec(&self) -> Option<&'static EventCodec> {
        (self.codec)()
    }

    /// The type as it is written outside of the process: the name for version 1, `name.vN` after.
    pub fn wire_type(&self) -> impl fmt::Display {
        VersionedName(self.name, self.version)
    }
}

#[inline]
pub(super) fn number(number: &'static AtomicU32) -> Option<u32> {
    // One more than the number; 0 until there is one.
    match number.load(Ordering::Relaxed) {
        0 => assign(number),
        more => Some(more - 1),
    }
}

#[cold]
fn assign(number: &'static AtomicU32) -> Option<u32> {
    static LAST: Mutex<u32> = Mutex::new(0);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    // Somebody else may have been first.
    if number.load(Ordering::Relaxed) == 0 {
        *last = last.checked_add(1)?;
        number.store(*last, Ordering::Relaxed);
    }
    Some(number.load(Ordering::Relaxed) - 1)
}

impl PartialEq for EventType {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for EventType {}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventType")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("rust_type", &self.rust_type())
            .finish_non_exhaustive()
    }
}

/// Prints as the wire type and the Rust type: ``user.created.v2 (`app::UserCreated`)``.
impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (`{}`)", self.wire_type(), self.rust_type())
    }
}

struct VersionedName(EventName, u32);

impl fmt::Display for VersionedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            1 => f.write_str(&self.0),
            version => write!(f, "{}.v{version}", self.0),
        }
    }
}

/// A field of an event struct, or a variant of an event enum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    name: &'static str,
    rust_type: &'static str,
    docs: &'static str,
}

impl Field {
    /// Describes a field; `#[derive(Event)]` calls it for each.
    pub const fn new(name: &'static str, rust_type: &'static str, docs: &'static str) -> Self {
        Self { name, rust_type, docs }
    }

    /// The field's name; `0`, `1`, .. in a tuple struct; the variant's name in an enum.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The type as it stands in the source; for a variant what it carries: empty, `(..)` or `{ .. }`.
    pub const fn rust_type(&self) -> &'static str {
        self.rust_type
    }

    /// The doc comment, lines joined by `\n`; empty without one.
    pub const fn docs(&self) -> &'static str {
        self.docs
    }
}
