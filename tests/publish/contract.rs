//! The clauses that bind the bus (`B`), seen by a transport that watches what it is asked.

mod watch;

use std::{sync::Arc, time::Duration};

use eventbus::{
    Bus, Delivery, Event, Overflow, PublishError, Retry,
    consumer::{ConsumerBuilder, ConsumerError},
    publish::PublishAllError,
    transport::{Capabilities, Memory, Settlement, Start, TransportOrdering},
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::support::{HOUR, Job, assert_balanced, hush, yield_a_lot};
use watch::Watch;

#[derive(Event, Serialize, Deserialize, Debug, PartialEq, Eq)]
#[event(name = "note.coded", serde)]
struct Coded(String);

async fn publish(bus: &Bus, ids: std::ops::Range<u64>) {
    for id in ids {
        bus.publish(Job(id)).await.unwrap();
    }
    yield_a_lot().await;
}

/// Waits for a permit in each handler.
fn gated(bus: &Bus, gate: &Arc<Semaphore>) -> ConsumerBuilder {
    let gate = Arc::clone(gate);
    bus.consumer("group").handle::<Job>(move |_, _| {
        let gate = Arc::clone(&gate);
        async move { drop(gate.acquire().await) }
    })
}

/// B2: what is published at the same time is sent in batches of `max_batch` at most, one after the other.
#[tokio::test(start_paused = true)]
async fn what_waits_is_sent_in_batches_of_which_one_is_under_way() {
    let watch = Watch::later().says(|can| can.with_max_batch(4));
    let bus = watch.bus();
    let mut publishing = tokio::task::JoinSet::new();
    for id in 0..21 {
        let bus = bus.clone();
        publishing.spawn(async move { bus.publish(Job(id)).await.unwrap() });
    }
    tokio::time::timeout(HOUR, publishing.join_all()).await.unwrap();
    let batches = watch.seen.batches.take();
    assert_eq!(batches.iter().sum::<usize>(), 21);
    assert!(batches.iter().all(|batch| *batch <= 4) && batches.contains(&4), "{batches:?}");
    assert_eq!(watch.seen.publishing.most(), 1);
}

/// B2: where the transport allows two batches under way, what waits is sent beside one of them; and not one by one.
#[tokio::test(start_paused = true)]
async fn what_waits_is_sent_beside_another_batch_where_the_transport_allows_it() {
    const PUBLISHERS: u64 = 64;
    let watch = Watch::later().says(|can| can.with_max_under_way(2));
    let bus = watch.bus();
    let mut publishing = tokio::task::JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let bus = bus.clone();
        publishing.spawn(async move {
            for id in 0..20 {
                bus.publish(Job(publisher + id * PUBLISHERS)).await.unwrap();
            }
        });
    }
    tokio::time::timeout(HOUR, publishing.join_all()).await.unwrap();
    let batches = watch.seen.batches.take();
    assert_eq!((batches.iter().sum::<usize>(), watch.seen.publishing.most()), (20 * 64, 2));
    let small = batches.iter().filter(|batch| **batch < 8).count();
    assert!(small * 4 < batches.len(), "{batches:?}");
    assert_balanced(&bus.stats());
}

/// B2: a bus that publishes little sends one batch after the other.
#[tokio::test(start_paused = true)]
async fn a_few_publishers_have_one_batch_under_way() {
    let watch = Watch::later().says(|can| can.with_max_under_way(2));
    let bus = watch.bus();
    let (one, other) = (bus.clone(), bus.clone());
    tokio::join!(publish(&one, 0..20), publish(&other, 20..40));
    assert_eq!((watch.seen.messages.take().len(), watch.seen.publishing.most()), (40, 1));
}

/// B2, T4: what is published together is sent in its order, whatever is under way.
#[tokio::test(start_paused = true)]
async fn batches_under_way_are_sent_in_the_order_of_publishing() {
    let watch = Watch::later().says(|can| can.with_max_batch(20).with_max_under_way(3));
    let bus = watch.bus();
    let results = bus.publish_all((0..1000).map(Job)).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(watch.seen.publishing.most(), 3);
    let sent = watch.seen.messages.take();
    assert!(sent.iter().map(|message| message.downcast_ref::<Job>().unwrap().0).eq(0..1000));
}

