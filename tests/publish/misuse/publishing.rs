//! Publishing to a transport that misbehaves, without a runtime, and without an end.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{
    Bus, PublishError,
    publish::{PublishAllError, PublishJson, PublishJsonError, TryPublishError},
    transport::{Capabilities, Memory, MessageId},
};
use futures_executor::block_on;
use tokio::{runtime::Builder, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Answer, NoteMade, Stub, note};
use crate::support::{HOUR, Job, assert_balanced, poll_once, unread, within, yield_a_lot};

fn json(bus: &Bus) -> PublishJson<'_> {
    bus.publish_json("issues.opened", "1").unwrap()
}

#[test]
fn json_sees_time_token_and_shutdown_where_the_transport_is_always_ready_and_always_full() {
    within(Duration::from_mins(1), "publishing JSON", || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let bus = Stub::new(Capabilities::IN_PROCESS, Answer::Full).bus();
            let late = json(&bus).timeout(Duration::from_millis(5)).await;
            assert!(matches!(late, Err(PublishJsonError::Full(_))));
            let token = CancellationToken::new();
            let cancels = async {
                tokio::task::yield_now().await;
                token.cancel();
            };
            let (cancelled, ()) = tokio::join!(json(&bus).cancel_on(&token), cancels);
            assert!(matches!(cancelled, Err(PublishJsonError::Cancelled(_))));
            let (closed, _) = tokio::join!(json(&bus), bus.shutdown(HOUR));
            assert!(matches!(closed, Err(PublishJsonError::Closed(_))));
            assert_eq!(bus.stats().published.rejected, 3);
        });
    });
}

#[tokio::test]
async fn json_takes_several_tokens_and_any_of_them_cancels() {
    let bus = Bus::builder().transport(unread(Memory::new().capacity(1))).build();
    json(&bus).await.unwrap();
    for which in [0, 1] {
        let tokens = [CancellationToken::new(), CancellationToken::new()];
        tokens[which].cancel();
        let publish = json(&bus).cancel_on(&tokens[0]).cancel_on(&tokens[1]).timeout(HOUR);
        assert!(matches!(publish.await, Err(PublishJsonError::Cancelled(_))));
    }
}

#[tokio::test]
async fn json_is_handed_back_after_a_lost_select_and_before_it_is_polled() {
    let bus = Bus::builder().transport(unread(Memory::new().capacity(1))).build();
    assert_eq!(json(&bus).key("k").into_message().unwrap().key(), Some("k"));
    let mut first = json(&bus);
    (&mut first).await.unwrap();
    assert!(first.into_message().is_none());
    let mut second = json(&bus);
    assert!(poll_once(&mut second).is_pending());
    assert!(second.event_type().is_none() && format!("{second:?}").contains("issues.opened"));
    assert_eq!(*second.into_message().unwrap().data().unwrap(), *b"1");
    assert_eq!((bus.stats().published.offered, bus.stats().published.rejected), (2, 1));
}

/// B3: bytes where a codec is needed.
#[tokio::test]
async fn what_carries_bytes_is_sent_bytes_whichever_way_it_is_published() {
    for answer in [Answer::Well, Answer::Later] {
        let stub = Stub::new(Capabilities::IN_PROCESS.with_codec(), answer);
        let bus = stub.bus();
        bus.declare::<NoteMade>().unwrap();
        bus.publish(note()).await.unwrap();
        bus.publish_json("note.made", r#"{"text": "three"}"#).unwrap().await.unwrap();
        if answer == Answer::Well {
            bus.try_publish(note()).unwrap();
        }
        assert!(stub.seen().iter().all(|message| message.downcast_ref::<NoteMade>().is_none()), "{answer:?}");
        assert_balanced(&bus.stats());
    }
}

#[test]
fn a_timeout_without_a_runtime_is_full_at_once_and_does_not_panic() {
    let bus = Bus::builder().transport(unread(Memory::new().capacity(1))).build();
    block_on(bus.publish(Job(1)).timeout(HOUR)).unwrap();
    assert!(matches!(block_on(bus.publish(Job(2)).timeout(HOUR)), Err(PublishError::Full(Job(2)))));
    assert!(matches!(block_on(json(&bus).timeout(HOUR)), Err(PublishJsonError::Full(_))));
    let stub = Stub::new(Capabilities::IN_PROCESS, Answer::Later);
    let bus = stub.bus();
    assert!(matches!(block_on(bus.publish(Job(3)).timeout(HOUR)), Err(PublishError::Full(Job(3)))));
    assert!(stub.seen().is_empty(), "nobody would have waited for the answer");
    assert_balanced(&bus.stats());
}

#[test]
fn a_timeout_outside_of_a_runtime_is_that_of_the_buss_own() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let memory = unread(Memory::new().capacity(1));
    let bus = Bus::builder().transport(memory).runtime(runtime.handle().clone()).build();
    block_on(bus.publish(Job(1))).unwrap();
    let began = Instant::now();
    let late = block_on(bus.publish(Job(2)).timeout(Duration::from_millis(20)));
    assert!(matches!(late, Err(PublishError::Full(Job(2)))));
    assert!(began.elapsed() >= Duration::from_millis(20));
}

