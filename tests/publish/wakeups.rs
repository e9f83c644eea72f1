//! Nobody is left asleep: publishers that wait for room, workers that wait for deliveries, the reader that may read again.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{Bus, Group, Memory, Message, Overflow, Refused, Retry, Settle, Source, Transport};
use tokio::sync::{Barrier, Semaphore, mpsc};

use crate::support::{HOUR, Job, assert_balanced, group, multi_thread, poll_once, scaled, within, yield_a_lot};

fn message(id: u32) -> Message {
    Message::from_attributes([("type", "job"), ("id", &*id.to_string())], id.to_string().into_bytes()).unwrap()
}

async fn opened(memory: &Memory) -> Arc<dyn Source> {
    memory.subscribe(Group::new("group")).await.unwrap()
}

#[tokio::test]
async fn each_slot_that_is_freed_wakes_a_publisher_though_the_queue_was_not_full_any_more() {
    let memory = Memory::new().capacity(2);
    let source = opened(&memory).await;
    for id in 0..2 {
        memory.try_publish(message(id)).unwrap();
    }
    let (mut first, mut second) = (memory.ready(), memory.ready());
    assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
    for _ in 0..2 {
        assert_eq!(source.next(1).await.unwrap().len(), 1);
    }
    assert!(poll_once(&mut first).is_ready(), "the first slot");
    memory.try_publish(message(2)).unwrap();
    assert!(poll_once(&mut second).is_ready(), "there is room for another one, and nobody else will say so");
}

#[tokio::test(start_paused = true)]
async fn drop_oldest_keeps_the_books_when_all_that_wait_are_delayed() {
    let memory = Memory::new().capacity(1).overflow(Overflow::DropOldest);
    let source = opened(&memory).await;
    memory.try_publish(message(0)).unwrap();
    let leased = source.next(1).await.unwrap();
    assert!(source.settle(vec![(leased[0].lease, Settle::Nack { after: HOUR, attempts: 1 })]).is_none());
    memory.try_publish(message(1)).unwrap();
    let state = memory.groups().remove(0);
    assert_eq!((state.created, state.dropped, state.depth), (Some(2), 1, Some(1)));
}

#[tokio::test]
async fn what_the_log_drops_before_there_is_a_group_is_counted_by_the_first_one() {
    for (policy, kept) in [(Overflow::DropOldest, [2, 3]), (Overflow::DropNewest, [0, 1])] {
        let bus = Bus::builder().transport(Memory::new().capacity(2).overflow(policy)).build();
        for id in 0..4 {
            bus.try_publish(Job(id)).unwrap();
        }
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let handler = move |e: Arc<Job>, _| {
            log.lock().unwrap().push(e.0);
            async {}
        };
        bus.consumer("late").handle::<Job>(handler).start().await.unwrap();
        let report = bus.shutdown(Duration::from_secs(5)).await;
        assert_eq!(*seen.lock().unwrap(), kept);
        let late = report.stats().group("late").unwrap().clone();
        assert_eq!((late.created, late.overflowed, late.handled), (4, 2, 2), "{policy:?}");
        assert_balanced(report.stats());
    }
}

/// The two deliveries become ready in one poll of the reader, one because its time has come, the other because it is new.
#[tokio::test(start_paused = true)]
async fn no_delivery_waits_behind_another_while_a_worker_is_idle() {
    let bus = Bus::new();
    let together = Arc::new(Barrier::new(2));
    let handler = move |e: Arc<Job>, delivery: eventbus::Delivery| {
        let together = Arc::clone(&together);
        async move {
            if e.0 == 1 && delivery.attempt() == 1 {
                return Err("not yet");
            }
            together.wait().await;
            Ok(())
        }
    };
    let retry = Retry::fixed(Duration::from_millis(100));
    bus.consumer("two").handle::<Job>(handler).workers(2).retry(retry).start().await.unwrap();
    bus.publish(Job(1)).await.unwrap();
    yield_a_lot().await;
    assert_eq!(group(&bus, "two").retried, 1);
    bus.try_publish(Job(2)).unwrap();
    tokio::time::advance(Duration::from_millis(100)).await;
    yield_a_lot().await;
    assert_eq!(group(&bus, "two").handled, 2);
}

