//! How long an event is under way that has no other to wait for, or only those of another key.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use eventbus::Retry;
use tokio::{
    runtime::Runtime,
    sync::{Notify, mpsc},
    task::yield_now,
};

use super::quiet_bus;
use crate::sample::Sample;

/// Between two paced events: 20,000 a second.
const PACE: Duration = Duration::from_micros(50);
const PACED: u32 = 1_000;

/// Events of the key that floods, and of the other one.
const FLOOD: u64 = 20_000;
const OTHER: u32 = 100;
const PER_KEY: usize = 16;

/// Times from just before an event was published, or sent, to its handler.
#[derive(Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
}

/// What handlers write their times into: a place for each event, so that none waits for another.
struct Times {
    began: Instant,
    /// Nanoseconds, by the event's number.
    taken: Vec<AtomicU64>,
    left: AtomicU32,
    done: Notify,
}

impl Times {
    fn new(events: u32) -> Arc<Self> {
        let taken = (0..events).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { began: Instant::now(), taken, left: AtomicU32::new(events), done: Notify::new() })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// An event with its number and the time.
    fn sample(&self, number: u32) -> Sample {
        Sample { fields: [u64::from(number), self.now(), 3, 4, 5, 6] }
    }

    fn arrived(&self, sample: &Sample) {
        let [number, sent, ..] = sample.fields;
        let Some(place) = usize::try_from(number).ok().and_then(|number| self.taken.get(number)) else { return };
        place.store(self.now() - sent, Ordering::Relaxed);
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_one();
        }
    }

    async fn latency(&self) -> Latency {
        self.done.notified().await;
        let mut taken: Vec<_> = self.taken.iter().map(|nanos| nanos.load(Ordering::Relaxed)).collect();
        taken.sort_unstable();
        let at = |percent: usize| Duration::from_nanos(taken[(taken.len() * percent).div_ceil(100) - 1]);
        Latency { median: at(50), p99: at(99) }
    }
}

/// Gives way to other tasks until it is time for event number `number`: a timer of the runtime is too coarse.
async fn pace(began: Instant, number: u32) {
    while began.elapsed() < PACE * number {
        yield_now().await;
    }
}

/// Through the bus and through tokio's queue, one producer and one worker each.
pub(crate) fn latencies(runtime: &Runtime) -> [Latency; 2] {
    [runtime.block_on(of_bus()), runtime.block_on(of_queue())]
}

async fn of_bus() -> Latency {
    let (bus, times) = (quiet_bus(), Times::new(PACED));
    let arrivals = Arc::clone(&times);
    let consumer = bus.consumer("samples").handle::<Sample>(move |sample, _| {
        arrivals.arrived(&sample);
        async {}
    });
    assert!(consumer.retry(Retry::never()).start().await.is_ok(), "the consumer starts");
    let (local, sent) = (bus.clone(), Arc::clone(&times));
    tokio::spawn(async move {
        let began = Instant::now();
        for number in 0..PACED {
            pace(began, number).await;
            if local.publish(sent.sample(number)).await.is_err() {
                return;
            }
        }
    });
    let latency = times.latency().await;
    bus.shutdown(Duration::from_secs(5)).await;
    latency
}

async fn of_queue() -> Latency {
    let times = Times::new(PACED);
    let (sender, mut receiver) = mpsc::channel::<Arc<Sample>>(1024);
    let arrivals = Arc::clone(&times);
    tokio::spawn(async move {
        let mut batch = Vec::with_capacity(64);
        while receiver.recv_many(&mut batch, 64).await > 0 {
            batch.drain(..).for_each(|sample| arrivals.arrived(&sample));
        }
    });
    let sent = Arc::clone(&times);
    tokio::spawn(async move {
        let began = Instant::now();
        for number in 0..PACED {
            pace(began, number).await;
            if sender.send(Arc::new(sent.sample(number))).await.is_err() {
                return;
            }
        }
    });
    times.latency().await
}

/// The second key of a group with a bound for each key: beside an idle first one, and beside one that floods. And for how long
/// the flood lasted by the time that the second key took, 1 and above if it was there all the time.
pub(crate) fn fairness(runtime: &Runtime) -> ([Latency; 2], f64) {
    let (idle, _) = runtime.block_on(of_second_key(false));
    let (flooded, lasted) = runtime.block_on(of_second_key(true));
    ([idle, flooded], lasted)
}

async fn of_second_key(floods: bool) -> (Latency, f64) {
    let (bus, times) = (quiet_bus(), Times::new(OTHER));
    let arrivals = Arc::clone(&times);
    let consumer = bus.consumer("samples").max_per_key(PER_KEY).handle::<Sample>(move |sample, _| {
        arrivals.arrived(&sample);
        async {}
    });
    assert!(consumer.retry(Retry::never()).start().await.is_ok(), "the consumer starts");
    let began = Instant::now();
    let local = bus.clone();
    let flood = tokio::spawn(async move {
        for _ in 0..if floods { FLOOD } else { 0 } {
            let sample = Sample::new(black_box(u64::MAX));
            if local.publish(sample).key("flood").await.is_err() {
                break;
            }
        }
        began.elapsed()
    });
    let (local, sent) = (bus.clone(), Arc::clone(&times));
    let other = tokio::spawn(async move {
        for number in 0..OTHER {
            pace(began, number).await;
            if local.publish(sent.sample(number)).key("other").await.is_err() {
                break;
            }
        }
        began.elapsed()
    });
    let latency = times.latency().await;
    let (flood, other) = (flood.await.unwrap_or_default(), other.await.unwrap_or_default());
    let report = bus.shutdown(Duration::from_secs(5)).await;
    assert!(report.is_clean(), "{report}");
    (latency, flood.as_secs_f64() / other.as_secs_f64())
}
