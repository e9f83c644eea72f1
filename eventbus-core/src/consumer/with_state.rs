//! Handlers with state.

use std::panic::Location;

use super::{ConsumerBuilder, Delivery, PatternStateHandlerFn, StateHandlerFn, WithState};
use crate::{
    call::{AnyEvent, Isolated},
    event::Event,
};

/// Handlers with state, which is cloned for each call.
impl<S: Clone + Send + Sync + 'static> ConsumerBuilder<WithState<S>> {
    /// Handles deliveries of `E` with a closure that gets a clone of the state first.
    #[track_caller]
    pub fn handle<E: Event>(self, handler: impl StateHandlerFn<S, E>) -> Self {
        let state = self.state.0.get().clone();
        self.typed::<E, _>(move |event, delivery| handler(state.clone(), event, delivery), Location::caller())
    }

    /// As [`handle_pattern`](ConsumerBuilder::handle_pattern), with a clone of the state first.
    #[track_caller]
    pub fn handle_pattern(self, pattern: &str, handler: impl PatternStateHandlerFn<S>) -> Self {
        let state = self.state.0.get().clone();
        self.named(pattern, move |event, delivery| handler(state.clone(), event, delivery), Location::caller())
    }

    /// As [`handle_rest`](ConsumerBuilder::handle_rest), with a clone of the state first.
    #[track_caller]
    pub fn handle_rest(self, handler: impl PatternStateHandlerFn<S>) -> Self {
        let state = self.state.0.get().clone();
        self.rest(
            move |event: AnyEvent<'static>, delivery: Delivery| handler(state.clone(), event, delivery),
            Location::caller(),
        )
    }
}

impl<S> ConsumerBuilder<S> {
    /// State for the handlers that are given after this: each call gets a clone of it first.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated { email: String }
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # #[derive(Clone)]
    /// # struct Mailer;
    /// # impl Mailer { async fn welcome(&self, email: &str) -> Result<(), std::io::Error> { Ok(()) } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (bus, mailer) = (Bus::new(), Mailer);
    /// let consumer = bus
    ///     .consumer("mailer")
    ///     .with(mailer.clone())
    ///     .handle::<UserCreated>(|mailer, e, _| async move { mailer.welcome(&e.email).await });
    /// consumer.start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with<T: Clone + Send + Sync + 'static>(self, state: T) -> ConsumerBuilder<WithState<T>> {
        self.with_state(WithState(Isolated::new(state)))
    }

    pub(super) fn with_state<T>(self, state: T) -> ConsumerBuilder<T> {
        let Self { bus, state: _, location, group, handlers, keys, is_ordered_within_process, .. } = self;
        let Self { error, timeout, retry, unhandled, on_attempt_failed, .. } = self;
        ConsumerBuilder {
            bus,
            state,
            location,
            group,
            handlers,
            keys,
            is_ordered_within_process,
            error,
            timeout,
            retry,
            #[cfg(feature = "rate-limit")]
            rate: self.rate,
            unhandled,
            on_attempt_failed,
        }
    }
}
