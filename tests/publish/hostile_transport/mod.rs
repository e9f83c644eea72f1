//! Whatever a transport does: nothing hangs, nothing unwinds into the caller, nothing is lost in silence.

mod ending;
mod letters;
mod publishing;
mod reading;
mod settling;
mod source;
mod transport;

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use eventbus::{Bus, Consumer, Retry, transport::Operation};

use crate::support::{HOUR, Job, Log, assert_balanced, hush, within};
pub(crate) use transport::{ALWAYS, Call, Fault, Hostile, Shape};

/// Runs under paused time, on a thread of its own, and fails if that thread is held, or waits for ever.
fn finishes<F: Future<Output = ()>>(what: String, life: impl FnOnce() -> F + Send + 'static) {
    hush();
    within(Duration::from_mins(1), &what.clone(), move || {
        let _shown = OnPanic(what);
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(life());
    });
}

/// Says which of several cases has failed.
struct OnPanic(String);

impl Drop for OnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed: {}", self.0);
        }
    }
}

/// A consumer of group `group` that notes what it handles.
async fn consumer(bus: &Bus, log: &Log<u64>) -> Consumer {
    let log = log.clone();
    let builder = bus.consumer("group").handle::<Job>(move |e, _| {
        log.add(e.0);
        async {}
    });
    builder.retry(Retry::fixed(Duration::from_millis(10))).workers(2).start().await.unwrap()
}

async fn publish(bus: &Bus, ids: std::ops::Range<u64>) {
    for id in ids {
        bus.publish(Job(id)).await.unwrap();
        tokio::task::yield_now().await;
    }
}

/// The ids in order, each once.
fn each_once(ids: &[u64]) -> Vec<u64> {
    ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
}

/// What was told: all of it was counted, and at least `least` of it for this operation and group. The books are balanced.
#[track_caller]
fn assert_told(hostile: &Hostile, bus: &Bus, operation: Operation, group: Option<&str>, least: usize) -> Vec<String> {
    let stats = bus.stats();
    assert_balanced(&stats);
    told(hostile, stats.transport_errors, operation, group, least)
}

#[track_caller]
fn told(hostile: &Hostile, counted: u64, operation: Operation, group: Option<&str>, least: usize) -> Vec<String> {
    let errors = hostile.errors.take();
    let before = hostile.told.fetch_add(errors.len(), Ordering::SeqCst);
    assert_eq!(counted, (before + errors.len()) as u64, "{errors:?}");
    let of_it = |(of, whose, text): &(Operation, Option<String>, String)| {
        (*of == operation && whose.as_deref() == group).then(|| text.clone())
    };
    let found: Vec<_> = errors.iter().filter_map(of_it).collect();
    assert!(found.len() >= least, "{} of {least} {operation:?} errors of {group:?}: {errors:?}", found.len());
    found
}

/// Shuts down in time, with everything accounted for: it was handled, or comes back.
async fn ends_in_time(bus: &Bus, log: &Log<u64>, count: u64) {
    let began = tokio::time::Instant::now();
    let report = bus.shutdown(Duration::from_secs(5)).await;
    assert!(began.elapsed() <= Duration::from_secs(6), "{:?}", began.elapsed());
    assert_balanced(report.stats());
    let returned = report.returned().iter().filter_map(|back| back.message.downcast_ref::<Job>()).map(|job| job.0);
    let all: Vec<_> = log.take().into_iter().chain(returned).collect();
    assert_eq!(each_once(&all), (0..count).collect::<Vec<_>>(), "lost");
}

/// Ends with everything handled.
async fn handles_all(bus: &Bus, log: &Log<u64>, count: u64) {
    bus.drained(HOUR).await.unwrap();
    assert_eq!(each_once(&log.take()), (0..count).collect::<Vec<_>>());
}

/// Each pause is drawn from the upper half of one that doubles, from `first` up to `longest`.
#[track_caller]
fn assert_doubles(pauses: &[Duration], first: Duration, longest: Duration) {
    // A timer fires at the next full millisecond.
    let tick = Duration::from_millis(1);
    let mut most = first;
    for pause in pauses {
        assert!((most / 2..=most + tick).contains(pause), "{pause:?}, of at most {most:?}: {pauses:?}");
        most = (most * 2).min(longest);
    }
}
