//! What the claims share: events, gates, counters, runtimes, a watchdog.

#[path = "../common/hush.rs"]
mod hush;
#[path = "../common/log.rs"]
mod log;
#[path = "../common/unread.rs"]
mod unread;
#[path = "../common/watchdog.rs"]
mod watchdog;

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use eventbus::{Bus, Consumer, Event, stats::Stats};
use tokio::runtime::{Builder, Runtime};

pub(crate) use log::{Log, OnDrop};
pub(crate) use unread::unread;
pub(crate) use watchdog::within;

/// An event without a codec.
#[derive(Event, Debug, PartialEq, Eq)]
pub(crate) struct Job(pub(crate) u64);

/// A consumer that handles every `Job`, and the numbers that it has handled.
pub(crate) async fn logging(bus: &Bus, name: &str) -> (Consumer, Log<u64>) {
    let log = Log::default();
    let seen = log.clone();
    let handler = move |e: Arc<Job>, _| {
        seen.add(e.0);
        async {}
    };
    (bus.consumer(name).handle::<Job>(handler).start().await.unwrap(), log)
}

/// An event that is counted while it lives.
#[derive(Event, Debug)]
pub(crate) struct Tracked {
    pub(crate) id: u64,
    _live: Live,
}

impl Tracked {
    pub(crate) fn new(id: u64, gauge: &Gauge) -> Self {
        Self { id, _live: gauge.enter() }
    }
}

/// Longer than any test.
pub(crate) const HOUR: Duration = Duration::from_hours(1);

/// How many there are now, and were at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

/// One of those that a [`Gauge`] counts.
#[derive(Debug)]
pub(crate) struct Live(Gauge);

impl Gauge {
    pub(crate) fn enter(&self) -> Live {
        let now = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(now, Ordering::SeqCst);
        Live(self.clone())
    }

    pub(crate) fn now(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    pub(crate) fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The full count if `EVENTBUS_FULL` is set, else the one for every day.
pub(crate) fn scaled<T>(every_day: T, full: T) -> T {
    if is_full_run() { full } else { every_day }
}

pub(crate) fn is_full_run() -> bool {
    std::env::var_os("EVENTBUS_FULL").is_some()
}

/// Asserts that nothing is missing in the books, and nothing is in them twice.
#[track_caller]
pub(crate) fn assert_balanced(stats: &Stats) {
    assert!(stats.published.is_balanced(), "{:?}", stats.published);
    for group in &stats.groups {
        assert!(group.deliveries().is_balanced(), "{group:?}");
    }
    assert!(stats.deliveries().is_balanced(), "{:?}", stats.deliveries());
}

/// What is counted of a group.
#[track_caller]
pub(crate) fn group(bus: &Bus, name: &str) -> eventbus::stats::GroupStats {
    bus.stats().group(name).unwrap().clone()
}

/// Lets everything run that can, in a runtime of one thread.
pub(crate) async fn yield_a_lot() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Polls a future once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

pub(crate) fn multi_thread(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap()
}

pub(crate) fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Keeps the expected panics, those that say `boom`, off the terminal.
pub(crate) fn hush() {
    hush::hush(|info| info.payload_as_str().is_some_and(|text| text.contains("boom")));
}
