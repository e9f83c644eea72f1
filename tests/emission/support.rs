//! What the claims share: events, a log, drop guards, runtimes, a watchdog.

#[path = "../common/hush.rs"]
mod hush;
#[path = "../common/log.rs"]
mod log;
#[path = "../common/watchdog.rs"]
mod watchdog;

use std::{
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use eventbus::{Event, Outcome, Report, emit::NotRun};
use tokio::runtime::{Builder, Runtime};

pub(crate) use log::{Log, OnDrop};
pub(crate) use watchdog::within;

#[derive(Event, Debug)]
pub(crate) struct Ping;

#[derive(Event, Debug)]
pub(crate) struct Pong;

#[derive(Event, Debug)]
pub(crate) struct Numbered(pub(crate) u32);

#[derive(Event, Debug)]
pub(crate) struct Counted(pub(crate) u32);

/// Longer than any test.
pub(crate) const HOUR: Duration = Duration::from_hours(1);

/// A future for `until`, and what makes it ready.
pub(crate) fn stop() -> (impl FnOnce(), impl Future<Output = ()> + Send + 'static) {
    let (sender, stopped) = tokio::sync::oneshot::channel::<()>();
    (move || sender.send(()).unwrap(), async move { _ = stopped.await })
}

/// The outcomes in a report, each by its name.
pub(crate) fn outcomes(report: &Report) -> Vec<&'static str> {
    report.failures().iter().map(|failure| name(failure.outcome())).collect()
}

pub(crate) fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Failed(_) => "Failed",
        Outcome::Panicked(_) => "Panicked",
        Outcome::TimedOut => "TimedOut",
        Outcome::Cancelled => "Cancelled",
        Outcome::StillRunning => "StillRunning",
        Outcome::NotRun(NotRun::RecursionLimit(_)) => "RecursionLimit",
        Outcome::NotRun(NotRun::NoRuntime) => "NoRuntime",
        Outcome::NotRun(NotRun::RuntimeShutDown) => "RuntimeShutDown",
        Outcome::NotRun(NotRun::InsideAsyncTask) => "InsideAsyncTask",
        Outcome::NotRun(NotRun::NotBegun) => "NotBegun",
        Outcome::NotRun(NotRun::TooManySpawned { .. }) => "TooManySpawned",
        other => panic!("an outcome that these tests do not know: {other}"),
    }
}

/// Polls a future once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// What a future gives at its first poll, if it gives anything.
pub(crate) fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

pub(crate) fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) fn multi_thread(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap()
}

type MakeRuntime = fn() -> Runtime;

/// A runtime of each flavour, with what to call it.
pub(crate) fn flavours() -> [(&'static str, MakeRuntime); 3] {
    [("current_thread", current_thread), ("1 worker", || multi_thread(1)), ("4 workers", || multi_thread(4))]
}

/// Keeps the expected panics off the terminal: those that say `boom`, and those in which tokio says that it cannot serve.
pub(crate) fn hush() {
    const EXPECTED: [&str; 5] =
        ["boom", "Cannot start a runtime", "no timers", "timers are disabled", "being shutdown"];
    hush::hush(|info| {
        info.payload_as_str().is_some_and(|text| EXPECTED.iter().any(|expected| text.contains(expected)))
    });
}

/// [`within`] a time that only a hang exceeds.
pub(crate) fn finishes<T: Send + 'static>(what: &str, code: impl FnOnce() -> T + Send + 'static) -> T {
    // Against hanging; a busy machine is no reason.
    within(Duration::from_mins(1), what, code)
}
