//! What the claims share: events, a bus that counts, and short looks at its numbers.

use std::time::Duration;

use eventbus::{
    Bus, Event,
    stats::{EventStats, FailureStats, ListenerStats},
};

#[derive(Event, Debug)]
pub(crate) struct Ping;

#[derive(Event, Debug)]
pub(crate) struct Pong;

#[derive(Event, Debug)]
pub(crate) struct Numbered(pub(crate) u64);

/// Longer than any test.
pub(crate) const HOUR: Duration = Duration::from_hours(1);

/// A bus that counts, and tells its failures nobody.
pub(crate) fn counting() -> Bus {
    Bus::builder().stats(true).on_failure(|_| ()).build()
}

#[track_caller]
pub(crate) fn event<E: Event>(bus: &Bus) -> EventStats {
    bus.stats().event::<E>().expect("it was emitted").clone()
}

#[track_caller]
pub(crate) fn listener(bus: &Bus, name: &str) -> ListenerStats {
    bus.stats().listener(name).expect("it is registered").clone()
}

#[track_caller]
pub(crate) fn calls(bus: &Bus, name: &str) -> u64 {
    listener(bus, name).calls
}

/// Failures as they print: `2 failed, 1 timed out`.
pub(crate) fn kinds(failures: &FailureStats) -> String {
    failures.to_string()
}

/// Runs code that only a hang keeps from ending within a minute.
pub(crate) fn finishes<T: Send + 'static>(what: &str, code: impl FnOnce() -> T + Send + 'static) -> T {
    crate::watchdog::within(Duration::from_mins(1), what, code)
}
