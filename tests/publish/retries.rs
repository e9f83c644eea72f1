//! When deliveries are tried again, on paused time.

use std::{sync::Arc, time::Duration};

use eventbus::{Bus, Delivery, Retry, consumer::AttemptError};
use tokio::time::Instant;

use crate::support::{HOUR, Job, Log, assert_balanced, group, hush, yield_a_lot};

/// When the attempts of one delivery were made, from the first.
async fn times_of(retry: Retry) -> Vec<Duration> {
    let (bus, log) = (Bus::new(), Log::default());
    let times = log.clone();
    let handler = move |_: Arc<Job>, _| {
        times.add(Instant::now());
        async { Err("always") }
    };
    bus.consumer("group").handle::<Job>(handler).retry(retry).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    let report = bus.shutdown(24 * HOUR).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.stats().deliveries().dead_lettered, 1);
    assert_balanced(report.stats());
    let times: Vec<Instant> = log.take();
    times.iter().map(|time| *time - times[0]).collect()
}

fn gaps(times: &[Duration]) -> Vec<Duration> {
    times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect()
}

fn millis(all: impl IntoIterator<Item = u64>) -> Vec<Duration> {
    all.into_iter().map(Duration::from_millis).collect()
}

#[tokio::test(start_paused = true)]
async fn delays_double_up_to_the_cap_and_end_with_the_last_attempt() {
    let retry = Retry::exponential(Duration::from_millis(100)).cap(Duration::from_secs(1)).max_attempts(7);
    let times = times_of(retry.without_jitter()).await;
    assert_eq!(gaps(&times), millis([100, 200, 400, 800, 1000, 1000]));
}

#[tokio::test(start_paused = true)]
async fn a_delay_with_jitter_is_between_nothing_and_its_length() {
    let mut longest = Vec::new();
    for _ in 0..60 {
        let times = times_of(Retry::exponential(Duration::from_millis(100)).max_attempts(5)).await;
        let gaps = gaps(&times);
        for (gap, bound) in gaps.iter().zip(millis([100, 200, 400, 800])) {
            // The timer counts in milliseconds.
            assert!(*gap <= bound + Duration::from_millis(1), "{gap:?} of {bound:?}");
        }
        longest.push(gaps[3]);
    }
    assert!(longest.iter().max().unwrap() > &Duration::from_millis(500), "spread over all of it");
    assert!(longest.iter().min().unwrap() < &Duration::from_millis(300), "spread over all of it");
}

#[tokio::test(start_paused = true)]
async fn unless_stated_there_are_five_attempts_and_never_is_one() {
    assert_eq!(times_of(Retry::default()).await.len(), 5);
    assert_eq!(times_of(Retry::never()).await.len(), 1);
    assert_eq!(times_of(Retry::never().max_attempts(0)).await.len(), 1);
    assert_eq!(gaps(&times_of(Retry::fixed(Duration::from_secs(7)).max_attempts(3)).await), millis([7000, 7000]));
    let far = Retry::exponential(Duration::MAX).cap(Duration::from_secs(5)).max_attempts(3).without_jitter();
    assert_eq!(gaps(&times_of(far).await), millis([5000, 5000]));
}

#[tokio::test(start_paused = true)]
async fn only_what_the_predicate_says_is_tried_again() {
    let (bus, log) = (Bus::new(), Log::default());
    let tried = log.clone();
    let handler = move |e: Arc<Job>, _| {
        tried.add(e.0);
        async move { if e.0 == 0 { Err("malformed") } else { Err("no server") } }
    };
    let when = |error: &AttemptError| error.error().is_some_and(|error| error.to_string() == "no server");
    let retry = Retry::fixed(Duration::from_secs(1)).max_attempts(3).when(when);
    bus.consumer("group").handle::<Job>(handler).retry(retry).start().await.unwrap();
    for id in 0..2 {
        bus.publish(Job(id)).await.unwrap();
    }
    bus.shutdown(HOUR).await;
    assert_eq!(log.take(), [0, 1, 1, 1]);
    let attempts: Vec<_> = bus.dead_letters().list().await.unwrap().iter().map(|letter| letter.attempts).collect();
    assert_eq!(attempts, [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn panics_and_timeouts_are_tried_again() {
    hush();
    let (bus, log) = (Bus::new(), Log::default());
    let tried = log.clone();
    let handler = move |_: Arc<Job>, delivery: Delivery| {
        tried.add(delivery.attempt());
        async move {
            match delivery.attempt() {
                1 => panic!("boom"),
                2 => std::future::pending().await,
                _ => Ok::<_, eventbus::BoxError>(()),
            }
        }
    };
    let builder = bus.consumer("group").handle::<Job>(handler).retry(Retry::fixed(Duration::from_secs(1)));
    builder.timeout(Duration::from_secs(10)).start().await.unwrap();
    let began = Instant::now();
    bus.publish(Job(0)).await.unwrap();
    assert!(bus.shutdown(HOUR).await.is_clean());
    assert_eq!((log.take(), began.elapsed()), (vec![1, 2, 3], Duration::from_secs(12)));
    assert_eq!(group(&bus, "group").retried, 2);
}

#[tokio::test(start_paused = true)]
async fn a_timed_out_attempt_says_so_in_its_dead_letter_and_stops_its_handler() {
    let (bus, log) = (Bus::new(), Log::default());
    let stopped = log.clone();
    let handler = move |_: Arc<Job>, _| {
        let stopped = stopped.clone();
        async move {
            let _guard = crate::support::OnDrop(move || stopped.add("stopped"));
            std::future::pending::<()>().await;
        }
    };
    let builder = bus.consumer("group").handle::<Job>(handler).retry(Retry::never());
    builder.timeout(Duration::from_secs(10)).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    assert!(bus.shutdown(HOUR).await.is_clean());
    assert_eq!(bus.dead_letters().list().await.unwrap()[0].error.to_string(), "timed out after 10s");
    assert_eq!(log.take(), ["stopped"]);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_waits_for_its_next_attempt_holds_no_worker() {
    let (bus, log) = (Bus::new(), Log::default());
    let done = log.clone();
    let handler = move |e: Arc<Job>, delivery: Delivery| {
        let fails = e.0 < 50 && delivery.attempt() == 1;
        if !fails {
            done.add(e.0);
        }
        async move { if fails { Err("later") } else { Ok(()) } }
    };
    bus.consumer("group").handle::<Job>(handler).retry(Retry::fixed(HOUR)).start().await.unwrap();
    for id in 0..60 {
        bus.publish(Job(id)).await.unwrap();
    }
    yield_a_lot().await;
    assert_eq!(log.take(), (50..60).collect::<Vec<_>>());
    assert_eq!(group(&bus, "group").in_flight, 50);
    assert!(bus.shutdown(2 * HOUR).await.is_clean());
    assert_eq!(log.take(), (0..50).collect::<Vec<_>>(), "in the order in which they came");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_due_after_a_time_without_end_does_not_come() {
    let bus = Bus::builder().on_failure(|_| {}).build();
    let failing = bus.consumer("group").handle::<Job>(|_, _| async { Err::<(), _>("later") });
    failing.retry(Retry::fixed(Duration::MAX)).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    tokio::time::sleep(1_000 * HOUR).await;
    let stats = group(&bus, "group");
    assert_eq!((stats.attempts, stats.retried, stats.in_flight), (1, 1, 1));
    bus.shutdown(Duration::from_secs(1)).await;
}