#[tokio::test]
async fn an_event_that_the_transport_refuses_and_keeps_may_be_delivered() {
    let stub = Stub::new(Capabilities::IN_PROCESS, Answer::FullAndKept);
    let bus = stub.bus();
    let kept = |result: Result<(), PublishError<Job>>| match result {
        Err(PublishError::Unknown { event: None, source, .. }) => source.to_string().contains("has kept it"),
        _ => false,
    };
    assert!(kept(bus.try_publish(Job(1)).map_err(PublishError::from)));
    assert!(kept(bus.publish(Job(1)).timeout(Duration::from_millis(1)).await));
    // In an `Arc` it is shared anyway.
    assert!(matches!(bus.try_publish(Arc::new(Job(2))), Err(TryPublishError::Full(_))));
    assert_balanced(&bus.stats());
}

#[tokio::test]
async fn a_duplicate_where_no_ids_were_to_be_compared_is_a_failure_of_the_transport() {
    let stub = Stub::new(Capabilities::IN_PROCESS, Answer::Duplicate);
    let bus = stub.bus();
    let error = bus.try_publish(Job(1)).unwrap_err();
    assert!(matches!(error, TryPublishError::Failed { event: Job(1), .. }), "{error}");
    let error = bus.publish_all([Job(2)]).await.remove(0).unwrap_err();
    assert!(matches!(error, PublishAllError::Failed { event: Job(2), .. }), "{error}");
    let error = bus.publish(Job(3)).await.unwrap_err();
    assert!(matches!(error, PublishError::Duplicate(Job(3))), "{error}");
}

#[tokio::test]
async fn who_publishes_on_and_on_gives_way_to_others() {
    let bus = Bus::builder().transport(unread(Memory::new().capacity(100_000))).build();
    let (seen, other) = (Arc::new(Mutex::new(0)), bus.clone());
    let log = Arc::clone(&seen);
    let publishing = tokio::spawn(async move {
        for id in 0..10_000 {
            other.publish(Job(id)).await.unwrap();
            if *log.lock().unwrap() > 0 {
                return id;
            }
        }
        panic!("nobody else had a turn");
    });
    let log = Arc::clone(&seen);
    tokio::spawn(async move { *log.lock().unwrap() += 1 });
    assert!(publishing.await.unwrap() < 1000);
    yield_a_lot().await;
}

#[tokio::test]
async fn what_is_larger_than_the_transport_takes_is_not_sent() {
    let stub = Stub::new(Capabilities::IN_PROCESS.with_codec().with_max_payload(15), Answer::Well);
    let bus = stub.bus();
    let error = bus.publish(note()).await.unwrap_err();
    assert!(matches!(&error, PublishError::TooLarge { size: 19, limit: 15, .. }), "{error}");
    assert_eq!(error.into_event(), Some(note()));
    let long = bus.publish_json("issues.opened", &format!("\"{}\"", "x".repeat(19))).unwrap().await;
    assert!(matches!(long, Err(PublishJsonError::TooLarge { size: 21, limit: 15, .. })));
    assert!(stub.seen().is_empty());
    json(&bus).await.unwrap();
    let error = bus.publish(NoteMade { text: String::new() }).key("k".repeat(1025)).await.unwrap_err();
    assert!(matches!(error, PublishError::Unwritable(..)), "{error}");
    assert_balanced(&bus.stats());
}

#[tokio::test]
async fn a_transport_that_keeps_no_ids_is_not_asked_to_tell_duplicates() {
    let stub = Stub::new(Capabilities::IN_PROCESS, Answer::Well);
    let Err(error) = stub.bus().publish(Job(7)).id(MessageId::new()).dedupe(Duration::from_mins(1)).await else {
        panic!("it was published")
    };
    assert!(matches!(error, PublishError::NoDedupe(Job(7))), "{error}");
    assert!(stub.seen().is_empty(), "the transport never saw it");
}
