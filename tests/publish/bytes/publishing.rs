//! Publishing where the answer comes late, or never.

use std::{sync::Arc, time::Duration};

use eventbus::{Bus, PublishError, consumer::ConsumerError, publish::TryPublishError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Moved,
    transport::{Answer, Wire},
};
use crate::support::{HOUR, Job, assert_balanced, poll_once, yield_a_lot};

fn bus(answer: Answer) -> (Bus, Wire) {
    let wire = Wire::default();
    wire.state().answer = answer;
    (Bus::builder().transport(wire.clone()).build(), wire)
}

fn moved(number: u64) -> Moved {
    Moved { of: 0, number }
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_codec_is_refused_at_wiring_and_at_publishing() {
    let (bus, _) = bus(Answer::Well);
    let error = bus.consumer("group").handle::<Job>(|_, _| async {}).start().await.unwrap_err();
    assert!(matches!(error, ConsumerError::NoCodec { .. }), "{error}");
    let error = bus.publish(Job(1)).await.unwrap_err();
    assert!(matches!(error, PublishError::NoCodec(Job(1))), "{error}");
    assert!(matches!(bus.try_publish(Job(1)), Err(TryPublishError::NoCodec(_))));
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn try_publish_hands_back_where_the_transport_cannot_tell_at_once() {
    let (bus, _) = bus(Answer::Well);
    assert!(matches!(bus.try_publish(moved(1)), Err(TryPublishError::Full(_))));
    bus.publish(moved(1)).await.unwrap();
    let all = bus.publish_all((0..10).map(moved)).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!((bus.stats().published.accepted, bus.stats().published.rejected), (11, 1));
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn what_is_never_answered_is_unknown_and_comes_back() {
    for answer in [Answer::Silent, Answer::Nothing] {
        let (bus, _) = bus(answer);
        let error = bus.publish(moved(1)).timeout(Duration::from_secs(3)).await.unwrap_err();
        assert!(matches!(error, PublishError::Unknown { .. }), "{error}");
        assert_eq!(error.into_event(), Some(moved(1)));
        assert_eq!(bus.stats().published.unknown, 1);
        assert_balanced(&bus.stats());
    }
    let (bus, _) = bus(Answer::Silent);
    let token = CancellationToken::new();
    let mut publish = bus.publish(moved(2)).cancel_on(&token);
    assert!(poll_once(&mut publish).is_pending());
    token.cancel();
    assert!(matches!(publish.await, Err(PublishError::Unknown { .. })));
    let mut dropped = bus.publish(moved(3));
    assert!(poll_once(&mut dropped).is_pending());
    drop(dropped);
    let mut lost = bus.publish(Arc::new(moved(4)));
    assert!(poll_once(&mut lost).is_pending());
    assert_eq!(*lost.into_event().unwrap(), moved(4));
    let published = bus.stats().published;
    assert_eq!((published.unknown, published.rejected), (1, 2), "one batch is under way at a time: two were not sent");
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn an_event_comes_back_though_the_transport_still_holds_its_message() {
    let (bus, wire) = bus(Answer::SilentAndKept);
    let error = bus.publish(moved(1)).timeout(Duration::from_secs(3)).await.unwrap_err();
    assert!(matches!(error, PublishError::Unknown { .. }), "{error}");
    assert_eq!(error.into_event(), Some(moved(1)));
    assert_eq!(wire.state().kept.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_holds_where_the_transport_is_always_ready_and_always_full() {
    for answer in [Answer::Full, Answer::FullAfterASecond] {
        let (bus, _) = bus(answer);
        let began = Instant::now();
        let publish = bus.publish(moved(1)).timeout(Duration::from_millis(3500));
        let waited = tokio::time::timeout(HOUR, publish);
        // Paused time goes on when nothing else runs; a transport that is always ready never lets that be.
        let hand = async {
            while began.elapsed() < HOUR {
                tokio::time::advance(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            biased;
            result = waited => assert!(matches!(result.unwrap(), Err(PublishError::Full(_) | PublishError::Unknown { .. }))),
            () = hand => unreachable!("an hour has passed"),
        }
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(3500) && took <= Duration::from_secs(4), "{took:?}");
        assert_balanced(&bus.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn publish_all_sends_the_next_before_the_answer_to_the_one_before() {
    let (bus, wire) = bus(Answer::SilentAndKept);
    let mut all = bus.publish_all((0..5).map(moved));
    assert!(poll_once(&mut all).is_pending());
    yield_a_lot().await;
    assert!(poll_once(&mut all).is_pending());
    assert_eq!(wire.state().kept.len(), 5);
    assert_eq!(all.into_events(), (0..5).map(moved).collect::<Vec<_>>());
    assert_eq!(bus.stats().published.unknown, 5);
}

/// B2: publishers share a batch, and move it for each other. One that has moved the batch of another and then sends its own
/// must still hear of its answer.
#[tokio::test(start_paused = true)]
async fn each_of_those_who_share_the_outbox_gets_its_answer() {
    let (bus, wire) = bus(Answer::Well);
    let mut publishing = tokio::task::JoinSet::new();
    for at in 0..10 {
        let bus = bus.clone();
        publishing.spawn(async move {
            for number in 0..5 {
                bus.publish(moved(at * 5 + number)).await.unwrap();
            }
        });
    }
    tokio::time::timeout(HOUR, publishing.join_all()).await.unwrap();
    assert_eq!(wire.state().batches.iter().sum::<usize>(), 50);
    assert_balanced(&bus.stats());
}
