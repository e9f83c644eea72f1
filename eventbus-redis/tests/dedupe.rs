//! Messages that come again with the same id (clause T8).

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod rig;

use std::time::{Duration, SystemTime};

use eventbus::{
    Bus, Event, PublishError,
    transport::{Message, MessageId, Refusal, Transport},
};
use rig::{RedisServer, join, message, number, open, read, until};
use serde::{Deserialize, Serialize};

const WINDOW: Duration = Duration::from_mins(10);

#[derive(Event, Serialize, Deserialize)]
#[event(name = "payment.made", serde)]
struct Paid(u32);

#[tokio::test]
async fn an_event_with_the_same_id_is_taken_once_whichever_process_publishes_it() {
    let server = RedisServer::start();
    let (one, other) = (open(&server).await, open(&server).await);
    let (one, other) = (Bus::builder().transport(one).build(), Bus::builder().transport(other).build());
    let id = MessageId::new();
    one.publish(Paid(1)).id(id).dedupe(WINDOW).await.unwrap();
    for bus in [&one, &other] {
        let again = bus.publish(Paid(2)).id(id).dedupe(WINDOW).await;
        assert!(matches!(again, Err(PublishError::Duplicate(Paid(2)))));
    }
    other.publish(Paid(3)).id(MessageId::new()).dedupe(WINDOW).await.unwrap();
    assert_eq!(server.cli(&["XLEN", "events"]), "2");
    assert_eq!(other.stats().published.duplicates, 1);
}

#[tokio::test]
async fn within_one_batch_too_and_delayed_messages_count() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    let soon = SystemTime::now() + Duration::from_millis(200);
    let first = message(1).with_not_before(soon).with_dedupe(WINDOW);
    let batch = [first.clone(), message(2), first.clone(), message(3).with_dedupe(WINDOW), message(4)];
    let results = transport.publish(&batch).await;
    let taken: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(taken, [true, true, false, true, true]);
    assert!(matches!(results[2], Err(Refusal::Duplicate)), "{:?}", results[2]);
    let mut numbers: Vec<_> = read(&source, 4).await.iter().map(|one| number(one.message())).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[tokio::test]
async fn an_id_may_come_again_when_its_window_is_over() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let again = || [message(1).with_dedupe(Duration::from_millis(50))];
    let id = again();
    let same = |message: &Message| [message.clone()];
    transport.publish(&id).await.remove(0).unwrap();
    until("it is taken again", || async { transport.publish(&same(&id[0])).await.remove(0).is_ok() }).await;
    assert_eq!(server.cli(&["XLEN", "events"]), "2");
}

#[tokio::test]
async fn of_a_message_that_the_server_refuses_no_id_is_kept() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    server.cli(&["SET", "events", "something else"]);
    let once = [message(1).with_dedupe(WINDOW)];
    let refused = transport.publish(&once).await.remove(0);
    assert!(matches!(refused, Err(Refusal::Failed(_))), "{refused:?}");
    server.cli(&["DEL", "events"]);
    transport.publish(&once).await.remove(0).unwrap();
}