/// As many as a consumer may hold wait for their next attempt, which is far away.
#[tokio::test(start_paused = true)]
async fn the_reader_goes_on_when_there_is_room_for_one_more() {
    let bus = Bus::new();
    let gate = Arc::new(Semaphore::new(0));
    let open = Arc::clone(&gate);
    let handler = move |e: Arc<Job>, _| {
        let open = Arc::clone(&open);
        async move {
            match e.0 {
                0 => open.acquire().await.map(drop).map_err(|_| "closed"),
                1..1024 => Err("later"),
                _ => Ok(()),
            }
        }
    };
    let retry = Retry::fixed(HOUR);
    bus.consumer("full").handle::<Job>(handler).workers(2).retry(retry).start().await.unwrap();
    for id in 0..1024 {
        bus.publish(Job(id)).await.unwrap();
    }
    yield_a_lot().await;
    assert_eq!(group(&bus, "full").retried, 1023);
    bus.publish(Job(1024)).await.unwrap();
    yield_a_lot().await;
    assert_eq!(group(&bus, "full").waiting, Some(1), "it holds no more than it may");
    gate.add_permits(1);
    yield_a_lot().await;
    assert_eq!(group(&bus, "full").handled, 2, "without waiting for the next attempt of another");
}

#[test]
fn waiting_publishers_are_all_woken_however_their_slots_are_freed() {
    for round in 0..scaled(20, 400) {
        let handled = within(Duration::from_secs(20), "a publisher is left asleep", move || {
            multi_thread(2).block_on(async move {
                let bus = Bus::builder().transport(Memory::new().capacity(1 + round % 3)).build();
                let handler = |_: Arc<Job>, _| tokio::task::yield_now();
                bus.consumer("slow").handle::<Job>(handler).workers(1 + round % 4).start().await.unwrap();
                let publish = |id| {
                    let bus = bus.clone();
                    tokio::spawn(async move { bus.publish(Job(id)).await.is_ok() })
                };
                let publishers: Vec<_> = (0..64).map(publish).collect();
                for publisher in publishers {
                    assert!(publisher.await.unwrap());
                }
                let report = bus.shutdown(Duration::from_secs(10)).await;
                assert_balanced(report.stats());
                report.stats().deliveries().handled
            })
        });
        assert_eq!(handled, 64);
    }
}

#[tokio::test]
async fn waiting_publishers_are_all_woken_when_the_bus_shuts_down() {
    let bus = Bus::builder().transport(Memory::new().capacity(1)).build();
    bus.publish(Job(0)).await.unwrap();
    let (refused, mut back) = mpsc::unbounded_channel();
    for id in 1..=32 {
        let (bus, refused) = (bus.clone(), refused.clone());
        tokio::spawn(async move { refused.send(bus.publish(Job(id)).await.unwrap_err()).unwrap() });
    }
    drop(refused);
    yield_a_lot().await;
    let report = bus.shutdown(Duration::from_secs(5)).await;
    let mut ids = HashSet::new();
    while let Some(error) = back.recv().await {
        assert!(matches!(error, eventbus::PublishError::Closed(_)), "{error}");
        ids.insert(error.into_event().0);
    }
    assert_eq!(ids, (1..=32).collect());
    assert_eq!(report.returned().len(), 1);
    let published = bus.stats().published;
    assert_eq!((published.offered, published.accepted, published.rejected), (33, 1, 32));
}

#[tokio::test]
async fn a_refusal_by_the_memory_hands_the_message_back() {
    let memory = Memory::new().capacity(1);
    memory.try_publish(message(0)).unwrap();
    let Err(Refused::Full { message: back, wait: true }) = memory.try_publish(message(1)) else { panic!("it is full") };
    assert_eq!(&*back.data().unwrap(), b"1");
    memory.close(HOUR).await;
    assert!(matches!(memory.try_publish(back), Err(Refused::Closed(_))));
}
