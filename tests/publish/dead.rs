//! Dead letters: one for each delivery that failed for good, of its group only.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{
    Bus, Failed, Overflow, Retry,
    consumer::Unhandled,
    dead_letter::{DiscardError, ReplayError},
    transport::{LetterId, Memory},
};
use tokio::sync::Semaphore;

use crate::support::{HOUR, Job, Log, assert_balanced, group, scaled, yield_a_lot};

type Calls = Arc<Mutex<HashMap<(String, u64), u32>>>;

/// A group that counts its calls, and fails them all, or none.
async fn counted(bus: &Bus, name: &str, calls: &Calls, fails: bool) {
    let calls = Arc::clone(calls);
    let handler = move |e: Arc<Job>, delivery: eventbus::Delivery| {
        *calls.lock().unwrap().entry((delivery.group().to_owned(), e.0)).or_default() += 1;
        async move { if fails { Err("always") } else { Ok(()) } }
    };
    let retry = Retry::exponential(Duration::from_millis(10)).max_attempts(3);
    bus.consumer(name).handle::<Job>(handler).workers(4).retry(retry).start().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_group_of_three_that_always_fails_disturbs_no_other() {
    let events = scaled(500, 1000);
    let (bus, calls) = (Bus::new(), Calls::default());
    let (typed, named) = (Log::default(), Log::default());
    let (typed_log, named_log) = (typed.clone(), named.clone());
    bus.on::<Failed<Job>>(move |e| typed_log.add((e.event.0, e.letter.id.clone())));
    bus.on_pattern("delivery.failed", move |e| named_log.add(e.name().to_owned())).unwrap();
    for (name, fails) in [("one", false), ("bad", true), ("two", false)] {
        counted(&bus, name, &calls, fails).await;
    }
    for id in 0..events {
        bus.publish(Job(id)).await.unwrap();
    }
    let report = bus.shutdown(HOUR).await;
    assert!(report.is_clean(), "{report}");
    assert_balanced(report.stats());
    let calls = calls.lock().unwrap().clone();
    for id in 0..events {
        let of = |name: &str| calls[&(name.to_owned(), id)];
        assert_eq!((of("one"), of("bad"), of("two")), (1, 3, 1), "event {id}");
    }
    let stats = report.stats().group("bad").unwrap();
    assert_eq!((stats.dead_lettered, stats.retried, stats.handled), (events, 2 * events, 0));
    let letters = bus.dead_letters().list().await.unwrap();
    assert_eq!(letters.len() as u64, events);
    assert!(letters.iter().all(|letter| &*letter.group == "bad" && letter.attempts == 3));
    assert!(letters.iter().all(|letter| letter.first_failed <= letter.last_failed));
    let mut ids: Vec<_> = typed.take();
    ids.sort_unstable();
    let mut expected: Vec<_> =
        letters.iter().map(|letter| (letter.message.downcast_ref::<Job>().unwrap().0, letter.id.clone())).collect();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert_eq!(named.take().len() as u64, events);
    let line = letters[0].to_string();
    assert!(line.starts_with("job ") && line.ends_with("in group `bad` failed 3 times: always"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_replay_reaches_only_the_group_that_failed_and_counts_attempts_anew() {
    let (bus, log) = (Bus::new(), Log::default());
    let gate = Arc::new(Semaphore::new(0));
    for name in ["bad", "good"] {
        let (log, gate) = (log.clone(), Arc::clone(&gate));
        let handler = move |_: Arc<Job>, delivery: eventbus::Delivery| {
            let fails = delivery.group() == "bad" && gate.try_acquire().is_err();
            log.add((name, delivery.attempt()));
            async move { if fails { Err("not yet") } else { Ok(()) } }
        };
        let retry = Retry::fixed(Duration::ZERO).max_attempts(2);
        bus.consumer(name).handle::<Job>(handler).retry(retry).start().await.unwrap();
    }
    bus.publish(Job(0)).await.unwrap();
    yield_a_lot().await;
    let mut seen = log.take();
    seen.sort_unstable();
    assert_eq!(seen, [("bad", 1), ("bad", 2), ("good", 1)]);
    gate.add_permits(10);
    let id = bus.dead_letters().list().await.unwrap()[0].id.clone();
    bus.dead_letters().replay(&id).await.unwrap();
    assert!(bus.dead_letters().list().await.unwrap().is_empty());
    assert!(matches!(bus.dead_letters().replay(&id).await, Err(ReplayError::Unknown { id: unknown }) if unknown == id));
    yield_a_lot().await;
    assert_eq!(log.take(), [("bad", 1)]);
    let stats = group(&bus, "bad");
    assert_eq!((stats.created, stats.dead_lettered, stats.handled), (2, 1, 1));
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_is_refused_leaves_its_dead_letter_where_it_is() {
    let bus = Bus::builder().transport(Memory::new().capacity(1).overflow(Overflow::Fail)).build();
    let handler = |e: Arc<Job>, _| async move { if e.0 == 0 { Err("no") } else { Ok(()) } };
    let consumer = bus.consumer("group").handle::<Job>(handler).retry(Retry::never()).start().await.unwrap();
    for _ in 0..2 {
        bus.publish(Job(0)).await.unwrap();
        yield_a_lot().await;
    }
    consumer.stop(HOUR).await;
    bus.publish(Job(1)).await.unwrap();
    let ids = async || -> Vec<LetterId> {
        bus.dead_letters().list().await.unwrap().iter().map(|letter| letter.id.clone()).collect()
    };
    let before = ids().await;
    let refused = bus.dead_letters().replay(&before[0]).await.unwrap_err();
    assert!(matches!(refused, ReplayError::Full { .. }), "{refused}");
    assert_eq!(ids().await, before, "oldest first, as it was");
    bus.shutdown(HOUR).await;
    let refused = bus.dead_letters().replay(&before[0]).await.unwrap_err();
    assert!(matches!(refused, ReplayError::Closed { .. }), "{refused}");
    assert_eq!(ids().await, before);
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_bounded_and_those_that_make_room_are_counted() {
    for (kept, bound) in [(0, 0), (3, 3)] {
        let bus = Bus::builder().max_dead_letters(bound).build();
        let handler = |_: Arc<Job>, _| async { Err("no") };
        bus.consumer("group").handle::<Job>(handler).retry(Retry::never()).start().await.unwrap();
        for id in 0..10 {
            bus.publish(Job(id)).await.unwrap();
        }
        yield_a_lot().await;
        assert_eq!((bus.dead_letters().in_memory().len(), bus.stats().dead_letters_evicted), (kept, 10 - kept as u64));
        let newest: Vec<_> = bus
            .dead_letters()
            .list()
            .await
            .unwrap()
            .iter()
            .map(|one| one.message.downcast_ref::<Job>().unwrap().0)
            .collect();
        assert_eq!(newest, (10 - kept as u64..10).collect::<Vec<_>>());
        assert_eq!(group(&bus, "group").dead_lettered, 10);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_can_be_discarded_once() {
    let bus = Bus::new();
    bus.consumer("group")
        .handle::<Job>(|_: Arc<Job>, _| async { Err("no") })
        .retry(Retry::never())
        .start()
        .await
        .unwrap();
    bus.publish(Job(7)).await.unwrap();
    yield_a_lot().await;
    let id = bus.dead_letters().list().await.unwrap()[0].id.clone();
    bus.dead_letters().discard(&id).await.unwrap();
    assert!(matches!(bus.dead_letters().discard(&id).await, Err(DiscardError::Unknown { .. })));
    assert_eq!(bus.dead_letters().in_memory().len(), 0);
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_handler_is_not_given_to_the_group_or_a_dead_letter_at_once() {
    #[derive(eventbus::Event)]
    struct Other;
    for policy in [Unhandled::Ignore, Unhandled::Fail] {
        let bus = Bus::new();
        bus.consumer("group").handle::<Job>(|_, _| async {}).unknown(policy).start().await.unwrap();
        bus.publish(Other).await.unwrap();
        bus.publish(Job(0)).await.unwrap();
        let report = bus.shutdown(HOUR).await;
        let (stats, letters) = (group(&bus, "group"), bus.dead_letters().list().await.unwrap());
        if policy == Unhandled::Ignore {
            assert_eq!((stats.created, letters.len(), report.returned().len()), (1, 0, 1));
        } else {
            assert_eq!((stats.ignored, stats.dead_lettered, letters[0].attempts), (0, 1, 1));
            assert_eq!(letters[0].error.to_string(), "unknown event type `other`");
        }
        assert_eq!(stats.handled, 1);
        assert_balanced(&bus.stats());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_of_all_letters_ends_though_each_fails_again() {
    let bus = Bus::builder().on_failure(|_| {}).build();
    let failing = bus.consumer("bad").handle::<Job>(|_, _| async { Err("always") });
    failing.retry(Retry::never()).start().await.unwrap();
    for id in 0..600 {
        bus.publish(Job(id)).await.unwrap();
    }
    bus.drained(HOUR).await.unwrap();
    let (of, mut seen) = (bus.clone(), 0);
    let all = |_: &eventbus::dead_letter::DeadLetter| {
        seen += 1;
        // What has been replayed before fails again first, on another thread.
        while of.stats().deliveries().in_flight > 0 {
            std::thread::yield_now();
        }
        assert!(seen <= 600, "it is asked about letters that failed since");
        true
    };
    assert_eq!(bus.dead_letters().replay_where(all).await.unwrap(), 600);
    bus.drained(HOUR).await.unwrap();
    assert_eq!(bus.dead_letters().list().await.unwrap().len(), 600);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_is_discarded_makes_room_for_its_bytes_and_no_more() {
    let bus = Bus::builder().max_dead_letter_bytes(3 * size_of::<Job>()).on_failure(|_| {}).build();
    let handler = |_: Arc<Job>, _| async { Err::<(), _>("no") };
    bus.consumer("group").handle::<Job>(handler).retry(Retry::never()).start().await.unwrap();
    for id in 0..3 {
        bus.publish(Job(id)).await.unwrap();
    }
    yield_a_lot().await;
    for letter in &bus.dead_letters().in_memory()[..2] {
        bus.dead_letters().discard(&letter.id).await.unwrap();
    }
    for (id, evicted) in [(3, 0), (4, 0), (5, 1)] {
        bus.publish(Job(id)).await.unwrap();
        yield_a_lot().await;
        assert_eq!(bus.stats().dead_letters_evicted, evicted);
    }
    assert_eq!(bus.dead_letters().in_memory().len(), 3);
}
