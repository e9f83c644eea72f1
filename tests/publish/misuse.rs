//! What is used, or implemented, in a way that it was not meant for.

use std::{
    future::{pending, ready},
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{
    AttemptError, BoxError, BoxFuture, Bus, Capabilities, ConsumerError, Event, Group, GroupState, MalformedMessage,
    Memory, Message, PublishError, PublishJson, Rate, Refused, Retry, Source, Transport, TransportOrdering,
};
use futures_executor::block_on;
use serde::{Deserialize, Serialize};
use tokio::{runtime::Builder, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::support::{HOUR, Job, assert_balanced, hush, poll_once, within, yield_a_lot};

#[derive(Event, Serialize, Deserialize, Debug, PartialEq, Eq)]
#[event(name = "note.made", serde)]
struct NoteMade {
    text: String,
}

fn note() -> NoteMade {
    NoteMade { text: "one, two".to_owned() }
}

/// What a [`Stub`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Well,
    /// There is no room, though it always says that there is.
    Full,
    /// The same, and it keeps what it refuses.
    FullAndKept,
    /// It cannot tell at once, and takes what it is sent.
    Later,
}

/// A transport that takes messages and shows them.
#[derive(Clone)]
struct Stub {
    capabilities: Capabilities,
    answer: Answer,
    seen: Arc<Mutex<Vec<Message>>>,
}

impl Stub {
    fn new(capabilities: Capabilities, answer: Answer) -> Self {
        Self { capabilities, answer, seen: Arc::default() }
    }

    fn bus(&self) -> Bus {
        Bus::builder().transport(self.clone()).build()
    }

    fn seen(&self) -> Vec<Message> {
        self.seen.lock().unwrap().clone()
    }
}

impl Transport for Stub {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn try_publish(&self, message: Message) -> Result<(), Refused> {
        match self.answer {
            Answer::Full => return Err(Refused::Full { message, wait: true }),
            Answer::Later => return Err(Refused::WouldWait(message)),
            Answer::FullAndKept => {
                self.seen.lock().unwrap().push(message.clone());
                return Err(Refused::Full { message, wait: true });
            }
            Answer::Well => self.seen.lock().unwrap().push(message),
        }
        Ok(())
    }

    fn publish(&self, batch: Vec<Message>) -> BoxFuture<'_, Vec<Result<(), Refused>>> {
        let results = batch.iter().map(|_| Ok(())).collect();
        self.seen.lock().unwrap().extend(batch);
        Box::pin(async {
            tokio::task::yield_now().await;
            results
        })
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    fn subscribe(&self, _: Group) -> BoxFuture<'_, Result<Arc<dyn Source>, BoxError>> {
        Box::pin(ready(Err("it is for publishing only".into())))
    }

    fn requeue(&self, _: &str, message: Message) -> BoxFuture<'_, Result<(), Refused>> {
        Box::pin(ready(Err(Refused::Closed(message))))
    }

    fn groups(&self) -> Vec<GroupState> {
        Vec::new()
    }

    fn close(&self, _: Duration) -> BoxFuture<'_, Vec<(Option<Arc<str>>, Message)>> {
        Box::pin(ready(Vec::new()))
    }
}

fn json(bus: &Bus) -> PublishJson<'_> {
    bus.publish_json("issues.opened", "1").unwrap()
}

#[test]
fn json_sees_time_token_and_shutdown_where_the_transport_is_always_ready_and_always_full() {
    within(Duration::from_secs(60), "publishing JSON", || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let bus = Stub::new(Capabilities::IN_PROCESS, Answer::Full).bus();
            let late = json(&bus).timeout(Duration::from_millis(5)).await;
            assert!(matches!(late, Err(PublishError::Full(_))));
            let token = CancellationToken::new();
            let cancels = async {
                tokio::task::yield_now().await;
                token.cancel();
            };
            let (cancelled, ()) = tokio::join!(json(&bus).cancel_on(&token), cancels);
            assert!(matches!(cancelled, Err(PublishError::Cancelled(_))));
            let (closed, _) = tokio::join!(json(&bus), bus.shutdown(HOUR));
            assert!(matches!(closed, Err(PublishError::Closed(_))));
            assert_eq!(bus.stats().published.rejected, 3);
        });
    });
}

