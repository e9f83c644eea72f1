//! Listening by name.

use std::panic::Location;

use super::{ByName, Listener, Scope, WiringError, listen::Target};
use crate::{
    emission::{AsyncNameListener, Bus, NameListener},
    pattern::Pattern,
    registry::Subscription,
};

/// Writes the same verbs for a bus and for a scope.
macro_rules! by_name {
    ($on:ty) => {
        impl $on {
            /// Registers a listener for all events whose names match `pattern`: `*` stands for one segment, `**` for any number.
            ///
            /// It hears typed events of those names, whatever their versions, and what is emitted under names that no type
            /// claims. Its turns come by priority and registration, between those of listeners to types.
            ///
            /// # Errors
            ///
            /// [`WiringError::Pattern`] if the pattern is malformed; it points at the position.
            ///
            /// # Examples
            ///
            /// ```
            /// # use eventbus_core::{Bus, Event, EventName};
            /// # struct UserCreated;
            /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
            /// # fn main() -> Result<(), eventbus_core::WiringError> {
            /// let bus = Bus::new();
            /// bus.on_name("user.*", |e| println!("{}", e.name()))?;
            ///
            /// assert_eq!(bus.emit(UserCreated).blocking().succeeded(), 1);
            /// assert!(bus.on_name("user_*", |_| {}).is_err());
            /// # Ok(())
            /// # }
            /// ```
            #[track_caller]
            pub fn on_name(&self, pattern: &str, listener: impl NameListener) -> Result<Subscription, WiringError> {
                Ok(self.listener_name(pattern)?.on(listener))
            }

            /// Registers an async listener by name, as [`on_name`](Self::on_name) does.
            ///
            /// # Errors
            ///
            /// [`WiringError::Pattern`] if the pattern is malformed.
            #[track_caller]
            pub fn on_name_async(
                &self,
                pattern: &str,
                listener: impl AsyncNameListener,
            ) -> Result<Subscription, WiringError> {
                Ok(self.listener_name(pattern)?.on_async(listener))
            }

            /// Registers a listener by name that may block, as [`on_name`](Self::on_name) does.
            ///
            /// # Errors
            ///
            /// [`WiringError::Pattern`] if the pattern is malformed.
            #[track_caller]
            pub fn on_name_blocking(
                &self,
                pattern: &str,
                listener: impl NameListener,
            ) -> Result<Subscription, WiringError> {
                Ok(self.listener_name(pattern)?.on_blocking(listener))
            }

            /// Starts registering a listener by name with options.
            ///
            /// # Errors
            ///
            /// [`WiringError::Pattern`] if the pattern is malformed.
            #[track_caller]
            pub fn listener_name(&self, pattern: &str) -> Result<Listener<'_, ByName>, WiringError> {
                let pattern = Some(Pattern::new(pattern)?);
                Ok(Listener::new(Target { pattern, ..self.target(Location::caller()) }))
            }
        }
    };
}

by_name!(Bus);
by_name!(Scope);
