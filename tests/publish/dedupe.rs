//! Events that come again with the same id (clause T8).

use std::time::Duration;

use eventbus::{
    Bus, Overflow, PublishError,
    transport::{Memory, MessageId},
};

use crate::support::{HOUR, Job, assert_balanced, logging, poll_once, yield_a_lot};

const WINDOW: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn five_events_with_one_id_are_one_and_the_others_are_handed_back_and_counted() {
    let bus = Bus::new();
    let (_consumer, log) = logging(&bus, "group").await;
    let id = MessageId::new();
    bus.publish(Job(0)).id(id).dedupe(WINDOW).await.unwrap();
    for number in 1..5 {
        let Err(error) = bus.publish(Job(number)).id(id).dedupe(WINDOW).await else { panic!("it was taken twice") };
        assert!(matches!(error, PublishError::Duplicate(_)), "{error}");
        assert_eq!(error.to_string(), "`job` was not published: it was published before, with the same id");
        assert_eq!(error.into_event().map(|job| job.0), Some(number));
    }
    yield_a_lot().await;
    assert_eq!(log.take(), [0]);
    let published = bus.stats().published;
    assert_eq!((published.accepted, published.rejected, published.duplicates), (1, 4, 4));
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn an_id_may_come_again_when_its_window_is_over() {
    let bus = Bus::new();
    let (_consumer, log) = logging(&bus, "group").await;
    let id = MessageId::new();
    bus.publish(Job(0)).id(id).dedupe(WINDOW).await.unwrap();
    tokio::time::advance(Duration::from_millis(59_999)).await;
    assert!(bus.publish(Job(1)).id(id).dedupe(WINDOW).await.is_err(), "it is still kept");
    tokio::time::advance(Duration::from_millis(1)).await;
    bus.publish(Job(2)).id(id).dedupe(WINDOW).await.unwrap();
    yield_a_lot().await;
    assert_eq!(log.take(), [0, 2]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_found_no_room_is_no_duplicate_of_itself() {
    let bus = Bus::builder().transport(Memory::new().capacity(1)).on_warning(|_| {}).build();
    let (consumer, log) = logging(&bus, "group").await;
    consumer.pause();
    bus.publish(Job(0)).await.unwrap();
    let id = MessageId::new();
    let mut waits = bus.publish(Job(1)).id(id).dedupe(WINDOW);
    assert!(poll_once(&mut waits).is_pending(), "there is no room");
    consumer.resume();
    waits.await.unwrap();
    yield_a_lot().await;
    assert_eq!(log.take(), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn what_a_group_drops_by_its_policy_was_taken_and_comes_no_more() {
    let bus = Bus::builder().transport(Memory::new().capacity(1).overflow(Overflow::DropNewest)).build();
    let (consumer, _log) = logging(&bus, "group").await;
    consumer.pause();
    bus.publish(Job(0)).await.unwrap();
    let id = MessageId::new();
    bus.publish(Job(1)).id(id).dedupe(WINDOW).await.unwrap();
    assert!(matches!(bus.publish(Job(1)).id(id).dedupe(WINDOW).await, Err(PublishError::Duplicate(_))));
    assert_eq!(bus.shutdown(HOUR).await.returned().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_ids_that_are_kept_are_bounded_and_the_oldest_goes() {
    let bus = Bus::builder().transport(Memory::new().overflow(Overflow::DropOldest)).build();
    let (_consumer, _log) = logging(&bus, "group").await;
    let id = |number: usize| MessageId::from_u128(number as u128 + 1);
    for number in 0..=Memory::MAX_IDS {
        bus.publish(Job(0)).id(id(number)).dedupe(WINDOW).await.unwrap();
    }
    let again = async |number| bus.publish(Job(0)).id(id(number)).dedupe(WINDOW).await;
    assert!(again(1).await.is_err() && again(Memory::MAX_IDS).await.is_err(), "they are kept");
    again(0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_id_may_be_kept_for_a_time_without_end() {
    let bus = Bus::new();
    let (_consumer, log) = logging(&bus, "group").await;
    let id = MessageId::new();
    bus.publish(Job(0)).id(id).dedupe(Duration::MAX).await.unwrap();
    tokio::time::sleep(1_000 * HOUR).await;
    assert!(bus.publish(Job(1)).id(id).dedupe(Duration::MAX).await.is_err());
    assert_eq!(log.take(), [0]);
}
