//! Events that are published after the commit.

#[path = "../common/unread.rs"]
mod unread;

use std::{sync::Arc, time::Duration};

use eventbus::{Bus, Event, PublishError, transport::Memory};
use unread::unread;

#[derive(Event)]
struct OrderPlaced(u32);

#[derive(Event)]
struct OrderPaid;

#[tokio::test]
async fn what_is_rolled_back_is_not_published() {
    let bus = Bus::new();
    let pending = bus.deferred();
    pending.publish(OrderPlaced(1));
    drop(pending);
    assert_eq!(bus.stats().published.offered, 0);
    assert_eq!(bus.stats().deferred.discarded, 1);
}

#[tokio::test]
async fn what_is_committed_is_published_in_order_with_what_is_emitted() {
    let bus = Bus::new();
    let pending = bus.deferred();
    pending.publish(OrderPlaced(1));
    pending.emit(OrderPaid);
    pending.publish(OrderPlaced(2));
    let released = pending.release().await.into_result().unwrap();
    assert_eq!(released.reports().len(), 1);
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let handle = move |e: Arc<OrderPlaced>, _| {
        tell.send(e.0).unwrap();
        async {}
    };
    bus.consumer("all").handle::<OrderPlaced>(handle).start().await.unwrap();
    assert_eq!((told.recv().await, told.recv().await), (Some(1), Some(2)));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_published_is_told_and_handed_back_and_keeps_nothing_back() {
    let bus = Bus::builder().transport(unread(Memory::new().capacity(1))).build();
    let pending = bus.deferred();
    for id in 1..=3 {
        pending.publish(OrderPlaced(id));
    }
    pending.emit(OrderPaid);
    let released = pending.release().timeout(Duration::from_secs(1)).await;
    assert_eq!((released.reports().len(), released.unpublished().len()), (1, 2));
    let error = released.clone().into_result().unwrap_err();
    assert!(error.to_string().contains("`order.placed` was not published"), "{error}");
    let unpublished = &released.unpublished()[0];
    let Some(PublishError::Full(event)) = unpublished.error.downcast_ref::<PublishError<Arc<OrderPlaced>>>() else {
        panic!("{unpublished}");
    };
    assert_eq!(event.0, 2);
}

#[test]
fn a_release_that_blocks_does_not_wait_for_room() {
    let bus = Bus::builder().transport(unread(Memory::new().capacity(1))).build();
    let pending = bus.deferred();
    pending.publish(OrderPlaced(1));
    pending.publish(OrderPlaced(2));
    let released = pending.release().blocking();
    assert_eq!(released.unpublished().len(), 1);
    assert!(!released.is_ok());
}

#[test]
fn the_error_of_a_release_counts_what_was_published_and_what_was_not() {
    let bus = Bus::builder().transport(unread(Memory::new().capacity(1))).build();
    let pending = bus.deferred();
    pending.publish(OrderPlaced(1));
    pending.publish(OrderPlaced(2));
    let error = pending.release().blocking().into_result().unwrap_err();
    assert!(error.to_string().starts_with("1 of 2 released events did not go well; `order.placed` was not"), "{error}");
    assert_eq!((error.errors().count(), error.released().unpublished().len()), (0, 1));
    assert_eq!(bus.stats().deferred.released, 2);
}

#[tokio::test]
async fn the_error_of_a_release_counts_what_was_emitted_with_what_was_published() {
    let bus = Bus::builder().transport(unread(Memory::new().capacity(1))).build();
    bus.listener::<OrderPaid>().on(|_| Err("no good"));
    let pending = bus.deferred();
    pending.publish(OrderPlaced(1));
    pending.emit(OrderPaid);
    let error = pending.release().await.into_result().unwrap_err();
    assert!(error.to_string().starts_with("1 of 2 released events did not go well; "), "{error}");
}

#[tokio::test]
async fn what_is_kept_with_a_key_is_published_with_it_in_its_place() {
    let bus = Bus::new();
    let pending = bus.deferred();
    pending.publish(OrderPlaced(1)).key("a");
    pending.publish(OrderPlaced(2));
    assert_eq!(pending.len(), 2);
    pending.release().await.into_result().unwrap();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let handle = move |e: Arc<OrderPlaced>, delivery: eventbus::Delivery| {
        tell.send((e.0, delivery.message().key().map(str::to_owned))).unwrap();
        async {}
    };
    bus.consumer("all").handle::<OrderPlaced>(handle).start().await.unwrap();
    assert_eq!(told.recv().await, Some((1, Some("a".to_owned()))));
    assert_eq!(told.recv().await, Some((2, None)));
}
