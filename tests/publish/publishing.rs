//! Publishing one event or many: what waits, what comes back.

use std::{sync::Arc, time::Duration};

use eventbus::{
    Bus, Overflow, PublishError,
    publish::{PublishAllError, TryPublishError},
    transport::Memory,
};
use tokio_util::sync::CancellationToken;

use crate::support::{Gauge, HOUR, Job, Tracked, assert_balanced, poll_once, unread, yield_a_lot};

/// A bus with a group that is full.
fn full() -> Bus {
    let bus = Bus::builder().transport(unread(Memory::new().capacity(1))).build();
    bus.try_publish(Job(0)).unwrap();
    bus
}

fn is_send_and_unpin<T: Send + Unpin>(of: T) -> T {
    of
}

/// B1: what was not answered comes back, as it was given.
#[tokio::test]
async fn a_publish_that_lost_a_select_hands_its_event_back_by_value_and_shared() {
    let bus = full();
    let mut by_value = is_send_and_unpin(bus.publish(Job(1)));
    tokio::select! {
        biased;
        result = &mut by_value => panic!("{result:?}"),
        () = async {} => assert_eq!(by_value.into_event(), Some(Job(1))),
    }
    let shared = Arc::new(Job(2));
    let mut publish = bus.publish(Arc::clone(&shared));
    assert!(poll_once(&mut publish).is_pending());
    let back = publish.into_event().unwrap();
    assert!(Arc::ptr_eq(&back, &shared));
    assert_eq!(bus.publish(Job(3)).into_event(), Some(Job(3)), "not polled: not offered");
    let published = bus.stats().published;
    assert_eq!((published.offered, published.accepted, published.rejected), (3, 1, 2));
}

#[tokio::test]
async fn a_publish_that_has_ended_has_no_event_to_hand_back() {
    let bus = Bus::new();
    let mut publish = bus.publish(Job(1));
    (&mut publish).await.unwrap();
    assert_eq!(publish.into_event(), None);
    assert!(bus.stats().published.is_balanced());
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_is_out_of_time_is_full() {
    let bus = full();
    let began = tokio::time::Instant::now();
    let error = bus.publish(Job(1)).timeout(Duration::from_secs(3)).await.unwrap_err();
    assert!(matches!(error, PublishError::Full(Job(1))), "{error}");
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    let error = bus.publish(Job(1)).timeout(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, PublishError::Full(Job(1))), "{error}");
    let mut for_ever = bus.publish(Job(2)).timeout(Duration::MAX);
    assert!(poll_once(&mut for_ever).is_pending());
    drop(for_ever);
    assert_balanced(&bus.stats());
}

#[tokio::test]
async fn a_publish_is_cancelled_by_its_token() {
    let (bus, token) = (full(), CancellationToken::new());
    let mut publish = bus.publish(Job(1)).cancel_on(&token);
    assert!(poll_once(&mut publish).is_pending());
    token.cancel();
    let error = publish.await.unwrap_err();
    assert!(matches!(error, PublishError::Cancelled(Job(1))), "{error}");
    let bus = Bus::new();
    bus.publish(Job(1)).cancel_on(&token).await.unwrap();
    assert_eq!(bus.stats().published.accepted, 1, "there was room: nothing was waited for");
}

/// B1: the bus keeps an event no longer than its publisher.
#[tokio::test]
async fn a_publish_that_is_dropped_while_it_waits_counts_as_rejected_and_frees_its_event() {
    let (bus, gauge) = (Bus::builder().transport(unread(Memory::new().capacity(1))).build(), Gauge::default());
    bus.try_publish(Tracked::new(0, &gauge)).unwrap();
    let mut publish = bus.publish(Tracked::new(1, &gauge));
    assert!(poll_once(&mut publish).is_pending());
    assert_eq!(gauge.now(), 2);
    drop(publish);
    assert_eq!((gauge.now(), bus.stats().published.rejected), (1, 1));
    assert_balanced(&bus.stats());
}

