//! What is counted of groups: how far they are behind, attempts, and how long handlers take.

use std::{sync::Arc, time::Duration};

use eventbus::{Bus, Retry, stats::GroupStats};

use super::support::{HOUR, Numbered, Ping, counting};
use crate::hush;

#[track_caller]
fn group(bus: &Bus, name: &str) -> GroupStats {
    bus.stats().group(name).expect("there is the group").clone()
}

#[tokio::test(start_paused = true)]
async fn a_group_that_waits_tells_its_lag_and_the_age_of_its_oldest() {
    let bus = Bus::new();
    let consumer = bus.consumer("mailer").handle::<Ping>(|_, _| async {}).start().await.unwrap();
    consumer.pause();
    for _ in 0..3 {
        bus.publish(Ping).await.unwrap();
    }
    let stats = group(&bus, "mailer");
    assert_eq!((stats.waiting, stats.lag(), stats.attempts), (Some(3), 3, 0));
    assert!(stats.oldest_age.is_some());
    consumer.resume();
    bus.drained(HOUR).await.unwrap();
    let stats = group(&bus, "mailer");
    assert_eq!((stats.waiting, stats.lag(), stats.attempts, stats.oldest_age), (Some(0), 0, 3, None));
    // Handlers are measured where emissions are counted.
    assert_eq!(stats.latency.count, 0);
}

#[tokio::test(start_paused = true)]
async fn handlers_are_measured_at_each_attempt() {
    hush();
    let bus = counting();
    let handle = |e: Arc<Numbered>, delivery: eventbus::Delivery| async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        match e.0 {
            1 if delivery.attempt() == 1 => Err("once more"),
            2 => panic!("boom"),
            _ => Ok(()),
        }
    };
    let retry = Retry::exponential(Duration::from_secs(1)).max_attempts(3);
    bus.consumer("mailer").handle::<Numbered>(handle).retry(retry).start().await.unwrap();
    for number in 0..3 {
        bus.publish(Numbered(number)).await.unwrap();
    }
    bus.drained(HOUR).await.unwrap();
    let stats = group(&bus, "mailer");
    // 0 once, 1 twice, 2 three times.
    assert_eq!((stats.handled, stats.attempts, stats.retried, stats.dead_lettered), (2, 6, 3, 1));
    assert_eq!((stats.latency.count, stats.latency.mean), (6, Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_stopped_in_time_is_measured_too() {
    let bus = counting();
    let handle = |_, _| tokio::time::sleep(HOUR);
    let consumer = bus.consumer("slow").handle::<Ping>(handle).timeout(Duration::from_secs(7));
    consumer.retry(Retry::never()).start().await.unwrap();
    bus.publish(Ping).await.unwrap();
    bus.drained(HOUR).await.unwrap();
    let stats = group(&bus, "slow");
    assert_eq!((stats.attempts, stats.dead_lettered), (1, 1));
    assert_eq!((stats.latency.count, stats.latency.max), (1, Duration::from_secs(7)));
}

#[tokio::test]
async fn a_batch_is_measured_as_one_and_its_deliveries_are_attempts() {
    let bus = counting();
    let consumer =
        bus.consumer("batches").handle_batch::<Ping>(64, Duration::ZERO, |_| async {}).start().await.unwrap();
    consumer.pause();
    for _ in 0..20 {
        bus.publish(Ping).await.unwrap();
    }
    consumer.resume();
    bus.drained(HOUR).await.unwrap();
    let stats = group(&bus, "batches");
    assert_eq!((stats.handled, stats.attempts), (20, 20));
    assert!((1..20).contains(&stats.latency.count), "{:?}", stats.latency);
}
