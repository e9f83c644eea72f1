//! Many producers and a bounded queue, under each policy at its bound.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use eventbus::{Bus, Overflow, transport::Memory};

use crate::support::{Gauge, Tracked, assert_balanced, is_full_run, multi_thread, scaled};

const CAPACITY: usize = 1024;
const PRODUCERS: u32 = 8;
/// What the workers of a consumer have read, handled and not settled, and what producers hold in their hands.
const HELD: usize = 2 * 256 + 4 * 32 + 2 * PRODUCERS as usize;

fn many_producers(policy: Overflow) {
    let events = scaled(40_000, 1_000_000);
    let (runtime, gauge) = (multi_thread(4), Gauge::default());
    let bus = Bus::builder().transport(Memory::new().capacity(CAPACITY).overflow(policy)).build();
    let (stop, deepest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let sampler = {
        let (bus, stop, deepest) = (bus.clone(), Arc::clone(&stop), Arc::clone(&deepest));
        std::thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                if let Some(waiting) = bus.stats().group("sink").and_then(|group| group.waiting) {
                    deepest.fetch_max(waiting, Ordering::SeqCst);
                }
                std::thread::yield_now();
            }
        })
    };
    let began = Instant::now();
    let report = runtime.block_on(async {
        bus.consumer("sink").handle::<Tracked>(|_, _| async {}).workers(4).start().await.unwrap();
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|at| {
                let (bus, gauge) = (bus.clone(), gauge.clone());
                tokio::spawn(async move {
                    for number in 0..events / u64::from(PRODUCERS) {
                        // What is refused is dropped here.
                        let _ = bus.publish(Tracked::new(number * u64::from(PRODUCERS) + u64::from(at), &gauge)).await;
                        tokio::task::coop::consume_budget().await;
                    }
                })
            })
            .collect();
        for producer in producers {
            producer.await.unwrap();
        }
        bus.shutdown(Duration::from_mins(1)).await
    });
    let took = began.elapsed();
    stop.store(true, Ordering::SeqCst);
    sampler.join().unwrap();
    assert!(report.is_clean(), "{report}");
    assert_balanced(report.stats());
    let (published, all) = (report.stats().published, report.stats().deliveries());
    assert_eq!(published.offered, events);
    assert_eq!((published.unknown, all.created, all.in_flight), (0, published.accepted, 0));
    match policy {
        Overflow::Wait => assert_eq!((published.accepted, all.handled), (events, events)),
        Overflow::Fail => assert_eq!((all.handled, all.dropped), (published.accepted, 0)),
        _ => assert_eq!((published.accepted, all.handled + all.dropped), (events, events)),
    }
    let deepest = deepest.load(Ordering::SeqCst);
    assert!(deepest <= CAPACITY as u64, "{deepest} waited");
    assert!(gauge.most() <= CAPACITY + HELD, "{} events were alive at once", gauge.most());
    assert_eq!(gauge.now(), 0, "nothing is left behind");
    if is_full_run() {
        let rate = u128::from(events) * 1000 / took.as_millis().max(1);
        println!("{policy:?}: {rate} events/s, deepest {deepest}, alive at most {}, {all:?}", gauge.most());
    }
}

#[test]
fn eight_producers_that_wait_lose_nothing_and_stay_in_bounds() {
    many_producers(Overflow::Wait);
}

#[test]
fn eight_producers_that_fail_have_back_what_did_not_fit() {
    many_producers(Overflow::Fail);
}

#[test]
fn eight_producers_that_drop_the_oldest_account_for_each() {
    many_producers(Overflow::DropOldest);
}

#[test]
fn eight_producers_that_drop_the_newest_account_for_each() {
    many_producers(Overflow::DropNewest);
}

/// What is left of `events` that one producer published to a group nobody reads, and how many events lived at most.
fn left_unread(policy: Overflow, events: u64) -> (Vec<u64>, usize) {
    let (runtime, gauge) = (multi_thread(2), Gauge::default());
    let bus = Bus::builder().transport(Memory::new().capacity(CAPACITY).overflow(policy)).build();
    let seen = Arc::new(Mutex::new(Vec::new()));
    runtime.block_on(async {
        let consumer = bus.consumer("group").handle::<Tracked>(|_, _| async {}).start().await.unwrap();
        consumer.stop(Duration::from_secs(5)).await;
        for id in 0..events {
            bus.publish(Tracked::new(id, &gauge)).await.unwrap();
        }
        let log = Arc::clone(&seen);
        let handler = move |e: Arc<Tracked>, _| {
            log.lock().unwrap().push(e.id);
            async {}
        };
        bus.consumer("group").handle::<Tracked>(handler).start().await.unwrap();
        let report = bus.shutdown(Duration::from_secs(20)).await;
        assert_balanced(report.stats());
        assert_eq!(report.stats().deliveries().created, events);
        assert_eq!(report.stats().group("group").unwrap().overflowed, events - CAPACITY as u64);
    });
    (std::mem::take(&mut seen.lock().unwrap()), gauge.most())
}

#[test]
fn drop_oldest_without_a_reader_ends_with_the_newest() {
    let events = scaled(20_000, 1_000_000);
    let (left, most) = left_unread(Overflow::DropOldest, events);
    assert_eq!(left, (events - CAPACITY as u64..events).collect::<Vec<_>>());
    assert_eq!(most, CAPACITY + 1, "the one that comes, while the one that goes is still there");
}

#[test]
fn drop_newest_without_a_reader_ends_with_the_oldest() {
    let (left, most) = left_unread(Overflow::DropNewest, scaled(20_000, 1_000_000));
    assert_eq!(left, (0..CAPACITY as u64).collect::<Vec<_>>());
    assert_eq!(most, CAPACITY + 1);
}
