//! Options of the builder: what a bus warns of, and whom it tells.

use std::time::Duration;

use super::BusBuilder;
use crate::emission::Warning;

impl BusBuilder {
    /// Calls `hook` for what may be a mistake, once for each thing that it names: an event that is published and that no group handles, a
    /// leak of listeners, a consumer that is stalled; see [`Warning`]. Unless set, warnings go to stderr, one line each.
    ///
    /// A panic in the hook is contained. **Re-entrancy:** the hook may use the bus.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct Tick;
    /// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
    /// use std::sync::{Arc, Mutex};
    ///
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let log = seen.clone();
    /// let builder = Bus::builder().on_warning(move |warning| log.lock().unwrap().push(warning.to_string()));
    /// let bus = builder.warn_many_listeners(2).warn_unheard().build();
    ///
    /// bus.emit(Tick).blocking();
    /// for _ in 0..10 {
    ///     bus.on::<Tick>(|_| {}); // registered again and again
    /// }
    /// let seen = seen.lock().unwrap();
    /// assert!(seen[0].starts_with("`tick` was emitted and nobody listens"));
    /// assert!(seen[1].starts_with("`tick` has 3 listeners, the newest from "));
    /// assert_eq!(seen.len(), 2);
    /// ```
    pub fn on_warning(mut self, hook: impl Fn(&Warning) + Send + Sync + 'static) -> Self {
        self.warnings.set_hook(hook);
        self
    }

    /// Warns when an event has more than `limit` listeners, or the bus more than `limit` listeners by pattern
    /// ([`Warning::ManyListeners`]). 1,000 unless stated; `usize::MAX` for never.
    pub fn warn_many_listeners(mut self, limit: usize) -> Self {
        self.warnings.many_listeners = limit;
        self
    }

    /// Warns of events that are emitted and that nobody listens to ([`Warning::Unheard`]), each once. Names that no type claims are not
    /// told: they may come from outside.
    pub fn warn_unheard(mut self) -> Self {
        self.warnings.unheard = true;
        self
    }

    /// Warns of listeners and handlers that hold up a thread of async tasks for longer than `limit` ([`Warning::SlowListener`]): in a
    /// synchronous listener of an emission that is awaited or spawned, or in one poll of an async one. It is an [`Interceptor`](crate::Interceptor), and
    /// costs what one costs.
    pub fn warn_slow_listeners(mut self, limit: Duration) -> Self {
        self.slow_listener = Some(limit);
        self
    }

    /// Warns when the oldest message of a group has waited for longer than `limit` ([`Warning::OldQueue`]). Each consumer asks the
    /// transport twice in that time, unless it is paused.
    pub fn warn_old_queues(mut self, limit: Duration) -> Self {
        self.warnings.old_queue = Some(limit);
        self
    }
}
