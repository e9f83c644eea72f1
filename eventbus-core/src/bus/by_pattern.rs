//! Listening by pattern.

use std::panic::Location;

use super::{ByPattern, Listener, Scope, listen::ListenTarget};
use crate::{
    emission::{AsyncPatternListener, Bus, PatternListener},
    pattern::{Pattern, PatternError},
    registry::Subscription,
};

/// Writes the same verbs for a bus and for a scope.
macro_rules! by_pattern {
    ($on:ty) => {
        impl $on {
            /// Registers a listener for all events whose names match `pattern`: `*` stands for one segment, `**` for any number.
            ///
            /// It hears typed events of those names, whatever their versions, and what is emitted under names that no type
            /// claims. Its turns come by priority and registration, between those of listeners to types. A listener that uses the
            /// bus takes it from its context (`cx.bus()`), as for [`Bus::on`].
            ///
            /// # Errors
            ///
            /// [`PatternError`] if the pattern is malformed; it points at the position.
            ///
            /// # Examples
            ///
            /// ```
            /// # use eventbus_core::{Bus, Event, EventName};
            /// # struct UserCreated;
            /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
            /// # fn main() -> Result<(), eventbus_core::PatternError> {
            /// let bus = Bus::new();
            /// bus.on_pattern("user.*", |e| println!("{}", e.name()))?;
            ///
            /// assert_eq!(bus.emit(UserCreated).blocking().succeeded(), 1);
            /// assert!(bus.on_pattern("user_*", |_| {}).is_err());
            /// # Ok(())
            /// # }
            /// ```
            #[track_caller]
            pub fn on_pattern(
                &self,
                pattern: &str,
                listener: impl PatternListener,
            ) -> Result<Subscription, PatternError> {
                Ok(self.listener_pattern(pattern)?.on(listener))
            }

            /// Registers an async listener by pattern, as [`on_pattern`](Self::on_pattern) does.
            ///
            /// # Errors
            ///
            /// [`PatternError`] if the pattern is malformed.
            #[track_caller]
            pub fn on_pattern_async(
                &self,
                pattern: &str,
                listener: impl AsyncPatternListener,
            ) -> Result<Subscription, PatternError> {
                Ok(self.listener_pattern(pattern)?.on_async(listener))
            }

            /// Registers a listener by pattern that may block, as [`on_pattern`](Self::on_pattern) does.
            ///
            /// # Errors
            ///
            /// [`PatternError`] if the pattern is malformed.
            #[track_caller]
            pub fn on_pattern_blocking(
                &self,
                pattern: &str,
                listener: impl PatternListener,
            ) -> Result<Subscription, PatternError> {
                Ok(self.listener_pattern(pattern)?.on_blocking(listener))
            }

            /// Starts registering a listener by pattern with options.
            ///
            /// # Errors
            ///
            /// [`PatternError`] if the pattern is malformed.
            #[track_caller]
            pub fn listener_pattern(&self, pattern: &str) -> Result<Listener<'_, ByPattern>, PatternError> {
                let pattern = Some(Pattern::new(pattern)?);
                Ok(Listener::new(ListenTarget { pattern, ..self.target(Location::caller()) }))
            }
        }
    };
}

by_pattern!(Bus);
by_pattern!(Scope);
