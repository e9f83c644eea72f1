//! What is waited for, and what is not: chains, retries, delays, and what ends because of a shutdown.

use std::{sync::Arc, task::Poll, time::Duration};

use eventbus::{
    Bus, Delivery, Event, PublishError, Retry, dead_letter::ReplayError, publish::TryPublishError, transport::Memory,
};
use tokio::{sync::oneshot, time::Instant};

use crate::support::{HOUR, Job, Log, assert_balanced, group, poll_once, yield_a_lot};

#[derive(Event)]
struct Placed(u64);

#[derive(Event)]
struct Shipped(u64);

#[derive(Event)]
struct Billed(u64);

/// Three groups, each of which publishes what the next one handles; the first by a handle of the bus that it has captured.
async fn chain(bus: &Bus) -> Log<u64> {
    let (log, own) = (Log::default(), bus.downgrade());
    let first = move |e: Arc<Placed>, _: Delivery| {
        let bus = own.upgrade().unwrap();
        async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            bus.publish(Shipped(e.0)).await
        }
    };
    let second = |e: Arc<Shipped>, delivery: Delivery| async move {
        tokio::time::sleep(Duration::from_millis(10)).await;
        delivery.bus().unwrap().publish(Billed(e.0)).await
    };
    let billed = log.clone();
    let third = move |e: Arc<Billed>, _: Delivery| {
        billed.add(e.0);
        async {}
    };
    bus.consumer("shipping").handle::<Placed>(first).start().await.unwrap();
    bus.consumer("billing").handle::<Shipped>(second).start().await.unwrap();
    bus.consumer("books").handle::<Billed>(third).start().await.unwrap();
    log
}

#[tokio::test(start_paused = true)]
async fn a_chain_is_handled_to_its_end_by_a_shutdown() {
    let bus = Bus::new();
    let log = chain(&bus).await;
    for id in 0..20 {
        bus.publish(Placed(id)).await.unwrap();
    }
    let report = bus.shutdown(Duration::from_secs(25)).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(log.take(), (0..20).collect::<Vec<_>>());
    let all = report.stats().deliveries();
    assert_eq!((all.handled, all.dead_lettered, all.returned), (60, 0, 0));
    assert_balanced(report.stats());
}

#[tokio::test(start_paused = true)]
async fn while_a_shutdown_drains_nobody_outside_publishes() {
    let bus = Bus::new();
    let log = chain(&bus).await;
    bus.publish(Placed(0)).await.unwrap();
    yield_a_lot().await;
    let mut shutdown = Box::pin(bus.shutdown(HOUR));
    assert!(poll_once(&mut shutdown).is_pending());
    assert!(matches!(bus.publish(Placed(1)).await, Err(PublishError::Closed(Placed(1)))));
    assert!(matches!(bus.try_publish(Billed(1)), Err(TryPublishError::Closed(Billed(1)))));
    assert!(shutdown.await.is_clean());
    assert_eq!(log.take(), [0]);
}

