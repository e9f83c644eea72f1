//! Deliveries with one key keep their order, and hold up nobody else.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{Bus, Delivery, Event, Retry, transport::Memory};

use crate::support::{HOUR, Job, Log, assert_balanced, group, scaled, yield_a_lot};

#[derive(Event)]
struct Step {
    of: u64,
    number: u64,
}

/// Fails about one attempt in four, a few of them with a panic, and notes what goes well.
fn unreliable(
    done: &Arc<Mutex<HashMap<u64, Vec<u64>>>>,
) -> impl Fn(Arc<Step>, Delivery) -> eventbus::transport::BoxFuture<'static, Result<(), &'static str>> + Send + Sync + 'static
{
    let done = Arc::clone(done);
    move |e, _| {
        let done = Arc::clone(&done);
        Box::pin(async move {
            if fastrand_like(e.of, e.number).is_multiple_of(3) {
                tokio::task::yield_now().await;
            }
            if fastrand_like(0, 0).is_multiple_of(4) {
                return Err("now and then");
            }
            done.lock().unwrap().entry(e.of).or_default().push(e.number);
            Ok(())
        })
    }
}

/// A number that nobody foresees.
fn fastrand_like(one: u64, other: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one((one, other)) >> 7
}

async fn ordered(workers: usize, on_consumer: bool) {
    let (keys, steps) = (17, scaled(60, 2_000));
    let bus = Bus::builder().transport(Memory::new().capacity(64)).build();
    let done = Arc::default();
    let retry = Retry::exponential(Duration::from_micros(200)).max_attempts(1000).cap(Duration::from_millis(1));
    let mut builder = bus.consumer("steps").handle::<Step>(unreliable(&done)).workers(workers).retry(retry);
    if on_consumer {
        builder = builder.key::<Step>(|e| e.of);
    }
    builder.start().await.unwrap();
    for number in 0..steps {
        for of in 0..keys {
            let publish = bus.publish(Step { of, number });
            let publish = if on_consumer { publish } else { publish.key(format!("key-{of}")) };
            publish.await.unwrap();
        }
    }
    let report = bus.shutdown(Duration::from_mins(1)).await;
    assert!(report.is_clean(), "{report}");
    assert_balanced(report.stats());
    let done = done.lock().unwrap();
    assert_eq!(done.len() as u64, keys);
    for (of, numbers) in &*done {
        assert!(numbers.iter().copied().eq(0..steps), "key {of}: {numbers:?}");
    }
    assert!(report.stats().groups[0].retried > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_told_by_the_consumer_keeps_its_order_over_eight_workers_that_fail() {
    ordered(8, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_told_by_the_publisher_keeps_its_order_over_eight_workers_that_fail() {
    ordered(8, false).await;
}

/// Handles steps, fails the first attempts of key 0, and logs.
async fn stumbling(bus: &Bus, log: &Log<(u64, u64)>, keyed: bool) {
    let log = log.clone();
    let handler = move |e: Arc<Step>, delivery: Delivery| {
        let fails = e.of == 0 && e.number == 0 && delivery.attempt() < 3;
        if !fails {
            log.add((e.of, e.number));
        }
        async move { if fails { Err("stumbles") } else { Ok(()) } }
    };
    let builder = bus.consumer("steps").handle::<Step>(handler).retry(Retry::fixed(Duration::from_secs(1)));
    let builder = if keyed { builder.key::<Step>(|e| e.of) } else { builder };
    builder.start().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_key_that_waits_for_its_next_attempt_holds_up_only_itself() {
    let (bus, log) = (Bus::new(), Log::default());
    stumbling(&bus, &log, true).await;
    for number in 0..3 {
        for of in 0..3 {
            bus.publish(Step { of, number }).await.unwrap();
        }
    }
    yield_a_lot().await;
    assert_eq!(log.take(), [(1, 0), (2, 0), (1, 1), (2, 1), (1, 2), (2, 2)]);
    assert!(bus.shutdown(HOUR).await.is_clean());
    assert_eq!(log.take(), [(0, 0), (0, 1), (0, 2)]);
}

#[tokio::test(start_paused = true)]
async fn without_a_key_a_retry_holds_up_nobody() {
    let (bus, log) = (Bus::new(), Log::default());
    stumbling(&bus, &log, false).await;
    for number in 0..3 {
        bus.publish(Step { of: 0, number }).await.unwrap();
    }
    yield_a_lot().await;
    assert_eq!(log.take(), [(0, 1), (0, 2)]);
    assert_eq!(group(&bus, "steps").in_flight, 1);
    assert!(bus.shutdown(HOUR).await.is_clean());
    assert_eq!(log.take(), [(0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn the_consumers_key_counts_before_the_publishers() {
    let (bus, log) = (Bus::new(), Log::default());
    stumbling(&bus, &log, true).await;
    for number in 0..2 {
        for of in 0..2 {
            bus.publish(Step { of, number }).key("all the same").await.unwrap();
        }
    }
    yield_a_lot().await;
    assert_eq!(log.take(), [(1, 0), (1, 1)], "key 1 does not wait for key 0");
    assert!(bus.shutdown(HOUR).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_frees_its_key_and_a_stop_keeps_its_order() {
    let (bus, log) = (Bus::new(), Log::default());
    let handler = |e: Arc<Step>, _| async move { if e.number < 2 { Err("never") } else { Ok(()) } };
    let retry = Retry::fixed(Duration::from_secs(1)).max_attempts(2);
    let builder = bus.consumer("steps").handle::<Step>(handler).key::<Step>(|e| e.of).retry(retry);
    let consumer = builder.workers(4).start().await.unwrap();
    for number in 0..5 {
        bus.publish(Step { of: 0, number }).await.unwrap();
    }
    yield_a_lot().await;
    tokio::time::advance(Duration::from_secs(1)).await;
    yield_a_lot().await;
    assert_eq!((group(&bus, "steps").dead_lettered, group(&bus, "steps").handled), (1, 0));
    consumer.stop(HOUR).await;
    stumbling(&bus, &log, true).await;
    assert!(bus.shutdown(HOUR).await.is_clean());
    assert_eq!(log.take(), [(0, 1), (0, 2), (0, 3), (0, 4)]);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_with_keys_reads_on_after_its_handlers_have_waited() {
    let bus = Bus::new();
    let handler = |_: Arc<Job>, _| tokio::time::sleep(Duration::from_secs(1));
    bus.consumer("group").handle::<Job>(handler).key::<Job>(|e| e.0).start().await.unwrap();
    for id in 0..3 {
        bus.publish(Job(id)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(group(&bus, "group").handled, id + 1);
    }
}
