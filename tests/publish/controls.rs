//! Pausing, delaying, batches, state, removal: what those who run a consumer do with it.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use eventbus::{
    Bus, Delivery, Event, Retry,
    consumer::{Batch, ConsumerBuilder, ConsumerError, RemoveGroupError},
    publish::TryPublishError,
    transport::Memory,
};
use tokio::{sync::Semaphore, time::Instant};

use crate::support::{
    HOUR, Job, Log, assert_balanced, current_thread, group, hush, logging, multi_thread, poll_once, scaled, yield_a_lot,
};

#[derive(Event)]
struct Placed(u64);

#[tokio::test(start_paused = true)]
async fn a_paused_consumer_takes_events_and_handles_them_later() {
    let bus = Bus::new();
    let (consumer, log) = logging(&bus, "group").await;
    consumer.pause();
    assert!(consumer.is_paused());
    for id in 0..100 {
        bus.publish(Job(id)).await.unwrap();
    }
    yield_a_lot().await;
    assert_eq!((log.take(), group(&bus, "group").in_flight), (vec![], 100));
    consumer.resume();
    yield_a_lot().await;
    assert_eq!(log.take(), (0..100).collect::<Vec<_>>());
    consumer.pause_until(Instant::now() + Duration::from_secs(5));
    bus.publish(Job(100)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(4_999)).await;
    assert!(log.take().is_empty());
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(log.take(), [100]);
    assert_balanced(&bus.stats());
}

/// A worker that looks for something while its consumer is paused either has it before, or does not take it.
#[test]
fn what_is_published_after_a_pause_stays_in_the_queue() {
    let runtime = multi_thread(4);
    for _ in 0..scaled(300, 3_000) {
        runtime.block_on(async {
            let bus = Bus::new();
            let begun = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&begun);
            let consumer = bus.consumer("group").workers(4).capacity(1).handle::<Job>(move |_, _| {
                count.fetch_add(1, Ordering::SeqCst);
                ready(())
            });
            let consumer = consumer.start().await.unwrap();
            consumer.pause();
            bus.try_publish(Job(0)).unwrap();
            let full = bus.try_publish(Job(1)).expect_err("its place is taken");
            assert!(matches!(full, TryPublishError::Full(_)), "{full}");
            assert_eq!(begun.load(Ordering::SeqCst), 0);
            assert_eq!(bus.shutdown(HOUR).await.returned().len(), 1);
        });
    }
}

/// Also if its reader waits for events at that moment.
#[tokio::test(start_paused = true)]
async fn a_reader_that_waits_when_its_consumer_is_paused_takes_nothing() {
    let bus = Bus::new();
    let consumer = bus.consumer("group").capacity(1).key::<Job>(|job| job.0).handle::<Job>(|_, _| async {});
    let consumer = consumer.start().await.unwrap();
    yield_a_lot().await;
    consumer.pause();
    bus.try_publish(Job(0)).unwrap();
    yield_a_lot().await;
    assert!(matches!(bus.try_publish(Job(1)), Err(TryPublishError::Full(_))));
    consumer.resume();
    bus.drained(HOUR).await.unwrap();
    bus.try_publish(Job(1)).unwrap();
    assert!(bus.shutdown(HOUR).await.is_clean());
    assert_eq!(bus.stats().deliveries().handled, 2);
}

