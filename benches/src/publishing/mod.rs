//! Publishing in memory, beside tokio's bounded queue.
//!
//! Each contender carries the same events through a queue of 1,024, from so many producer tasks to so many workers, on a runtime
//! with two threads. The handler does next to nothing: it reads the event, and counts it.

mod carriers;
mod paced;
mod rivals;

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use eventbus::Bus;
use tokio::{runtime::Runtime, sync::Notify};

use crate::{
    harness::{Plan, Table},
    sample::Sample,
};

pub(crate) use carriers::counted;
pub(crate) use paced::{Latency, fairness, latencies};

/// Events of one run.
pub(crate) const EVENTS: u32 = 400_000;

pub(crate) const SHAPES: [(usize, usize); 3] = [(1, 1), (1, 4), (4, 4)];

pub(crate) const SHARED: &str = "tokio mpsc, one, locked";
pub(crate) const SEVERAL: &str = "tokio mpsc, one a worker";
pub(crate) const BUS: &str = "eventbus, bus.publish(e).await";
pub(crate) const BATCHES: &str = "eventbus, handle_batch(64, 0)";
pub(crate) const RIVALS: [&str; 2] = ["kameo", "jaeb"];

pub(crate) fn tables(plan: &Plan) {
    let runtime = crate::asynchronous::runtime();
    for (producers, workers) in SHAPES {
        plan.table(&format!("publish, {producers} x {workers}"), |table| {
            fill(table, &runtime, producers, workers);
            add_rivals(table, &runtime, producers, workers);
        });
    }
    plan.table("publish, from a full queue, 1 worker", |table| fill_handled(table, &runtime));
}

/// The queue, the bus, and the bus with batches.
pub(crate) fn fill<'a>(table: &mut Table<'a>, runtime: &'a Runtime, producers: usize, workers: usize) {
    table.fixed_batches(EVENTS);
    table.add_timed(SHARED, move |events| runtime.block_on(carriers::shared_queue(producers, workers, events)));
    if workers > 1 {
        table.add_timed(SEVERAL, move |events| runtime.block_on(carriers::several_queues(producers, workers, events)));
    }
    table.add_timed(BUS, move |events| runtime.block_on(carriers::published(producers, workers, events)));
    table
        .add_timed(BATCHES, move |events| runtime.block_on(carriers::published_in_batches(producers, workers, events)));
}

/// One worker that finds its queue full, with single handlers and with one for batches.
pub(crate) fn fill_handled<'a>(table: &mut Table<'a>, runtime: &'a Runtime) {
    table.fixed_batches(EVENTS / 4);
    table.add_timed(BUS, move |events| runtime.block_on(carriers::handled(false, events)));
    table.add_timed(BATCHES, move |events| runtime.block_on(carriers::handled(true, events)));
}

pub(crate) fn add_rivals<'a>(table: &mut Table<'a>, runtime: &'a Runtime, producers: usize, workers: usize) {
    table.fixed_batches(EVENTS);
    let [kameo, jaeb] = RIVALS;
    table.add_timed(kameo, move |events| runtime.block_on(rivals::kameo(producers, workers, events / 4)) * 4);
    table.add_timed(jaeb, move |events| runtime.block_on(rivals::jaeb(producers, workers, events / 4)) * 4);
}

/// One that does not tell that publishers wait: that is what they do here.
fn quiet_bus() -> Bus {
    Bus::builder().on_warning(|_| {}).build()
}

/// Counts down, and says when it has come to the end: one number that holds how many are left, and above all the sum of their ids.
struct Countdown {
    left: AtomicU64,
    done: Notify,
}

/// Where the count begins: sums of ids stay below.
const ONE: u64 = 1 << 40;

impl Countdown {
    fn new(events: u32) -> Arc<Self> {
        let countdown = Self { left: AtomicU64::new(0), done: Notify::new() };
        countdown.restart(events);
        Arc::new(countdown)
    }

    fn restart(&self, events: u32) {
        let events = u64::from(events);
        self.left.store(events * ONE + events * events.saturating_sub(1) / 2, Ordering::Release);
    }

    #[inline]
    fn count(&self, sample: &Sample) {
        self.subtract(ONE + black_box(sample.fields[0]));
    }

    /// All of a batch.
    fn count_all(&self, batch: &[Arc<Sample>]) {
        self.subtract(batch.iter().map(|sample| ONE + black_box(sample.fields[0])).sum());
    }

    #[inline]
    fn subtract(&self, counted: u64) {
        let left = self.left.fetch_sub(counted, Ordering::AcqRel) - counted;
        if left < ONE {
            self.done.notify_one();
        }
    }

    /// The time from `start` until the last event.
    async fn elapsed(&self, start: Instant) -> Duration {
        self.done.notified().await;
        let elapsed = start.elapsed();
        assert_eq!(self.left.load(Ordering::Acquire), 0, "every event, once");
        elapsed
    }
}

/// The ids that a producer makes.
fn ids(producer: usize, producers: usize, events: u32) -> impl Iterator<Item = u64> + Send {
    (producer as u64..u64::from(events)).step_by(producers)
}
