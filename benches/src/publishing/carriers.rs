//! The queue and the bus, each carrying so many events.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eventbus::{
    Bus, Consumer, Retry,
    intercept::{Metrics, Tracing},
};
use tokio::{
    runtime::Builder,
    sync::{Mutex, mpsc},
};

use super::{Countdown, ids, quiet_bus};
use crate::sample::Sample;

const CAPACITY: usize = 1024;
const BATCH: usize = 64;

/// One queue; workers take 64 at a time under a lock that they share.
pub(super) async fn shared_queue(producers: usize, workers: usize, events: u32) -> Duration {
    let countdown = Countdown::new(events);
    let (sender, receiver) = mpsc::channel::<Arc<Sample>>(CAPACITY);
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..workers {
        let (receiver, countdown) = (Arc::clone(&receiver), Arc::clone(&countdown));
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            loop {
                // The lock is free again before the batch is handled.
                let count = receiver.lock().await.recv_many(&mut batch, BATCH).await;
                if count == 0 {
                    return;
                }
                batch.drain(..).for_each(|sample| countdown.count(&sample));
            }
        });
    }
    let start = Instant::now();
    for producer in 0..producers {
        let sender = sender.clone();
        tokio::spawn(async move {
            for id in ids(producer, producers, events) {
                if sender.send(Arc::new(Sample::new(id))).await.is_err() {
                    return;
                }
            }
        });
    }
    countdown.elapsed(start).await
}

/// A queue for each worker; producers go round.
pub(super) async fn several_queues(producers: usize, workers: usize, events: u32) -> Duration {
    let countdown = Countdown::new(events);
    let mut senders = Vec::new();
    for _ in 0..workers {
        let (sender, mut receiver) = mpsc::channel::<Arc<Sample>>(CAPACITY);
        senders.push(sender);
        let countdown = Arc::clone(&countdown);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            while receiver.recv_many(&mut batch, BATCH).await > 0 {
                batch.drain(..).for_each(|sample| countdown.count(&sample));
            }
        });
    }
    let start = Instant::now();
    for producer in 0..producers {
        let senders = senders.clone();
        tokio::spawn(async move {
            for (id, sender) in ids(producer, producers, events).zip(senders.iter().cycle()) {
                if sender.send(Arc::new(Sample::new(id))).await.is_err() {
                    return;
                }
            }
        });
    }
    countdown.elapsed(start).await
}

pub(super) async fn published(producers: usize, workers: usize, events: u32) -> Duration {
    let (bus, countdown) = (quiet_bus(), Countdown::new(events));
    single(&bus, &countdown, workers).await;
    publish(bus, &countdown, producers, events).await
}

/// On a bus with spans and metrics that nobody collects.
async fn published_watched(producers: usize, workers: usize, events: u32) -> Duration {
    let bus = Bus::builder().on_warning(|_| {}).tracing(Tracing::new()).metrics(Metrics::new()).build();
    let countdown = Countdown::new(events);
    single(&bus, &countdown, workers).await;
    publish(bus, &countdown, producers, events).await
}

pub(super) async fn published_in_batches(producers: usize, workers: usize, events: u32) -> Duration {
    let (bus, countdown) = (quiet_bus(), Countdown::new(events));
    batched(&bus, &countdown, workers).await;
    publish(bus, &countdown, producers, events).await
}

/// A consumer that handles events one by one.
async fn single(bus: &Bus, countdown: &Arc<Countdown>, workers: usize) -> Consumer {
    let counts = Arc::clone(countdown);
    let consumer = bus.consumer("samples").handle::<Sample>(move |sample, _| {
        counts.count(&sample);
        async {}
    });
    consumer.workers(workers).retry(Retry::never()).start().await.expect("the consumer starts")
}

async fn batched(bus: &Bus, countdown: &Arc<Countdown>, workers: usize) -> Consumer {
    let counts = Arc::clone(countdown);
    let consumer = bus.consumer("samples").handle_batch::<Sample>(BATCH, Duration::ZERO, move |batch| {
        counts.count_all(&batch);
        async {}
    });
    consumer.workers(workers).retry(Retry::never()).start().await.expect("the consumer starts")
}

/// The time in which one worker handles what has been published before, a queue full at a time: the consumer's side alone.
pub(super) async fn handled(in_batches: bool, events: u32) -> Duration {
    let mut total = Duration::ZERO;
    let (bus, countdown) = (quiet_bus(), Countdown::new(0));
    let consumer = if in_batches { batched(&bus, &countdown, 1).await } else { single(&bus, &countdown, 1).await };
    let full = u32::try_from(CAPACITY).unwrap_or(u32::MAX);
    for _ in 0..events.div_ceil(full) {
        consumer.pause();
        countdown.restart(full);
        for id in ids(0, 1, full) {
            assert!(bus.publish(Sample::new(id)).await.is_ok(), "there is room");
        }
        let start = Instant::now();
        consumer.resume();
        total += countdown.elapsed(start).await;
    }
    bus.shutdown(Duration::from_secs(5)).await;
    total
}

async fn publish(bus: Bus, countdown: &Countdown, producers: usize, events: u32) -> Duration {
    let start = Instant::now();
    for producer in 0..producers {
        let bus = bus.clone();
        tokio::spawn(async move {
            for id in ids(producer, producers, events) {
                if bus.publish(Sample::new(id)).await.is_err() {
                    return;
                }
            }
        });
    }
    let elapsed = countdown.elapsed(start).await;
    let report = bus.shutdown(Duration::from_secs(5)).await;
    assert!(report.is_clean() && report.stats().deliveries().is_balanced(), "{report}");
    elapsed
}

/// What counters look at: so many events on one thread, from one producer to so many workers. `false` if there is no such contender.
pub(crate) fn counted(contender: &str, workers: usize, events: u32) -> bool {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    match contender {
        "publish" => runtime.block_on(published(1, workers, events)),
        "publish-watched" => runtime.block_on(published_watched(1, workers, events)),
        "publish-batch" => runtime.block_on(published_in_batches(1, workers, events)),
        "channel" => runtime.block_on(shared_queue(1, workers, events)),
        _ => return false,
    };
    true
}
