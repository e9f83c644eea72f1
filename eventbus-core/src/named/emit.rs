//! Emitting by name.

use std::{
    any::{Any, TypeId, type_name},
    panic::Location,
    sync::Arc,
};

use super::{EmitNameError, error::UnknownVersion, wire_type::WireType};
use crate::{
    bus::NameTaken,
    call::{AnyEvent, Shared, UnclaimedContent},
    emission::{Bus, EmitAny},
    event::{Event, EventType},
    listener::Subject,
    registry::{Claimant, Slot},
};

impl Bus {
    /// Binds `E`'s name and version to `E` on this bus, so that what is emitted under them by name arrives typed.
    ///
    /// Listening to `E`, or emitting one, does so too. Declaring twice is fine.
    ///
    /// # Errors
    ///
    /// [`NameTaken`] if another type has the name and version on this bus. It shows both types, and where each was first used.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated { id: u64 }
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// bus.declare::<UserCreated>()?;
    /// bus.emit_name("user.created", UserCreated { id: 7 })?.blocking();
    ///
    /// let wrong = bus.emit_name("user.created", "seven").unwrap_err();
    /// assert_eq!(wrong.into_value(), "seven");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn declare<E: Event>(&self) -> Result<(), NameTaken> {
        self.declare_at::<E>(Location::caller())
    }

    /// Emits a value under a name, with its version where that is not 1 (`user.created.v2`).
    ///
    /// If a type has claimed the name, the value must be of that type; its listeners get it as if it had been emitted typed.
    /// Under a name that no type claims it goes to the listeners by pattern that match.
    ///
    /// # Errors
    ///
    /// [`EmitNameError`], which hands the value back: [`Name`](EmitNameError::Name) if the name is malformed,
    /// [`WrongType`](EmitNameError::WrongType) if it belongs to another type,
    /// [`UnknownVersion`](EmitNameError::UnknownVersion) if it is known but not in this version.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName};
    /// # struct UserCreated { id: u64 }
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # fn main() -> Result<(), eventbus::BoxError> {
    /// use eventbus::Bus;
    ///
    /// let bus = Bus::new();
    /// bus.on::<UserCreated>(|e| println!("user {}", e.id));
    /// bus.on_pattern("plugin.*", |e| println!("{} {:?}", e.name(), e.downcast_ref::<u8>()))?;
    ///
    /// bus.emit_name("user.created", UserCreated { id: 7 })?.blocking().into_result()?;
    /// bus.emit_name("plugin.loaded", 7_u8)?.blocking().into_result()?; // a name that no type claims
    /// # Ok(())
    /// # }
    /// ```
    pub fn emit_name<T: Any + Send + Sync>(&self, name: &str, value: T) -> Result<EmitAny<'_>, EmitNameError<T>> {
        let id = TypeId::of::<T>();
        // As it is: a name that a type has claimed is well-formed, and has no version at its end.
        if let Some(slot) = self.state.registry.of_type_named(id, name) {
            return Ok(self.emit_to(slot, Arc::new(value)));
        }
        let mut claimant = self.state.registry.claimant(name, 1, id);
        let wire = match WireType::parse(name) {
            Ok(wire) => wire,
            Err(error) => return Err(EmitNameError::Name { error, value }),
        };
        if wire.version != 1 {
            claimant = self.state.registry.claimant(wire.name, wire.version, id);
        }
        let claims = match claimant {
            Claimant::Slot(slot) => return Ok(self.emit_to(slot, Arc::new(value))),
            Claimant::Others => match self.claims(wire) {
                Ok(claims) => claims,
                Err(error) => return Err(EmitNameError::unknown_version(error, value)),
            },
            Claimant::Nobody => {
                return Ok(self.emit_unclaimed(wire.subject(), UnclaimedContent::Value(Arc::new(value))));
            }
        };
        match claims.iter().find(|event| event.id() == id) {
            // Another thread has just claimed it.
            Some(event) => Ok(self.emit_as(event, Arc::new(value))),
            None => Err(EmitNameError::WrongType {
                name: wire.to_string(),
                expected: claims.iter().map(|event| event.rust_type()).collect(),
                found: type_name::<T>(),
                value,
            }),
        }
    }

    fn emit_to<'b>(&'b self, slot: &'b Arc<Slot>, value: Shared) -> EmitAny<'b> {
        EmitAny::new(self, slot, AnyEvent::shared(slot.event, value))
    }

    /// The types that have claimed a name in this version. None if the name is unclaimed; an error if it is known in other
    /// versions only.
    pub(crate) fn claims(&self, wire: WireType<'_>) -> Result<Vec<&'static EventType>, UnknownVersion> {
        let all = self.types_of_name(wire.name);
        let claims: Vec<_> = all.iter().copied().filter(|event| event.version() == wire.version).collect();
        if claims.is_empty() && !all.is_empty() {
            let mut known: Vec<_> = all.iter().map(|event| event.version()).collect();
            known.sort_unstable();
            known.dedup();
            return Err(UnknownVersion { name: wire.name.to_owned(), version: wire.version, known });
        }
        Ok(claims)
    }
}

impl WireType<'_> {
    pub(crate) fn subject(self) -> Subject {
        Subject::Unclaimed { name: Arc::from(self.name), version: self.version }
    }
}