#[tokio::test(start_paused = true)]
async fn drained_waits_for_what_handlers_publish() {
    let bus = Bus::new();
    let log = chain(&bus).await;
    for id in 0..20 {
        bus.publish(Placed(id)).await.unwrap();
    }
    bus.drained(HOUR).await.unwrap();
    assert_eq!(log.take(), (0..20).collect::<Vec<_>>());
    bus.drained(Duration::ZERO).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn drained_waits_as_long_as_it_takes_if_its_limit_is_beyond_the_clock() {
    let bus = Bus::new();
    let log = chain(&bus).await;
    bus.publish(Placed(1)).await.unwrap();
    bus.drained(Duration::MAX).await.unwrap();
    assert_eq!(log.take(), [1]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_drained_in_time_is_named() {
    let bus = Bus::new();
    let stuck = bus.consumer("stuck").handle::<Job>(|_, _| std::future::pending::<()>()).start().await.unwrap();
    bus.consumer("quick").handle::<Placed>(|_, _| async {}).start().await.unwrap();
    for id in 0..3 {
        bus.publish(Job(id)).await.unwrap();
        bus.publish(Placed(id)).await.unwrap();
    }
    let began = Instant::now();
    let error = bus.drained(Duration::from_secs(7)).await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_secs(7));
    assert_eq!(error.to_string(), "not drained in time: group `stuck` has 3 left");
    assert_eq!(stuck.drain(Duration::from_secs(1)).await.unwrap_err(), error);
}

#[tokio::test(start_paused = true)]
async fn one_consumer_is_drained_without_the_others() {
    let bus = Bus::new();
    bus.consumer("stuck").handle::<Job>(|_, _| std::future::pending::<()>()).start().await.unwrap();
    let retry = Retry::fixed(Duration::from_secs(2));
    let handler =
        |_: Arc<Placed>, delivery: Delivery| async move { if delivery.attempt() < 3 { Err("later") } else { Ok(()) } };
    let slow = bus.consumer("slow").handle::<Placed>(handler).retry(retry).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    bus.publish(Placed(0)).await.unwrap();
    let began = Instant::now();
    slow.drain(HOUR).await.unwrap();
    assert_eq!((began.elapsed(), group(&bus, "slow").handled), (Duration::from_secs(4), 1));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_what_is_due_after_its_deadline() {
    for delayed in [true, false] {
        let bus = Bus::builder().on_failure(|_| {}).build();
        let handler = |_: Arc<Job>, _: Delivery| async { Err::<(), _>("no") };
        bus.consumer("group").handle::<Job>(handler).retry(Retry::fixed(HOUR)).start().await.unwrap();
        if delayed {
            bus.publish(Job(0)).after(HOUR).await.unwrap();
        } else {
            bus.publish(Job(0)).await.unwrap();
        }
        yield_a_lot().await;
        let began = Instant::now();
        let report = bus.shutdown(Duration::from_secs(6)).await;
        assert_eq!((began.elapsed(), report.returned().len()), (Duration::ZERO, 1), "{report}");
        assert_balanced(report.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_what_is_due_in_time_and_not_for_the_rest() {
    let (bus, log) = (Bus::new(), Log::default());
    let seen = log.clone();
    let handler = move |e: Arc<Job>, _: Delivery| {
        seen.add(e.0);
        async {}
    };
    bus.consumer("group").handle::<Job>(handler).start().await.unwrap();
    bus.publish(Job(1)).after(Duration::from_secs(3)).await.unwrap();
    bus.publish(Job(2)).after(HOUR).await.unwrap();
    let began = Instant::now();
    let report = bus.shutdown(Duration::from_secs(10)).await;
    assert_eq!((began.elapsed(), log.take(), report.returned().len()), (Duration::from_secs(3), vec![1], 1));
}

/// Handlers that fail when they are told to end.
async fn told_to_end(bus: &Bus) -> (eventbus::Consumer, oneshot::Receiver<()>) {
    let (begun, has_begun) = oneshot::channel();
    let begun = std::sync::Mutex::new(Some(begun));
    let handler = move |_: Arc<Job>, delivery: Delivery| {
        let begun = begun.lock().unwrap().take();
        async move {
            if let Some(begun) = begun {
                begun.send(()).unwrap();
            }
            delivery.cancelled().await;
            Err::<(), _>("it was told to end")
        }
    };
    let consumer = bus.consumer("group").handle::<Job>(handler).retry(Retry::never()).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    (consumer, has_begun)
}

#[tokio::test(start_paused = true)]
async fn an_error_after_the_time_is_up_is_no_failed_attempt() {
    let bus = Bus::new();
    let (_, begun) = told_to_end(&bus).await;
    begun.await.unwrap();
    let report = bus.shutdown(Duration::from_secs(1)).await;
    let stats = report.stats().group("group").unwrap();
    assert_eq!((report.returned().len(), stats.dead_lettered, stats.retried), (1, 0, 0), "{report}");
    assert_balanced(report.stats());
}

#[tokio::test(start_paused = true)]
async fn an_error_after_the_time_of_a_stop_is_up_is_no_failed_attempt() {
    let bus = Bus::new();
    let (consumer, begun) = told_to_end(&bus).await;
    begun.await.unwrap();
    let report = consumer.stop(Duration::from_secs(1)).await;
    assert_eq!((report.returned, group(&bus, "group").dead_lettered), (1, 0));
    let log = Log::default();
    let seen = log.clone();
    let handler = move |_: Arc<Job>, delivery: Delivery| {
        seen.add(delivery.attempt());
        async {}
    };
    bus.consumer("group").handle::<Job>(handler).start().await.unwrap();
    bus.drained(HOUR).await.unwrap();
    assert_eq!(log.take(), [1], "its attempt was not used up");
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_not_replayed_into_a_shutdown() {
    let bus = Bus::builder().on_failure(|_| {}).build();
    let handler = |_: Arc<Job>, _: Delivery| async { Err::<(), _>("no") };
    bus.consumer("group").handle::<Job>(handler).retry(Retry::never()).start().await.unwrap();
    bus.consumer("stuck").handle::<Placed>(|_, _| std::future::pending::<()>()).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    bus.publish(Placed(0)).await.unwrap();
    yield_a_lot().await;
    let mut shutdown = Box::pin(bus.shutdown(Duration::from_secs(5)));
    assert!(poll_once(&mut shutdown).is_pending());
    let id = bus.dead_letters().in_memory()[0].id.clone();
    let refused = bus.dead_letters().replay(&id).await.unwrap_err();
    assert_eq!(refused, ReplayError::Closed { id });
    assert_eq!(bus.dead_letters().in_memory().len(), 1);
    let report = shutdown.await;
    assert_balanced(report.stats());
}

#[tokio::test(start_paused = true)]
async fn drained_does_not_wait_for_a_consumer_that_is_being_stopped() {
    let bus = Bus::new();
    let stuck = bus.consumer("stuck").handle::<Job>(|_, _| std::future::pending::<()>()).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    yield_a_lot().await;
    let mut stop = Box::pin(stuck.stop(HOUR));
    assert!(poll_once(&mut stop).is_pending());
    assert_eq!(stuck.group(), "stuck");
    let began = Instant::now();
    bus.drained(HOUR).await.unwrap();
    assert!(began.elapsed() < HOUR / 2);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_waits_for_room_is_handed_back_by_a_shutdown() {
    let bus = Bus::builder().transport(Memory::new().capacity(1)).on_warning(|_| {}).build();
    bus.consumer("stuck").handle::<Job>(|_, _| std::future::pending::<()>()).start().await.unwrap();
    let mut all = Box::pin(bus.publish_all((0..9).map(Job)));
    for _ in 0..9 {
        assert!(poll_once(&mut all).is_pending());
        yield_a_lot().await;
    }
    let mut shutdown = Box::pin(bus.shutdown(HOUR));
    assert!(poll_once(&mut shutdown).is_pending());
    let Poll::Ready(results) = poll_once(&mut all) else { panic!("nobody makes room any more") };
    assert!(results.iter().any(Result::is_err));
}

/// Left in groups: some wait, some are not due, and one is being handled.
async fn leaves_some() -> (Bus, eventbus::Consumer) {
    let bus = Bus::builder().on_warning(|_| {}).build();
    let stuck = bus.consumer("stuck").handle::<Job>(|_, _| std::future::pending::<()>()).start().await.unwrap();
    for group in ["empty", "left"] {
        let stopped = bus.consumer(group).handle::<Placed>(|_, _| async {}).start().await.unwrap();
        stopped.stop(HOUR).await;
    }
    bus.remove_group("empty").await.unwrap();
    let empty = bus.consumer("empty").handle_pattern("nothing", |_, _| async {}).start().await.unwrap();
    empty.stop(HOUR).await;
    bus.publish(Job(0)).await.unwrap();
    yield_a_lot().await;
    for id in 0..2 {
        bus.publish(Job(id)).await.unwrap();
        bus.publish(Placed(id)).await.unwrap();
    }
    for id in 0..3 {
        bus.publish(Job(id)).after(HOUR).await.unwrap();
        bus.publish(Placed(id)).after(HOUR).await.unwrap();
    }
    (bus, stuck)
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_counted_wherever_it_waits_and_in_groups_without_a_consumer_too() {
    let (bus, stuck) = leaves_some().await;
    let left = |error: eventbus::publish::NotDrained| {
        error.groups.into_iter().map(|(group, count)| (group.to_string(), count)).collect::<Vec<_>>()
    };
    let limit = Duration::from_secs(1);
    let (own, other) = (("stuck".to_owned(), 6), ("left".to_owned(), 5));
    assert_eq!(left(stuck.drain(limit).await.unwrap_err()), std::slice::from_ref(&own));
    assert_eq!(left(bus.drained(limit).await.unwrap_err()), [own, other]);
}

#[tokio::test(start_paused = true)]
async fn a_drain_a_stop_and_a_shutdown_may_last_for_a_time_without_end() {
    let long = 1_000 * HOUR;
    for how in 0..4 {
        let bus = Bus::new();
        let slow = bus.consumer("slow").handle::<Job>(move |_, _| tokio::time::sleep(long)).start().await.unwrap();
        bus.publish(Job(0)).await.unwrap();
        yield_a_lot().await;
        let began = Instant::now();
        match how {
            0 => bus.drained(Duration::MAX).await.unwrap(),
            1 => slow.drain(Duration::MAX).await.unwrap(),
            2 => assert!(slow.stop(Duration::MAX).await.is_clean()),
            _ => assert!(bus.shutdown(Duration::MAX).await.is_clean()),
        }
        assert_eq!((began.elapsed().as_secs(), bus.stats().deliveries().handled), (long.as_secs(), 1), "{how}");
    }
}