#[tokio::test]
async fn json_takes_several_tokens_and_any_of_them_cancels() {
    let bus = Bus::builder().transport(Memory::new().capacity(1)).build();
    json(&bus).await.unwrap();
    for which in [0, 1] {
        let tokens = [CancellationToken::new(), CancellationToken::new()];
        tokens[which].cancel();
        let publish = json(&bus).cancel_on(&tokens[0]).cancel_on(&tokens[1]).timeout(HOUR);
        assert!(matches!(publish.await, Err(PublishError::Cancelled(_))));
    }
}

#[tokio::test]
async fn json_is_handed_back_after_a_lost_select_and_before_it_is_polled() {
    let bus = Bus::builder().transport(Memory::new().capacity(1)).build();
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
    let bus = Bus::builder().transport(Memory::new().capacity(1)).build();
    block_on(bus.publish(Job(1)).timeout(HOUR)).unwrap();
    assert!(matches!(block_on(bus.publish(Job(2)).timeout(HOUR)), Err(PublishError::Full(Job(2)))));
    assert!(matches!(block_on(json(&bus).timeout(HOUR)), Err(PublishError::Full(_))));
    let stub = Stub::new(Capabilities::IN_PROCESS, Answer::Later);
    let bus = stub.bus();
    assert!(matches!(block_on(bus.publish(Job(3)).timeout(HOUR)), Err(PublishError::Full(Job(3)))));
    assert!(stub.seen().is_empty(), "nobody would have waited for the answer");
    assert_balanced(&bus.stats());
}

#[test]
fn a_timeout_outside_of_a_runtime_is_that_of_the_buss_own() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let memory = Memory::new().capacity(1);
    let bus = Bus::builder().transport(memory).runtime(runtime.handle().clone()).build();
    block_on(bus.publish(Job(1))).unwrap();
    let began = Instant::now();
    let late = block_on(bus.publish(Job(2)).timeout(Duration::from_millis(20)));
    assert!(matches!(late, Err(PublishError::Full(Job(2)))));
    assert!(began.elapsed() >= Duration::from_millis(20));
}

#[tokio::test]
async fn a_transport_that_keeps_what_it_refuses_is_told_so() {
    hush();
    let stub = Stub::new(Capabilities::IN_PROCESS, Answer::FullAndKept);
    let bus = stub.bus();
    let other = bus.clone();
    let told = tokio::spawn(async move { drop(other.try_publish(Job(1))) }).await.unwrap_err().into_panic();
    assert!(told.downcast_ref::<&str>().unwrap().contains("has kept a message that it refused"));
    let other = bus.clone();
    let publish = async move { drop(other.publish(Job(1)).timeout(Duration::from_millis(1)).await) };
    let told = tokio::spawn(publish).await.unwrap_err().into_panic();
    assert!(told.downcast_ref::<&str>().unwrap().contains("has kept a message that it refused"));
    // In an `Arc` it is shared anyway.
    assert!(matches!(bus.try_publish(Arc::new(Job(2))), Err(PublishError::Full(_))));
    assert_balanced(&bus.stats());
}

