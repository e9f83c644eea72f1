//! Consumers that are wired wrong, or given up.

use std::{future::pending, sync::Arc, time::Duration};

use eventbus::{
    Bus, Event, Rate, Retry,
    consumer::ConsumerError,
    transport::{
        Answer as Later, BoxFuture, Capabilities, GroupSpec, GroupState, Memory, Message, Refusal, Source, Transport,
        TransportOrdering,
    },
};

use super::{Answer, NoteMade, Stub};
use crate::support::{HOUR, Job, Log, hush, poll_once, yield_a_lot};

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
    let by_name = bus.consumer("group").handle_pattern("note.*", |_, _| async {}).key::<NoteMade>(|e| e.text.len());
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
    assert!(matches!(error, ConsumerError::Unsupported { .. }), "{error}");
}

/// Counts its drop, and panics in it.
struct Touchy(Log<()>);

impl Drop for Touchy {
    fn drop(&mut self) {
        self.0.add(());
        panic!("boom in the drop of a handler");
    }
}

#[tokio::test]
async fn a_handler_that_panics_in_its_drop_does_not_unwind_out_of_the_consumer_or_its_builder() {
    hush();
    let (bus, drops) = (Bus::new(), Log::default());
    let touchy = || Touchy(drops.clone());
    let build = || {
        let (typed, named, key) = (touchy(), touchy(), touchy());
        let builder = bus.consumer("group").handle::<Job>(move |_, _| {
            let _ = &typed;
            async {}
        });
        let builder = builder.handle_pattern("note.*", move |_, _| {
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
    drop(bus.consumer("group").handle_pattern("No Pattern", move |_, _| {
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
    assert_eq!(drops.take().len(), 3 + 1 + 3 + 3, "each of them");
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
    let id = bus.dead_letters().list().await.unwrap()[0].id.clone();
    let letters = bus.dead_letters();
    let mut replay = Box::pin(letters.replay(&id));
    assert!(poll_once(&mut replay).is_pending());
    assert!(bus.dead_letters().list().await.unwrap().is_empty());
    drop(replay);
    assert_eq!(bus.dead_letters().list().await.unwrap()[0].id, id);
}

/// A [`Memory`] that never answers a replay.
#[derive(Default)]
struct ReplaysNever(Memory);

impl Transport for ReplaysNever {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn try_publish(&self, batch: &mut [Option<Message>]) -> Result<(), Refusal> {
        self.0.try_publish(batch)
    }

    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        self.0.publish(batch)
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        self.0.ready()
    }

    fn subscribe(&self, group: GroupSpec) -> Later<'_, Arc<dyn Source>> {
        self.0.subscribe(group)
    }

    fn redeliver<'a>(&'a self, _: &'a str, _: Message) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(pending())
    }

    fn groups(&self) -> Later<'_, Vec<GroupState>> {
        self.0.groups()
    }

    fn remove_group<'a>(&'a self, name: &'a str) -> Later<'a, Vec<Message>> {
        self.0.remove_group(name)
    }

    fn close(&self, deadline: Duration) -> Later<'_, Vec<(Option<Arc<str>>, Message)>> {
        self.0.close(deadline)
    }
}
