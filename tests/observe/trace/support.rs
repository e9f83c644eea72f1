//! Events, and a watchdog.

use std::time::Duration;

use eventbus::Event;

use crate::watchdog::within;

#[derive(Event)]
pub(crate) struct Ping;

#[derive(Event)]
pub(crate) struct Pong;

#[derive(Event)]
pub(crate) struct Numbered(#[expect(dead_code, reason = "a trace shows no payload")] pub(crate) u32);

/// Runs `code` on a thread of its own and fails if it hangs.
pub(crate) fn finishes<T: Send + 'static>(what: &str, code: impl FnOnce() -> T + Send + 'static) -> T {
    within(Duration::from_secs(20), what, code)
}
