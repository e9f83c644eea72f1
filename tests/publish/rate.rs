//! The rate of a consumer, on paused time.

use std::{sync::Arc, time::Duration};

use eventbus::{Bus, Rate, transport::Memory};

use crate::support::{HOUR, Job, assert_balanced, group, yield_a_lot};

async fn limited(rate: Rate, workers: usize, events: u64) -> (Bus, eventbus::Consumer) {
    let bus = Bus::builder().transport(Memory::new().capacity(10_000)).build();
    for id in 0..events {
        bus.publish(Job(id)).await.unwrap();
    }
    let builder = bus.consumer("limited").handle::<Job>(|_: Arc<Job>, _| async {}).workers(workers);
    let consumer = builder.rate_limit(rate).start().await.unwrap();
    yield_a_lot().await;
    (bus, consumer)
}

#[tokio::test(start_paused = true)]
async fn fifty_a_second_with_a_burst_of_ten_are_right_to_one_at_any_time() {
    for workers in [1, 4] {
        let (bus, _) = limited(Rate::per_second(50).burst(10), workers, 600).await;
        let mut passed = 0;
        for step in [0, 5, 15, 20, 100, 500, 1000, 3360, 4999, 1] {
            // The timer of a task that is not polled between may come late: step by step.
            for _ in 0..step {
                tokio::time::advance(Duration::from_millis(1)).await;
                tokio::task::yield_now().await;
            }
            yield_a_lot().await;
            passed += step;
            let (handled, expected) = (group(&bus, "limited").handled, 10 + passed * 50 / 1000);
            assert!(handled.abs_diff(expected) <= 1, "{handled} after {passed} ms, not {expected}; {workers} workers");
        }
        assert_balanced(&bus.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_saves_up_a_burst_and_no_more() {
    let (bus, _) = limited(Rate::per_second(50).burst(10), 1, 0).await;
    tokio::time::advance(HOUR).await;
    for id in 0..100 {
        bus.publish(Job(id)).await.unwrap();
    }
    yield_a_lot().await;
    assert_eq!(group(&bus, "limited").handled, 10);
}

#[tokio::test(start_paused = true)]
async fn a_stop_interrupts_the_wait_for_the_rate() {
    let (bus, consumer) = limited(Rate::per_minute(1), 3, 7).await;
    assert_eq!(group(&bus, "limited").handled, 1);
    let began = tokio::time::Instant::now();
    let report = consumer.stop(HOUR).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert!(report.is_clean());
    let stats = group(&bus, "limited");
    assert_eq!((stats.waiting, stats.in_flight), (Some(6), 6));
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_drains_at_the_rate() {
    let (bus, _) = limited(Rate::per_second(10).burst(1), 2, 31).await;
    let began = tokio::time::Instant::now();
    assert!(bus.shutdown(HOUR).await.is_clean());
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(2990) && took <= Duration::from_millis(3100), "{took:?}");
}
