//! Nobody is left asleep: publishers that wait for room, workers that wait for deliveries, the reader that may read again.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use eventbus::{
    Bus, Overflow, Retry,
    transport::{GroupSpec, Leased, Memory, Message, Refusal, Settlement, Source, Transport},
};
use tokio::sync::{Barrier, mpsc};

use crate::support::{HOUR, Job, assert_balanced, group, multi_thread, poll_once, scaled, within, yield_a_lot};

/// Whether somebody was woken.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn message(id: u32) -> Message {
    Message::from_attributes([("type", "job"), ("id", &*id.to_string())], id.to_string().into_bytes()).unwrap()
}

fn put(memory: &Memory, id: u32) {
    memory.try_publish(&mut [Some(message(id))]).unwrap();
}

async fn next(source: &Arc<dyn Source>) -> Vec<Leased> {
    let mut leased = Vec::new();
    source.next(1, &mut leased).await.unwrap();
    leased
}

async fn opened(memory: &Memory) -> Arc<dyn Source> {
    memory.subscribe(GroupSpec::new("group")).await.unwrap()
}

#[tokio::test]
async fn each_slot_that_is_freed_wakes_a_publisher_though_the_queue_was_not_full_any_more() {
    let memory = Memory::new().capacity(2);
    let source = opened(&memory).await;
    for id in 0..2 {
        put(&memory, id);
    }
    let (mut first, mut second) = (memory.ready(), memory.ready());
    assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
    for _ in 0..2 {
        assert_eq!(next(&source).await.len(), 1);
    }
    assert!(poll_once(&mut first).is_ready(), "the first slot");
    put(&memory, 2);
    assert!(poll_once(&mut second).is_ready(), "there is room for another one, and nobody else will say so");
}

