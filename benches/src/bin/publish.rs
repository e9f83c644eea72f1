//! What publishing costs, beside tokio's own queue: `cargo run --release -p eventbus-benches --bin publish`.
//!
//! Each contender carries the same events, in an `Arc`, through a queue of 1,024 from so many producers to so many workers. They take
//! turns; shown are millions of events a second, the median and the best of the rounds, and the ratio of medians to tokio's.

#![forbid(unsafe_code)]

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use eventbus::{Bus, Event, EventName, Retry};
use tokio::{
    runtime::Runtime,
    sync::{Mutex, Notify, mpsc},
};

const EVENTS: u64 = 400_000;
const ROUNDS: usize = 9;

struct Order {
    id: u64,
    _rest: [u64; 5],
}

impl Event for Order {
    const NAME: EventName = EventName::new("order.placed");
}

impl Order {
    fn new(id: u64) -> Self {
        Self { id, _rest: [0; 5] }
    }
}

/// Counts down, and says when it has come to the end.
struct Countdown {
    left: AtomicU64,
    sum: AtomicU64,
    done: Notify,
}

impl Countdown {
    fn new() -> Arc<Self> {
        Arc::new(Self { left: AtomicU64::new(EVENTS), sum: AtomicU64::new(0), done: Notify::new() })
    }

    fn count(&self, order: &Order) {
        self.sum.fetch_add(black_box(order.id), Ordering::Relaxed);
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_one();
        }
    }

    fn check(&self) {
        assert_eq!(self.sum.load(Ordering::Relaxed), EVENTS * (EVENTS - 1) / 2, "every event, once");
    }
}

/// The ids that a producer makes.
fn ids(producer: usize, producers: usize) -> impl Iterator<Item = u64> {
    (producer as u64..EVENTS).step_by(producers)
}

/// tokio's queue, drained 64 at a time under a lock that the workers share.
fn channel(runtime: &Runtime, producers: usize, workers: usize) -> Duration {
    runtime.block_on(async {
        let countdown = Countdown::new();
        let (sender, receiver) = mpsc::channel::<Arc<Order>>(1024);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..workers {
            let (receiver, countdown) = (Arc::clone(&receiver), Arc::clone(&countdown));
            tokio::spawn(async move {
                let mut batch = Vec::with_capacity(64);
                while receiver.lock().await.recv_many(&mut batch, 64).await > 0 {
                    batch.drain(..).for_each(|order| countdown.count(&order));
                }
            });
        }
        let start = Instant::now();
        for producer in 0..producers {
            let sender = sender.clone();
            tokio::spawn(async move {
                for id in ids(producer, producers) {
                    if sender.send(Arc::new(Order::new(id))).await.is_err() {
                        return;
                    }
                }
            });
        }
        countdown.done.notified().await;
        let elapsed = start.elapsed();
        countdown.check();
        elapsed
    })
}

fn published(runtime: &Runtime, producers: usize, workers: usize) -> Duration {
    runtime.block_on(async {
        let (bus, countdown) = (Bus::new(), Countdown::new());
        let counts = Arc::clone(&countdown);
        let consumer = bus.consumer("orders").handle::<Order>(move |order, _| {
            counts.count(&order);
            async {}
        });
        let consumer = consumer.workers(workers).retry(Retry::never()).start().await;
        assert!(consumer.is_ok(), "the consumer starts");
        let start = Instant::now();
        for producer in 0..producers {
            let bus = bus.clone();
            tokio::spawn(async move {
                for id in ids(producer, producers) {
                    if bus.publish(Order::new(id)).await.is_err() {
                        return;
                    }
                }
            });
        }
        countdown.done.notified().await;
        let elapsed = start.elapsed();
        countdown.check();
        let report = bus.shutdown(Duration::from_secs(5)).await;
        assert!(report.is_clean() && report.stats().deliveries().is_balanced(), "{report}");
        elapsed
    })
}

fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // For a profiler: ours alone, `publish 1 4` for one producer and four workers.
    let mut numbers = std::env::args().skip(1).filter_map(|number| number.parse().ok());
    if let (Some(producers), Some(workers)) = (numbers.next(), numbers.next()) {
        for _ in 0..ROUNDS {
            println!("{:.2} M/s", rate(published(&runtime, producers, workers)));
        }
        return Ok(());
    }
    println!("{:<24} {:>12} {:>12} {:>9}", "producers x workers", "median M/s", "best M/s", "ratio");
    for (producers, workers) in [(1, 1), (1, 4), (4, 4)] {
        let mut rounds = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            rounds[0].push(rate(channel(&runtime, producers, workers)));
            rounds[1].push(rate(published(&runtime, producers, workers)));
        }
        for rounds in &mut rounds {
            rounds.sort_by(f64::total_cmp);
        }
        let [channel, published] = rounds.map(|rounds| (rounds[ROUNDS / 2], rounds[ROUNDS - 1]));
        for (name, (median, best)) in [("tokio mpsc", channel), ("eventbus", published)] {
            let row = format!("{producers} x {workers} {name}");
            println!("{row:<24} {median:>12.2} {best:>12.2} {:>8.2} x", median / channel.0);
        }
    }
    Ok(())
}

fn rate(time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let events = EVENTS as f64;
    events / time.as_secs_f64() / 1e6
}
