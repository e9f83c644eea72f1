//! What is used, or implemented, in a way that it was not meant for.

use std::{
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{
    BoxError, BoxFuture, Bus, Capabilities, Event, Group, GroupState, Memory, Message, PublishError, PublishJson,
    Refused, Source, Transport,
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
        let mut capabilities = Capabilities::IN_PROCESS;
        capabilities.needs_codec = true;
        let stub = Stub::new(capabilities, answer);
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