#[tokio::test(start_paused = true)]
async fn drop_oldest_keeps_the_books_when_all_that_wait_are_delayed() {
    let memory = Memory::new().capacity(1).overflow(Overflow::DropOldest);
    let source = opened(&memory).await;
    put(&memory, 0);
    let mut leased = next(&source).await;
    leased[0].settle_as(Settlement::Again { after: HOUR });
    assert!(source.try_settle(&mut leased));
    put(&memory, 1);
    let state = memory.groups().await.unwrap().remove(0);
    assert_eq!((state.created, state.dropped, state.depth, state.delayed), (Some(2), 1, Some(1), 0));
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
async fn a_consumer_reads_on_when_there_is_room_for_one_more() {
    const HELD: u64 = 16_384;
    let bus = Bus::builder().transport(Memory::new().capacity(100_000)).on_failure(|_| {}).build();
    let handler = move |e: Arc<Job>, delivery: eventbus::Delivery| async move {
        if e.0 < HELD && delivery.attempt() == 1 { Err("later") } else { Ok(()) }
    };
    let retry = Retry::fixed(HOUR);
    bus.consumer("full").handle::<Job>(handler).retry(retry).start().await.unwrap();
    for id in 0..HELD {
        bus.publish(Job(id)).await.unwrap();
    }
    while group(&bus, "full").retried < HELD {
        yield_a_lot().await;
    }
    bus.publish(Job(HELD)).await.unwrap();
    yield_a_lot().await;
    assert_eq!(group(&bus, "full").waiting, Some(1), "it holds no more than it may");
    tokio::time::advance(HOUR).await;
    while group(&bus, "full").handled <= HELD {
        yield_a_lot().await;
    }
    assert_balanced(&bus.stats());
}

#[test]
fn waiting_publishers_are_all_woken_however_their_slots_are_freed() {
    for round in 0..scaled(20, 400) {
        let handled = within(Duration::from_mins(1), "a publisher is left asleep", move || {
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
    let consumer = bus.consumer("group").handle::<Job>(|_, _| async {}).start().await.unwrap();
    consumer.stop(HOUR).await;
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
        ids.insert(error.into_event().unwrap().0);
    }
    assert_eq!(ids, (1..=32).collect());
    assert_eq!(report.returned().len(), 1);
    let published = bus.stats().published;
    assert_eq!((published.offered, published.accepted, published.rejected), (33, 1, 32));
}

#[tokio::test]
async fn a_refusal_by_the_memory_leaves_the_message_in_its_slot() {
    let memory = Memory::new().capacity(1);
    let _source = opened(&memory).await;
    put(&memory, 0);
    let mut slots = [Some(message(1)), Some(message(2))];
    let Err(Refusal::Full { wait: true, group }) = memory.try_publish(&mut slots) else { panic!("it is full") };
    assert_eq!((&*group, &*slots[0].as_ref().unwrap().data().unwrap()), ("group", &b"1"[..]));
    memory.close(HOUR).await.unwrap();
    assert!(matches!(memory.try_publish(&mut slots), Err(Refusal::Closed)));
    assert!(slots.iter().all(Option::is_some));
}

#[tokio::test]
async fn a_publisher_that_waits_no_more_takes_only_itself_off_the_list() {
    for leaves in 0..3 {
        let memory = Memory::new().capacity(1);
        let source = opened(&memory).await;
        put(&memory, 0);
        let mut waiting: Vec<_> = (0..3).map(|_| memory.ready()).collect();
        let woken: Vec<_> = (0..3).map(|_| Arc::new(Woken(AtomicBool::new(false)))).collect();
        for (publisher, woken) in waiting.iter_mut().zip(&woken) {
            let waker = Waker::from(Arc::clone(woken));
            assert!(publisher.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        drop(waiting.remove(leaves));
        assert_eq!(next(&source).await.len(), 1);
        let woken: Vec<_> = woken.iter().map(|one| one.0.load(Ordering::SeqCst)).collect();
        assert_eq!(woken, [0, 1, 2].map(|at| at != leaves));
    }
}

#[tokio::test]
async fn a_wake_up_that_a_dropped_read_has_not_used_goes_to_another() {
    let memory = Memory::new();
    let source = opened(&memory).await;
    let mut reads: Vec<_> =
        (0..2).map(|_| (Box::pin(next(&source)), Arc::new(Woken(AtomicBool::new(false))))).collect();
    for (read, woken) in &mut reads {
        assert!(read.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(woken)))).is_pending());
    }
    put(&memory, 0);
    let is_woken = |(_, woken): &(_, Arc<Woken>)| woken.0.load(Ordering::SeqCst);
    let at = reads.iter().position(is_woken).unwrap();
    drop(reads.swap_remove(at));
    assert!(is_woken(&reads[0]));
    assert_eq!(reads.remove(0).0.await.len(), 1);
}

#[tokio::test]
async fn a_key_keeps_its_bound_while_its_messages_come_and_go() {
    let memory = Memory::new();
    let mut spec = GroupSpec::new("group");
    spec.max_per_key = Some(2);
    let source = memory.subscribe(spec).await.unwrap();
    let keyed = || Message::from_attributes([("type", "job"), ("partitionkey", "a")], b"1".to_vec()).unwrap();
    let put = || memory.try_publish(&mut [Some(keyed())]);
    assert!(put().is_ok() && put().is_ok() && put().is_err());
    for _ in 0..3 {
        assert_eq!(next(&source).await.len(), 1);
        assert!(put().is_ok() && put().is_err());
    }
}

#[tokio::test]
async fn messages_of_a_key_that_wait_count_from_the_moment_at_which_their_group_is_given_a_bound() {
    let memory = Memory::new();
    opened(&memory).await;
    let put = |key| {
        let message = Message::from_attributes([("type", "job"), ("partitionkey", key)], b"1".to_vec()).unwrap();
        memory.try_publish(&mut [Some(message)])
    };
    for key in ["a", "a", "b"] {
        put(key).unwrap();
    }
    let mut spec = GroupSpec::new("group");
    spec.max_per_key = Some(2);
    memory.subscribe(spec).await.unwrap();
    assert!(put("a").is_err() && put("b").is_ok() && put("b").is_err());
}

#[tokio::test]
async fn bytes_that_wait_count_from_the_moment_at_which_their_group_is_given_a_bound() {
    let memory = Memory::new();
    opened(&memory).await;
    for id in 0..3 {
        put(&memory, id);
    }
    let mut spec = GroupSpec::new("group");
    spec.max_bytes = Some(3);
    memory.subscribe(spec).await.unwrap();
    assert!(memory.try_publish(&mut [Some(message(3))]).is_err());
}

#[tokio::test]
async fn a_queue_takes_as_many_bytes_as_its_bound_says_and_no_more() {
    let memory = Memory::new();
    let mut spec = GroupSpec::new("group");
    spec.max_bytes = Some(3);
    memory.subscribe(spec).await.unwrap();
    for id in 0..3 {
        put(&memory, id);
    }
    assert!(memory.try_publish(&mut [Some(message(3))]).is_err());
}

#[tokio::test]
async fn a_message_that_is_larger_than_the_bound_is_let_into_an_empty_queue() {
    let memory = Memory::new();
    let mut spec = GroupSpec::new("group");
    spec.max_bytes = Some(1);
    let source = memory.subscribe(spec).await.unwrap();
    for id in 100..103 {
        put(&memory, id);
        assert!(memory.try_publish(&mut [Some(message(id))]).is_err());
        assert_eq!(next(&source).await.len(), 1);
    }
}

#[tokio::test]
async fn a_group_that_fails_is_named_before_one_that_waits() {
    let memory = Memory::new();
    for (name, overflow) in [("waits", Overflow::Wait), ("fails", Overflow::Fail)] {
        let mut spec = GroupSpec::new(name);
        (spec.max_events, spec.overflow) = (Some(1), Some(overflow));
        memory.subscribe(spec).await.unwrap();
    }
    put(&memory, 0);
    let Err(Refusal::Full { group, wait }) = memory.try_publish(&mut [Some(message(1))]) else {
        panic!("both are full");
    };
    assert_eq!((&*group, wait), ("fails", false));
}