#[tokio::test]
async fn who_publishes_on_and_on_gives_way_to_others() {
    let bus = Bus::builder().transport(Memory::new().capacity(100_000)).build();
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
async fn a_burst_may_be_as_large_as_it_can_be_told() {
    let bus = Bus::new();
    for (at, rate) in [Rate::per_minute(1), Rate::per_second(1), Rate::per_second(u32::MAX)].into_iter().enumerate() {
        let consumer = bus.consumer(&format!("group-{at}")).handle::<Job>(|_, _| async {});
        consumer.rate_limit(rate.burst(u32::MAX)).start().await.unwrap();
    }
    for id in 0..100 {
        bus.publish(Job(id)).await.unwrap();
    }
    let report = bus.shutdown(HOUR).await;
    assert_eq!(report.stats().deliveries().handled, 300);
}

#[tokio::test]
async fn a_key_for_an_event_that_is_not_handled_by_type_is_told() {
    let bus = Bus::new();
    let by_name = bus.consumer("group").handle_name("note.*", |_, _| async {}).key::<NoteMade>(|e| e.text.len());
    let error = by_name.start().await.unwrap_err();
    assert!(matches!(&error, ConsumerError::KeyWithoutHandler { event, .. } if *event == NoteMade::TYPE));
    let text = error.to_string();
    assert!(text.contains("note.made") && text.contains("add `.handle::<E>(..)`"), "{text}");
    bus.consumer("group").handle::<Job>(|_, _| async {}).key::<Job>(|e| e.0).start().await.unwrap();
}

#[tokio::test]
async fn a_key_over_a_transport_without_order_is_told() {
    let unordered = Capabilities::IN_PROCESS.with_ordering(TransportOrdering::None);
    let bus = Stub::new(unordered, Answer::Well).bus();
    let error = bus.consumer("group").handle::<Job>(|_, _| async {}).key::<Job>(|e| e.0).start().await.unwrap_err();
    assert!(matches!(error, ConsumerError::NoOrder { .. }), "{error}");
}

#[derive(Clone)]
struct Touchy(Arc<()>);

impl Drop for Touchy {
    fn drop(&mut self) {
        assert!(Arc::strong_count(&self.0) != 1, "boom in the drop of a handler");
    }
}

fn touchy() -> Touchy {
    Touchy(Arc::new(()))
}

#[tokio::test]
async fn a_handler_that_panics_in_its_drop_does_not_unwind_out_of_the_consumer_or_its_builder() {
    hush();
    let bus = Bus::new();
    let build = || {
        let (typed, named, key) = (touchy(), touchy(), touchy());
        let builder = bus.consumer("group").handle::<Job>(move |_, _| {
            let _ = &typed;
            async {}
        });
        let builder = builder.handle_name("note.*", move |_, _| {
            let _ = &named;
            async {}
        });
        builder.key::<Job>(move |e| {
            let _ = &key;
            e.0
        })
    };
    drop(build());
    let unheard = touchy();
    drop(bus.consumer("group").handle_name("No Pattern", move |_, _| {
        let _ = &unheard;
        async {}
    }));
    let unfit = build().handle::<Job>(|_, _| async {}).start().await;
    assert!(matches!(unfit, Err(ConsumerError::HandlerTaken { .. })));
    drop(unfit);
    let consumer = build().start().await.unwrap();
    bus.publish(Job(1)).await.unwrap();
    assert!(consumer.stop(HOUR).await.is_clean());
    drop(consumer);
    drop(bus);
    yield_a_lot().await;
}

#[tokio::test]
async fn what_is_larger_than_the_transport_takes_is_not_sent() {
    let stub = Stub::new(Capabilities::IN_PROCESS.with_codec().with_max_payload(15), Answer::Well);
    let bus = stub.bus();
    let error = bus.publish(note()).await.unwrap_err();
    assert!(matches!(&error, PublishError::TooLarge { size: 19, limit: 15, .. }), "{error}");
    assert_eq!(error.into_event(), note());
    let long = bus.publish_json("issues.opened", &format!("\"{}\"", "x".repeat(19))).unwrap().await;
    assert!(matches!(long, Err(PublishError::TooLarge { size: 21, limit: 15, .. })));
    assert!(stub.seen().is_empty());
    json(&bus).await.unwrap();
    let error = bus.publish(NoteMade { text: String::new() }).key("k".repeat(1025)).await.unwrap_err();
    assert!(matches!(error, PublishError::Unwritable(..)), "{error}");
    assert_balanced(&bus.stats());
}

#[tokio::test]
async fn what_is_no_text_is_a_dead_letter_also_by_name() {
    let memory = Memory::new();
    memory.try_publish(Message::from_attributes([("type", "note.made")], [b'"', 0xff, b'"']).unwrap()).unwrap();
    let bus = Bus::builder().transport(memory).build();
    let called = Arc::new(Mutex::new(false));
    let log = Arc::clone(&called);
    let consumer = bus.consumer("group").handle_name("note.*", move |_, _| {
        *log.lock().unwrap() = true;
        async {}
    });
    consumer.retry(Retry::fixed(Duration::ZERO)).start().await.unwrap();
    assert!(bus.shutdown(HOUR).await.is_clean());
    let letters = bus.dead_letters().list();
    assert!(matches!(letters[0].error, AttemptError::Undecodable(_)), "{letters:?}");
    assert_eq!((letters[0].attempts, *called.lock().unwrap()), (1, false));
}

#[test]
fn the_id_of_a_foreign_message_is_the_same_for_ever() {
    let message = |id| Message::from_attributes([("type", "note.made"), ("id", id)], *b"1").unwrap();
    assert_eq!(message("order 7").id(), message("order 7").id());
    assert_eq!(message("order 7").id().to_string(), "0d6234bc-a74f-878d-bf7b-f7441d4f3f76");
    let uuid = "018f3a5c-7b5e-7cc1-8a3d-0123456789ab";
    assert_eq!(message(uuid).id().to_string(), uuid);
}

#[test]
fn what_is_too_large_is_not_read() {
    let read = |name, length: usize, data: usize| {
        let value = "x".repeat(length);
        Message::from_attributes([("type", "note.made"), (name, &*value)], vec![b'1'; data]).map(drop)
    };
    assert_eq!(read("id", 1024, 1 << 20), Ok(()));
    assert!(matches!(read("id", 1, (1 << 20) + 1), Err(MalformedMessage::TooLarge { size: 1_048_577, .. })));
    for name in ["id", "source", "type", "time", "partitionkey", "correlationid", "causationid", "hops"] {
        let error = read(name, 1025, 1).unwrap_err();
        assert!(matches!(error, MalformedMessage::AttributeTooLarge { limit: 1024, .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_eq!(read("traceparent", 1025, 1), Ok(()), "it is passed over");
    assert!(matches!(read("type", 129, 1), Err(MalformedMessage::Type { .. })));
}

#[tokio::test]
async fn a_replay_that_is_given_up_puts_the_dead_letter_back() {
    let (bus, wire) = (Bus::builder(), ReplaysNever::default());
    let bus = bus.transport(wire).build();
    bus.consumer("group")
        .handle::<Job>(|_, _| async { Err::<(), _>("no") })
        .retry(Retry::never())
        .start()
        .await
        .unwrap();
    bus.publish(Job(1)).await.unwrap();
    yield_a_lot().await;
    let id = bus.dead_letters().list()[0].id;
    let letters = bus.dead_letters();
    let mut replay = Box::pin(letters.replay(id));
    assert!(poll_once(&mut replay).is_pending());
    assert!(bus.dead_letters().is_empty());
    drop(replay);
    assert_eq!(bus.dead_letters().list()[0].id, id);
}

/// A [`Memory`] that never answers a replay.
#[derive(Default)]
struct ReplaysNever(Memory);

impl Transport for ReplaysNever {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn try_publish(&self, message: Message) -> Result<(), Refused> {
        self.0.try_publish(message)
    }

    fn publish(&self, batch: Vec<Message>) -> BoxFuture<'_, Vec<Result<(), Refused>>> {
        self.0.publish(batch)
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        self.0.ready()
    }

    fn subscribe(&self, group: Group) -> BoxFuture<'_, Result<Arc<dyn Source>, BoxError>> {
        self.0.subscribe(group)
    }

    fn requeue(&self, _: &str, _: Message) -> BoxFuture<'_, Result<(), Refused>> {
        Box::pin(pending())
    }

    fn groups(&self) -> Vec<GroupState> {
        self.0.groups()
    }

    fn close(&self, deadline: Duration) -> BoxFuture<'_, Vec<(Option<Arc<str>>, Message)>> {
        self.0.close(deadline)
    }
}
