//! Events, and a watchdog.

use std::{panic, sync::Once, time::Duration};

use eventbus::Event;

use crate::watchdog::within;

#[derive(Event)]
pub(crate) struct Ping;

#[derive(Event)]
pub(crate) struct Pong;

#[derive(Event)]
pub(crate) struct Numbered(#[expect(dead_code, reason = "a trace shows no payload")] pub(crate) u32);

/// Keeps the expected panics off the terminal.
pub(crate) fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let shown = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if info.payload_as_str() != Some("boom") {
                shown(info);
            }
        }));
    });
}

/// Runs `code` on a thread of its own and fails if it hangs.
pub(crate) fn finishes<T: Send + 'static>(what: &str, code: impl FnOnce() -> T + Send + 'static) -> T {
    within(Duration::from_secs(20), what, code)
}