/// B3: bytes where a codec is needed, nothing above `max_payload`, no delay where none is kept.
#[tokio::test(start_paused = true)]
async fn a_transport_is_sent_only_what_it_can_carry() {
    for watch in [Watch::later(), Watch::at_once()] {
        let watch = watch.says(|can| can.with_codec().with_max_payload(5).with_delay(None));
        let bus = watch.bus();
        let large = bus.publish(Coded("1234".into())).await;
        assert!(matches!(large, Err(PublishError::TooLarge { size: 6, limit: 5, .. })), "{large:?}");
        let delayed = bus.publish(Coded("1".into())).after(HOUR).await;
        assert!(matches!(delayed, Err(PublishError::NoDelay(_))), "{delayed:?}");
        let typed = bus.publish(Job(1)).await;
        assert!(matches!(typed, Err(PublishError::NoCodec(_))), "{typed:?}");
        assert_eq!(watch.seen.messages.take().len(), 0);
        bus.publish(Coded("123".into())).await.unwrap();
        let sent = watch.seen.messages.take();
        assert!(sent.iter().all(|message| message.downcast_ref::<Coded>().is_none()));
        assert_eq!(*sent[0].data().unwrap(), *b"\"123\"");
    }
}

/// B4: a message that found no room where its group waits is tried again after `ready`; any other refusal is the user's.
#[tokio::test(start_paused = true)]
async fn only_where_a_group_waits_is_a_message_tried_again() {
    for watch in [Watch::over(Memory::new().capacity(1), true), Watch::over(Memory::new().capacity(1), false)] {
        let bus = watch.bus();
        let consumer = gated(&bus, &Arc::new(Semaphore::new(9))).start().await.unwrap();
        consumer.pause();
        yield_a_lot().await;
        publish(&bus, 0..1).await;
        let waiting = tokio::spawn({
            let bus = bus.clone();
            async move { bus.publish(Job(1)).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!waiting.is_finished());
        assert_ne!(watch.seen.asked_for_room.take(), []);
        consumer.resume();
        tokio::time::timeout(HOUR, waiting).await.unwrap().unwrap().unwrap();
        bus.drained(HOUR).await.unwrap();
        consumer.stop(HOUR).await;
        watch.seen.asked_for_room.take();
        gated(&bus, &Arc::new(Semaphore::new(9))).overflow(Overflow::Fail).start().await.unwrap().pause();
        let results = bus.publish_all((2..9).map(Job)).await;
        let refused = results.into_iter().find_map(Result::err).unwrap();
        assert!(matches!(refused, PublishAllError::Full(_)), "{refused:?}");
        assert_eq!(watch.seen.asked_for_room.take(), []);
    }
}

/// B10: one task of a source calls `next` at a time; where `try_next` answers, every worker does.
#[tokio::test(start_paused = true)]
async fn one_task_reads_unless_the_source_answers_at_once() {
    for (watch, most) in [(Watch::later(), 1), (Watch::at_once(), 4)] {
        let bus = watch.bus();
        let builder = gated(&bus, &Arc::new(Semaphore::new(99))).workers(4);
        builder.start().await.unwrap();
        yield_a_lot().await;
        publish(&bus, 0..50).await;
        bus.drained(HOUR).await.unwrap();
        assert_eq!(watch.seen.reading.most(), most);
    }
}

/// B11: what the workers are not free to take stays with the transport, where another process can have it.
#[tokio::test(start_paused = true)]
async fn no_more_is_leased_than_workers_are_free() {
    let (watch, gate) = (Watch::later(), Arc::new(Semaphore::new(0)));
    let bus = watch.bus();
    let permits = Arc::clone(&gate);
    let handler = move |_: Arc<Job>, _: Delivery| {
        let permits = Arc::clone(&permits);
        async move { drop(permits.acquire().await.map(SemaphorePermit::forget)) }
    };
    bus.consumer("group").handle(handler).workers(3).start().await.unwrap();
    yield_a_lot().await;
    publish(&bus, 0..20).await;
    assert_eq!(watch.seen.leased(), 3);
    gate.add_permits(2);
    yield_a_lot().await;
    assert_eq!(watch.seen.leased(), 3, "two are done, two others are taken");
    let asked = watch.seen.asked_for.take();
    assert!(asked.iter().all(|max| (1..=3).contains(max)), "{asked:?}");
    gate.close();
    bus.drained(HOUR).await.unwrap();
    assert_eq!(watch.seen.leased(), 0);
}

/// B12: a `next` that may lease is ended by `close`, not dropped: while deliveries come and go, at a stop, at a shutdown.
#[tokio::test(start_paused = true)]
async fn no_read_is_given_up() {
    for ends_by_shutdown in [false, true] {
        let watch = Watch::later();
        let bus = watch.bus();
        let consumer = gated(&bus, &Arc::new(Semaphore::new(9))).workers(2).start().await.unwrap();
        for id in 0..5 {
            publish(&bus, id..id + 1).await;
        }
        if ends_by_shutdown {
            assert!(bus.shutdown(HOUR).await.is_clean());
        } else {
            consumer.stop(HOUR).await;
        }
        yield_a_lot().await;
        assert_eq!((watch.seen.given_up.take().len(), watch.seen.reading.now()), (0, 0));
        assert!(watch.seen.reading.most() > 0 && !watch.seen.closed.take().is_empty());
    }
}

/// B20: every lease ends: it was handled, failed, panicked, was out of time, waits for its next attempt, or hangs at the stop.
#[tokio::test(start_paused = true)]
async fn every_lease_is_settled_however_its_delivery_ends() {
    hush();
    for watch in [Watch::later(), Watch::at_once()] {
        let bus = watch.builder().on_failure(|_| {}).build();
        let handler = |e: Arc<Job>, _| async move {
            match e.0 % 5 {
                0 => Ok(()),
                1 => Err("it fails"),
                2 => panic!("boom"),
                3 => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Ok(())
                }
                _ => {
                    std::future::pending::<()>().await;
                    Ok(())
                }
            }
        };
        let retry = Retry::fixed(Duration::from_secs(2)).max_attempts(2);
        let builder = bus.consumer("group").handle::<Job>(handler).retry(retry).workers(3);
        let consumer = builder.timeout(Duration::from_secs(30)).start().await.unwrap();
        publish(&bus, 0..30).await;
        tokio::time::sleep(Duration::from_secs(45)).await;
        consumer.stop(Duration::from_secs(1)).await;
        assert_eq!(watch.seen.leased(), 0);
        let ended = watch.seen.ends.take();
        let count = |is_it: fn(&Settlement) -> bool| ended.iter().filter(|(end, _)| is_it(end)).count();
        assert!(count(|end| *end == Settlement::Done) > 0 && ended.len() >= 30, "{ended:?}");
        assert_balanced(&bus.stats());
    }
}

/// B22, B24: what waits for its next attempt stays leased; a stop sends it as `Again`, at once, with the attempts that were made.
#[tokio::test(start_paused = true)]
async fn what_waits_for_its_next_attempt_stays_leased_until_the_stop() {
    for delay in [None, Some(Duration::ZERO)] {
        for watch in [Watch::later(), Watch::at_once()] {
            let watch = watch.says(|can| can.with_delay(delay));
            let bus = watch.bus();
            let failing = bus.consumer("group").handle::<Job>(|_, _| async { Err::<(), _>("later") });
            let consumer = failing.retry(Retry::fixed(HOUR)).start().await.unwrap();
            publish(&bus, 0..3).await;
            tokio::time::sleep(HOUR + Duration::from_secs(1)).await;
            assert_eq!((watch.seen.leased(), watch.seen.ends.take()), (3, vec![]));
            assert_eq!(consumer.stop(HOUR).await.returned, 3);
            let again = (Settlement::Again { after: Duration::ZERO }, 2);
            assert_eq!(watch.seen.ends.take(), vec![again; 3]);
        }
    }
}

/// B31: a group that the transport cannot have is refused when it is wired, and the transport is not asked.
#[tokio::test(start_paused = true)]
async fn a_group_that_the_transport_cannot_have_is_refused_before_it_is_asked() {
    type Change = fn(ConsumerBuilder) -> ConsumerBuilder;
    type Says = fn(Capabilities) -> Capabilities;
    let cases: [(Says, Change); 7] = [
        (|can| can.with_ordering(TransportOrdering::None), |builder| builder.key::<Job>(|e| e.0)),
        (|can| can.with_ordering(TransportOrdering::Process), |builder| builder.key::<Job>(|e| e.0)),
        (Capabilities::without_bounds, |builder| builder.capacity(5)),
        (Capabilities::without_bounds, |builder| builder.capacity_bytes(5)),
        (Capabilities::without_bounds, |builder| builder.max_per_key(5)),
        (Capabilities::without_bounds, |builder| builder.overflow(Overflow::DropOldest)),
        (|can| can, |builder| builder.start_at(Start::Oldest)),
    ];
    for (says, change) in cases {
        let watch = Watch::later().says(says);
        let bus = watch.bus();
        let builder = bus.consumer("group").handle::<Job>(|_, _| async {});
        let refused = change(builder).start().await;
        assert!(matches!(refused, Err(ConsumerError::Unsupported { .. })), "{refused:?}");
        assert_eq!(watch.seen.opened.take(), []);
    }
}

/// B32: the transport goes with the last bus, and a source with its consumer: when it has stopped and nobody holds it.
#[tokio::test(start_paused = true)]
async fn a_transport_goes_with_its_bus_and_a_source_with_its_consumer() {
    for watch in [Watch::later(), Watch::at_once()] {
        let seen = Arc::clone(&watch.seen);
        let bus = watch.bus();
        drop(watch);
        let first = gated(&bus, &Arc::new(Semaphore::new(9))).start().await.unwrap();
        publish(&bus, 0..3).await;
        first.stop(HOUR).await;
        yield_a_lot().await;
        assert_eq!(seen.dropped.take(), Vec::<&str>::new());
        drop(first);
        yield_a_lot().await;
        assert_eq!(seen.dropped.take(), ["source"]);
        let second = gated(&bus, &Arc::new(Semaphore::new(9))).start().await.unwrap();
        yield_a_lot().await;
        drop((bus, second));
        yield_a_lot().await;
        let mut dropped = seen.dropped.take();
        dropped.sort_unstable();
        assert_eq!(dropped, ["source", "transport"]);
    }
}

/// T31: during each call, another thread registers, emits, and looks at the bus: no lock that it needs is held.
#[test]
fn no_lock_that_user_code_needs_is_held_while_a_transport_is_called() {
    for at_once in [true, false] {
        crate::support::within(Duration::from_secs(30), "a transport that uses its bus", move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let watch = Watch::over(Memory::new(), at_once);
                let bus = watch.bus();
                watch.uses(&bus);
                let consumer = gated(&bus, &Arc::new(Semaphore::new(99))).workers(2).start().await.unwrap();
                for result in bus.publish_all((0..10).map(Job)).await {
                    result.unwrap();
                }
                bus.drained(HOUR).await.unwrap();
                assert!(bus.health().await.is_healthy());
                consumer.stop(HOUR).await;
                bus.remove_group("group").await.unwrap();
                bus.shutdown(HOUR).await;
                let (used, held_up) = (watch.seen.used.take(), watch.seen.held_up.take());
                assert!(held_up.is_empty(), "{held_up:?}");
                for call in ["publish", "subscribe", "next", "settle", "groups", "health", "close a source", "close"] {
                    assert!(used.contains(&call), "{call}: {used:?}");
                }
                watch.forgets();
            });
        });
    }
}