#[tokio::test(start_paused = true)]
async fn a_paused_consumer_does_not_hold_up_a_shutdown() {
    let bus = Bus::new();
    let (consumer, _) = logging(&bus, "group").await;
    consumer.pause();
    bus.publish(Job(0)).await.unwrap();
    let began = Instant::now();
    let report = bus.shutdown(HOUR).await;
    assert_eq!((began.elapsed(), report.returned().len()), (Duration::ZERO, 1));
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_kept_exactly_and_delayed_events_come_in_the_order_of_their_times() {
    let (bus, log) = (Bus::new(), Log::default());
    let (seen, began) = (log.clone(), Instant::now());
    let handler = move |e: Arc<Job>, _: Delivery| {
        seen.add((e.0, began.elapsed()));
        async {}
    };
    bus.consumer("group").handle::<Job>(handler).start().await.unwrap();
    for (id, seconds) in [(3, 3), (1, 1), (2, 2)] {
        bus.publish(Job(id)).after(Duration::from_secs(seconds)).await.unwrap();
    }
    bus.publish(Job(0)).await.unwrap();
    bus.publish(Job(9)).at(SystemTime::now() - HOUR).await.unwrap();
    assert_eq!(group_delayed(&bus), 3);
    bus.drained(HOUR).await.unwrap();
    let times = log.take();
    assert_eq!(times.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [0, 9, 1, 2, 3]);
    for (id, time) in &times[2..] {
        assert_eq!(*time, Duration::from_secs(*id));
    }
}

fn group_delayed(bus: &Bus) -> u64 {
    group(bus, "group").delayed
}

#[tokio::test(start_paused = true)]
async fn a_publish_ends_its_wait_at_a_deadline_or_with_a_future() {
    let bus = Bus::builder().transport(crate::support::unread(Memory::new().capacity(1))).on_warning(|_| {}).build();
    bus.publish(Job(0)).await.unwrap();
    let began = Instant::now();
    let late = bus.publish(Job(1)).deadline(began + Duration::from_secs(2)).await.unwrap_err();
    assert_eq!((late.into_event(), began.elapsed()), (Some(Job(1)), Duration::from_secs(2)));
    let until = tokio::time::sleep(Duration::from_secs(3));
    let ended = bus.publish(Job(2)).until(until).await.unwrap_err();
    assert!(matches!(ended, eventbus::PublishError::Cancelled(Job(2))), "{ended}");
    assert_eq!(began.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_full_or_has_waited_long_enough() {
    let (bus, log) = (Bus::new(), Log::default());
    let (seen, began) = (log.clone(), Instant::now());
    let handler = move |jobs: Batch<Job>| {
        seen.add((jobs.iter().map(|job| job.0).collect::<Vec<_>>(), began.elapsed()));
        ready(())
    };
    let wait = Duration::from_secs(2);
    bus.consumer("group").handle_batch::<Job>(3, wait, handler).start().await.unwrap();
    for id in 0..5 {
        bus.publish(Job(id)).await.unwrap();
    }
    bus.drained(HOUR).await.unwrap();
    assert_eq!(log.take(), [(vec![0, 1, 2], Duration::ZERO), (vec![3, 4], wait)]);
    assert_eq!(group(&bus, "group").handled, 5);
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_those_that_failed_are_tried_again() {
    let bus = Bus::builder().on_failure(|_| {}).build();
    let log = Log::default();
    let seen = log.clone();
    let handler = move |jobs: Batch<Job>| {
        let attempts: Vec<_> = (0..jobs.len()).map(|at| jobs.delivery(at).unwrap().attempt()).collect();
        seen.add(jobs.iter().map(|job| job.0).zip(attempts.clone()).collect::<Vec<_>>());
        let results: Vec<Result<(), &str>> = jobs
            .iter()
            .zip(attempts)
            .map(|(job, attempt)| if job.0 % 2 == 1 && attempt == 1 { Err("odd") } else { Ok(()) })
            .collect();
        async move { results }
    };
    let consumer = bus.consumer("group").handle_batch::<Job>(4, Duration::ZERO, handler);
    let retry = Retry::fixed(Duration::from_secs(1));
    consumer.retry(retry).start().await.unwrap();
    for id in 0..4 {
        bus.publish(Job(id)).await.unwrap();
    }
    bus.drained(HOUR).await.unwrap();
    assert_eq!(log.take(), [vec![(0, 1), (1, 1), (2, 1), (3, 1)], vec![(1, 2), (3, 2)]]);
    let stats = group(&bus, "group");
    assert_eq!((stats.handled, stats.retried, stats.dead_lettered), (4, 2, 0));
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn a_batch_fails_as_a_whole_by_an_error_a_panic_and_a_timeout_and_shorter_results_are_failures() {
    hush();
    for how in 0..4 {
        let bus = Bus::builder().on_failure(|_| {}).build();
        let handler = move |jobs: Batch<Job>| async move {
            let results: Vec<Result<(), String>> = match how {
                0 => jobs.iter().map(|_| Err("all".to_owned())).collect(),
                1 => panic!("boom in a batch"),
                2 => std::future::pending().await,
                _ => vec![Ok(())],
            };
            results
        };
        let consumer = bus.consumer("group").handle_batch::<Job>(3, Duration::from_secs(1), handler);
        consumer.retry(Retry::never()).timeout(Duration::from_secs(5)).start().await.unwrap();
        for id in 0..3 {
            bus.publish(Job(id)).await.unwrap();
        }
        bus.drained(HOUR).await.unwrap();
        let stats = group(&bus, "group");
        let well = u64::from(how == 3);
        assert_eq!((stats.handled, stats.dead_lettered), (well, 3 - well), "{how}");
        assert_balanced(&bus.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_batch_fails_each_of_it_and_calls_the_handler_no_more() {
    hush();
    for how in 0..3 {
        let bus = Bus::builder().on_failure(|_| {}).build();
        let log = Log::default();
        let seen = log.clone();
        let handler = move |jobs: Batch<Job>| {
            let attempt = jobs.delivery(0).unwrap().attempt();
            seen.add((attempt, jobs.iter().map(|job| job.0).collect::<Vec<_>>()));
            assert!(how != 0 || attempt > 1, "boom in the call");
            async move {
                assert!(how != 1 || attempt > 1, "boom in the future");
                tokio::task::yield_now().await;
                assert!(how != 2 || attempt > 1, "boom after a wait");
            }
        };
        let consumer = bus.consumer("group").handle_batch::<Job>(3, Duration::from_secs(1), handler);
        consumer.retry(Retry::fixed(Duration::from_secs(1))).start().await.unwrap();
        for id in 0..3 {
            bus.publish(Job(id)).await.unwrap();
        }
        bus.drained(HOUR).await.unwrap();
        assert_eq!(log.take(), [(1, vec![0, 1, 2]), (2, vec![0, 1, 2])], "{how}");
        let stats = group(&bus, "group");
        assert_eq!((stats.handled, stats.retried, stats.dead_lettered), (3, 3, 0), "{how}");
        assert_balanced(&bus.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_interrupted_goes_back_in_order() {
    let bus = Bus::new();
    let handler = |_: Batch<Job>| std::future::pending::<()>();
    let consumer = bus.consumer("group").handle_batch::<Job>(4, Duration::ZERO, handler).start().await.unwrap();
    for id in 0..4 {
        bus.publish(Job(id)).await.unwrap();
    }
    yield_a_lot().await;
    let report = consumer.stop(Duration::from_secs(1)).await;
    assert_eq!((report.cancelled.len(), report.returned), (4, 4));
    let (_, log) = logging(&bus, "group").await;
    bus.drained(HOUR).await.unwrap();
    assert_eq!(log.take(), [0, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn handlers_get_a_clone_of_their_state() {
    let (bus, log) = (Bus::new(), Log::<(&str, u64)>::default());
    let consumer = bus
        .consumer("group")
        .with((log.clone(), "job"))
        .handle::<Job>(|(log, name), e, _| async move { log.add((name, e.0)) })
        .with(log.clone())
        .handle_pattern(
            "placed",
            |log, e, _| async move { log.add(("placed", e.downcast_ref::<Placed>().unwrap().0)) },
        );
    consumer.start().await.unwrap();
    bus.publish(Job(1)).await.unwrap();
    bus.publish(Placed(2)).await.unwrap();
    bus.drained(HOUR).await.unwrap();
    assert_eq!(log.take(), [("job", 1), ("placed", 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_removed_hands_back_what_waited_and_holds_up_nobody() {
    let bus = Bus::builder().transport(Memory::new().capacity(2)).on_warning(|_| {}).build();
    let (consumer, _) = logging(&bus, "group").await;
    consumer.pause();
    for id in 0..2 {
        bus.publish(Job(id)).await.unwrap();
    }
    let mut waits = bus.publish(Job(2));
    assert!(poll_once(&mut waits).is_pending());
    let left = consumer.remove(HOUR).await.unwrap();
    assert_eq!(left.iter().map(|one| one.downcast_ref::<Job>().unwrap().0).collect::<Vec<_>>(), [0, 1]);
    waits.await.unwrap();
    assert!(bus.stats().group("group").is_none());
    let (_, log) = logging(&bus, "group").await;
    bus.drained(HOUR).await.unwrap();
    assert_eq!(log.take(), [2], "it waited for a group that wants it");
    assert!(matches!(bus.remove_group("group").await, Err(RemoveGroupError::InUse { .. })));
    assert!(matches!(bus.remove_group("nobody").await, Err(RemoveGroupError::Unknown { .. })));
    assert_eq!(bus.stats().transport_errors, 0, "nothing has failed");
    assert_balanced(&bus.stats());
}

#[test]
fn a_group_whose_runtime_has_gone_can_be_taken_over() {
    let bus = Bus::new();
    let first = current_thread();
    let (_, log) = first.block_on(logging(&bus, "group"));
    bus.try_publish(Job(0)).unwrap();
    drop(first);
    current_thread().block_on(async {
        bus.drained(Duration::from_millis(1)).await.unwrap_err();
        let (_, second) = logging(&bus, "group").await;
        bus.drained(HOUR).await.unwrap();
        assert_eq!((log.take(), second.take()), (vec![], vec![0]));
        assert!(bus.shutdown(HOUR).await.is_clean());
    });
}

#[tokio::test]
async fn more_workers_than_a_consumer_may_have_are_an_error() {
    let bus = Bus::new();
    let consumer = bus.consumer("group").handle::<Job>(|_, _| async {}).workers(usize::MAX);
    let error = consumer.start().await.unwrap_err();
    let ConsumerError::TooManyWorkers { limit, .. } = error else { panic!("{error}") };
    assert_eq!(limit, <ConsumerBuilder>::MAX_WORKERS);
}

#[tokio::test]
async fn a_queue_and_the_dead_letters_are_bounded_in_bytes_too() {
    let size = size_of::<Job>();
    let bus = Bus::builder().max_dead_letter_bytes(2 * size).on_failure(|_| {}).build();
    let gate = Arc::new(Semaphore::new(0));
    let open = Arc::clone(&gate);
    let handler = move |_: Arc<Job>, _| {
        let open = Arc::clone(&open);
        async move {
            open.acquire().await.map(drop).map_err(|_| "closed")?;
            Err::<(), _>("no")
        }
    };
    let consumer = bus.consumer("group").handle::<Job>(handler).capacity_bytes(3 * size + 1);
    let consumer = consumer.retry(Retry::never()).start().await.unwrap();
    consumer.pause();
    let taken = (0..10).take_while(|id| bus.try_publish(Job(*id)).is_ok()).count();
    assert_eq!(taken, 3);
    consumer.resume();
    gate.add_permits(10);
    bus.drained(HOUR).await.unwrap();
    assert_eq!((bus.dead_letters().in_memory().len(), bus.stats().dead_letters_evicted), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_retries_starves_no_other_key() {
    let bus = Bus::builder().transport(Memory::new().capacity(5_000)).on_failure(|_| {}).build();
    let log = Log::default();
    let seen = log.clone();
    let handler = move |e: Arc<Job>, _: Delivery| {
        let fails = e.0 == 0;
        if !fails {
            seen.add(e.0);
        }
        async move { if fails { Err("later") } else { Ok(()) } }
    };
    bus.consumer("group").handle::<Job>(handler).retry(Retry::fixed(HOUR)).workers(2).start().await.unwrap();
    for _ in 0..1_200 {
        bus.publish(Job(0)).key("stuck").await.unwrap();
    }
    for id in 1..=50 {
        bus.publish(Job(id)).key("free").await.unwrap();
    }
    yield_a_lot().await;
    assert_eq!(log.take(), (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_key_that_floods_waits_for_itself() {
    let bus = Bus::builder().on_warning(|_| {}).build();
    let consumer = bus.consumer("group").handle::<Job>(|_, _| async {}).max_per_key(16).start().await.unwrap();
    consumer.pause();
    let taken = (0..100).take_while(|id| poll_once(&mut bus.publish(Job(*id)).key("flood")).is_ready()).count();
    assert_eq!(taken, 16);
    for id in 0..100 {
        bus.publish(Job(id)).key(format!("other {id}")).await.unwrap();
        bus.publish(Job(id)).await.unwrap();
    }
    let mut waits = bus.publish(Job(100)).key("flood");
    assert!(poll_once(&mut waits).is_pending());
    consumer.resume();
    waits.await.unwrap();
    bus.drained(HOUR).await.unwrap();
    assert_eq!(group(&bus, "group").handled, 217);
}
