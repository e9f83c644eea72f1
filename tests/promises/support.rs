//! What the claims share: events, a log, bombs, a watchdog, child processes.

#[path = "../common/hush.rs"]
mod hush;
#[path = "../common/log.rs"]
mod log;
#[path = "../common/watchdog.rs"]
mod watchdog;

use std::{
    panic,
    process::{Command, Output},
    time::Duration,
};

use eventbus::Event;

pub(crate) use log::{Log, OnDrop};
use watchdog::within;

#[derive(Event, Debug)]
pub(crate) struct Ping;

#[derive(Event, Debug)]
pub(crate) struct Pong;

#[derive(Event, Debug)]
pub(crate) struct Numbered(pub(crate) u32);

/// Panics when it is dropped, with a payload that does the same.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic::panic_any(Self);
    }
}

/// Keeps the expected panics off the terminal: those that say `boom`, and those whose payload is no text.
pub(crate) fn hush() {
    hush::hush(|info| info.payload_as_str().is_none_or(|text| text.contains("boom")));
}

/// Runs `code` on a thread of its own and fails if it hangs.
pub(crate) fn finishes<T: Send + 'static>(what: &str, code: impl FnOnce() -> T + Send + 'static) -> T {
    within(Duration::from_secs(20), what, code)
}

const CHILD: &str = "EVENTBUS_TEST_CHILD";

/// Runs `code` in a process of its own: the test named `test` again, alone. The parent gets its output.
pub(crate) fn in_child(test: &str, code: impl FnOnce()) -> Option<Output> {
    if std::env::var_os(CHILD).is_some() {
        code();
        return None;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, "1");
    let output = child.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("1 passed") || !output.status.success(), "`{test}` is no test here:\n{stdout}");
    Some(output)
}

/// The lines of stderr that the bus wrote.
pub(crate) fn bus_lines(output: &Output) -> Vec<String> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}\n{}", String::from_utf8_lossy(&output.stdout));
    stderr.lines().filter(|line| line.contains("eventbus: ")).map(str::to_owned).collect()
}