#[tokio::test]
async fn a_dropped_publisher_leaves_its_wakeup_to_the_next_one() {
    let bus = full();
    let (mut first, mut second) = (Box::new(bus.publish(Job(1))), Box::new(bus.publish(Job(2))));
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    bus.consumer("unread").handle::<Job>(|_, _| async {}).start().await.unwrap();
    // Both are woken, or the first only; it goes without having looked.
    drop(first);
    second.await.unwrap();
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn code_that_tries_first_and_then_waits_has_one_error() {
    async fn publish(bus: &Bus, id: u64) -> Result<(), PublishError<Job>> {
        match bus.try_publish(Job(id)) {
            Err(TryPublishError::Full(job)) => bus.publish(job).timeout(Duration::from_millis(1)).await,
            other => Ok(other?),
        }
    }

    let bus = Bus::builder().transport(unread(Memory::new().capacity(1))).build();
    publish(&bus, 0).await.unwrap();
    let full = publish(&bus, 1).await.unwrap_err();
    assert!(matches!(full, PublishError::Full(Job(1))), "{full}");
    bus.shutdown(Duration::ZERO).await;
    let (tried, all) = (bus.try_publish(Job(2)).unwrap_err(), bus.publish_all([Job(2)]).await.remove(0).unwrap_err());
    let texts = [tried.to_string(), all.to_string(), PublishError::from(all).to_string()];
    let closed = publish(&bus, 2).await.unwrap_err();
    assert!(matches!(closed, PublishError::Closed(Job(2))), "{closed}");
    assert_eq!(texts, [closed.to_string(), closed.to_string(), closed.to_string()]);
}

#[tokio::test]
async fn publish_all_has_a_result_for_each_in_order() {
    let bus = Bus::builder().transport(unread(Memory::new().capacity(3).overflow(Overflow::Fail))).build();
    let results = bus.publish_all((0..5).map(Job)).await;
    let told: Vec<_> =
        results.into_iter().map(|result| result.map_err(|error| error.into_event().unwrap().0)).collect();
    assert_eq!(told, [Ok(()), Ok(()), Ok(()), Err(3), Err(4)]);
    let none: Vec<Result<(), PublishAllError<Job>>> = bus.publish_all([]).await;
    assert!(none.is_empty());
    assert_eq!(bus.stats().published.offered, 5);
}

#[tokio::test]
async fn publish_all_given_up_hands_back_what_was_not_published_in_order() {
    let bus = Bus::builder().transport(unread(Memory::new().capacity(2))).build();
    let mut all = is_send_and_unpin(bus.publish_all((0..6).map(Job)));
    assert!(poll_once(&mut all).is_pending());
    assert_eq!(all.into_events(), (2..6).map(Job).collect::<Vec<_>>());
    let published = bus.stats().published;
    assert_eq!((published.offered, published.accepted, published.rejected), (6, 2, 4));
}

#[tokio::test]
async fn publish_works_in_join_all_and_in_a_spawned_task() {
    let bus = Bus::builder().transport(unread(Memory::new().capacity(4))).build();
    let consume = async {
        yield_a_lot().await;
        bus.consumer("unread").handle::<Job>(|_, _| async {}).start().await.unwrap();
    };
    let publish = futures_util::future::join_all((0..100).map(|id| bus.publish(Job(id))));
    let (results, ()) = tokio::join!(publish, consume);
    assert!(results.iter().all(Result::is_ok));
    let other = bus.clone();
    tokio::spawn(async move { other.publish(Job(100)).await }).await.unwrap().unwrap();
    let report = bus.shutdown(HOUR).await;
    assert_eq!(report.stats().deliveries().handled, 101);
}

#[tokio::test]
async fn try_publish_hands_back_at_each_policy_what_it_cannot_take() {
    for (policy, taken) in
        [(Overflow::Wait, 2), (Overflow::Fail, 2), (Overflow::DropOldest, 4), (Overflow::DropNewest, 4)]
    {
        let bus = Bus::builder().transport(unread(Memory::new().capacity(2).overflow(policy))).build();
        let results: Vec<_> = (0..4).map(|id| bus.try_publish(Job(id))).collect();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), taken, "{policy:?}");
        for (id, result) in (0..).zip(results) {
            if let Err(error) = result {
                assert!(error.to_string().contains("`job` was not published: a group's queue is full"), "{error}");
                assert_eq!(error.into_event(), Some(Job(id)));
            }
        }
        let left: Vec<_> = bus.shutdown(HOUR).await.returned().iter().map(|one| one.group.clone()).collect();
        assert_eq!(left, [Some("unread".into()), Some("unread".into())], "{policy:?}");
        assert_balanced(&bus.stats());
    }
}

#[tokio::test]
async fn an_event_goes_to_all_groups_or_to_none() {
    let bus = Bus::builder().transport(Memory::new()).build();
    let never = || std::future::pending::<()>();
    for (name, capacity) in [("wide", 100), ("narrow", 2)] {
        let builder = bus.consumer(name).handle::<Job>(move |_, _| never());
        builder.capacity(capacity).overflow(Overflow::Fail).start().await.unwrap();
    }
    yield_a_lot().await;
    for id in 0..20 {
        let _ = bus.publish(Job(id)).await;
    }
    let stats = bus.stats();
    let (wide, narrow) = (stats.group("wide").unwrap(), stats.group("narrow").unwrap());
    assert_eq!(wide.created, narrow.created);
    assert_eq!(wide.created, stats.published.accepted);
    assert!(stats.published.rejected > 0);
    assert_balanced(&stats);
}

#[tokio::test]
#[should_panic(expected = "can be awaited once")]
async fn a_publish_that_is_polled_after_its_end_says_so() {
    let bus = Bus::new();
    let mut publish = bus.publish(Job(0));
    (&mut publish).await.unwrap();
    let _ = (&mut publish).await;
}

#[test]
fn publish_and_try_publish_need_no_runtime_while_there_is_room() {
    let bus = Bus::new();
    futures_executor::block_on(bus.publish(Job(0))).unwrap();
    bus.try_publish(Job(1)).unwrap();
    assert_eq!(bus.stats().published.accepted, 2);
}

#[test]
fn a_bus_without_a_runtime_shuts_down_at_once() {
    let bus = Bus::new();
    bus.try_publish(Job(0)).unwrap();
    let report = futures_executor::block_on(bus.shutdown(Duration::from_secs(5)));
    assert_eq!(report.returned().len(), 1);
    assert!(matches!(bus.try_publish(Job(1)), Err(TryPublishError::Closed(Job(1)))));
    let again = futures_executor::block_on(bus.shutdown(Duration::from_secs(5)));
    assert_eq!(again.returned().len(), 1);
}
