//! Older versions of an event, read as the newest: in memory, and of bytes that are kept in files here as they were once written.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use eventbus::{
    Bus, Delivery, Event, Retry,
    consumer::{AttemptError, ConsumerError, UpcastError},
};
use serde::{Deserialize, Serialize};

use super::transport::Wire;
use crate::support::{HOUR, Job, Log, assert_balanced, group, hush, yield_a_lot};

#[derive(Event, Serialize, Deserialize)]
#[event(name = "person.named", serde)]
struct Named {
    name: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "person.named", version = 2, serde)]
struct Named2 {
    first: String,
    last: String,
}

#[derive(Event, Serialize, Deserialize, Debug)]
#[event(name = "person.named", version = 3, serde)]
struct Named3 {
    first: String,
    last: String,
    titles: Vec<String>,
}

const GOLDEN: [(&str, &str); 3] = [
    ("person.named", include_str!("golden/person.named.json")),
    ("person.named.v2", include_str!("golden/person.named.v2.json")),
    ("person.named.v3", include_str!("golden/person.named.v3.json")),
];

fn ada() -> Named {
    Named { name: "Ada Lovelace".into() }
}

fn first_step(old: &Named) -> Named2 {
    let (first, last) = old.name.split_once(' ').expect("two words");
    Named2 { first: first.into(), last: last.into() }
}

fn second_step(old: &Named2) -> Named3 {
    Named3 { first: old.first.clone(), last: old.last.clone(), titles: Vec::new() }
}

fn with_both_steps(bus: &Bus) {
    bus.upcast(second_step).unwrap();
    bus.upcast(first_step).unwrap();
}

/// A consumer of the newest version, and what it has seen: the version that was published, and the event.
async fn newest(bus: &Bus) -> Log<(u32, String)> {
    let log = Log::default();
    let seen = log.clone();
    let handler = move |e: Arc<Named3>, delivery: Delivery| {
        seen.add((delivery.message().version(), format!("{}|{}|{}", e.first, e.last, e.titles.join(","))));
        async {}
    };
    bus.consumer("group").handle(handler).retry(Retry::never()).start().await.unwrap();
    log
}

#[tokio::test(start_paused = true)]
async fn a_group_that_handles_the_newest_version_gets_the_older_ones_through_all_steps() {
    let bus = Bus::new();
    with_both_steps(&bus);
    let log = newest(&bus).await;
    bus.publish(ada()).await.unwrap();
    bus.publish(first_step(&ada())).await.unwrap();
    bus.publish(second_step(&first_step(&ada()))).await.unwrap();
    bus.drained(HOUR).await.unwrap();
    assert_eq!(log.take(), [1, 2, 3].map(|version| (version, "Ada|Lovelace|".to_owned())));
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn what_was_once_written_of_any_version_is_still_read() {
    let wire = Wire::new(false);
    let bus = Bus::builder().transport(wire.clone()).build();
    with_both_steps(&bus);
    let log = newest(&bus).await;
    for (name, data) in GOLDEN {
        wire.write(&[("type", name)], data);
    }
    yield_a_lot().await;
    let expected = [(1, "Ada|Lovelace|"), (2, "Ada|Lovelace|"), (3, "Ada|Lovelace|Countess")];
    assert_eq!(log.take(), expected.map(|(version, text)| (version, text.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn what_is_written_today_is_what_the_files_hold() {
    let wire = Wire::new(false);
    let bus = Bus::builder().transport(wire.clone()).build();
    let two = first_step(&ada());
    let three = Named3 { titles: vec!["Countess".into()], ..second_step(&two) };
    bus.publish(ada()).await.unwrap();
    bus.publish(two).await.unwrap();
    bus.publish(three).await.unwrap();
    let written = wire.state().written.clone();
    let written: Vec<_> =
        written.iter().map(|one| (one.attribute("type").unwrap(), str::from_utf8(&one.data).unwrap())).collect();
    assert_eq!(written, GOLDEN);
}

#[tokio::test(start_paused = true)]
async fn a_handler_for_the_older_version_keeps_it() {
    let (bus, log) = (Bus::new(), Log::default());
    with_both_steps(&bus);
    let (first, third) = (log.clone(), log.clone());
    let consumer = bus.consumer("group").handle::<Named>(move |_, _| {
        first.add(1);
        async {}
    });
    let consumer = consumer.handle::<Named3>(move |_, _| {
        third.add(3);
        async {}
    });
    consumer.start().await.unwrap();
    bus.publish(ada()).await.unwrap();
    bus.publish(first_step(&ada())).await.unwrap();
    bus.drained(HOUR).await.unwrap();
    assert_eq!(log.take(), [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn keys_and_batches_are_of_the_newest_version() {
    let (bus, log) = (Bus::new(), Log::default());
    with_both_steps(&bus);
    let (keyed, seen) = (Arc::new(AtomicUsize::new(0)), log.clone());
    let asked = Arc::clone(&keyed);
    let consumer = bus.consumer("group").key::<Named3>(move |e| {
        asked.fetch_add(1, Ordering::SeqCst);
        e.last.clone()
    });
    let consumer = consumer.handle_batch::<Named3>(8, Duration::ZERO, move |batch| {
        batch.iter().for_each(|one| seen.add(one.last.clone()));
        async {}
    });
    consumer.start().await.unwrap();
    bus.publish(ada()).await.unwrap();
    bus.publish(first_step(&ada())).await.unwrap();
    bus.drained(HOUR).await.unwrap();
    assert_eq!((log.take(), keyed.load(Ordering::SeqCst)), (vec!["Lovelace".into(), "Lovelace".to_owned()], 2));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_panics_is_a_failed_attempt_and_its_dead_letter_is_what_was_published() {
    hush();
    for wire in [None, Some(Wire::new(false))] {
        let builder = Bus::builder().on_failure(|_| {});
        let bus = match wire {
            Some(wire) => builder.transport(wire).build(),
            None => builder.build(),
        };
        with_both_steps(&bus);
        let log = newest(&bus).await;
        bus.publish(Named { name: "Voltaire".into() }).await.unwrap();
        yield_a_lot().await;
        let letters = bus.dead_letters().list().await.unwrap();
        let [letter] = &letters[..] else { panic!("{letters:?}") };
        assert!(matches!(letter.error, AttemptError::Panicked(_)), "{letter}");
        assert_eq!((letter.message.name(), letter.message.version()), ("person.named", 1));
        assert_eq!((log.take(), group(&bus, "group").dead_lettered), (vec![], 1));
    }
}

#[tokio::test]
async fn a_second_way_and_a_way_back_are_refused_and_say_why() {
    let bus = Bus::new();
    with_both_steps(&bus);
    let taken = bus.upcast(|old: &Named| Named3 { first: old.name.clone(), last: String::new(), titles: vec![] });
    let taken = taken.unwrap_err();
    assert!(matches!(taken, UpcastError::Taken { .. }));
    let text = taken.to_string();
    assert!(
        text.starts_with("`person.named` is read as `person.named.v2` already (") && text.contains(file!()),
        "{text}"
    );

    let back = bus.upcast(|new: &Named3| Named { name: new.first.clone() }).unwrap_err();
    let expected = "`person.named.v3` cannot be read as `person.named`: that is read as `person.named.v3` in turn";
    assert_eq!(back.to_string(), expected);
    let itself = bus.upcast(|same: &Job| Job(same.0)).unwrap_err();
    assert!(matches!(itself, UpcastError::Circle { .. }), "{itself}");
}

#[derive(Event)]
#[event(name = "person.named", version = 2)]
struct Unread2;

#[tokio::test]
async fn a_version_that_cannot_be_read_from_bytes_is_refused_when_it_is_wired() {
    let bus = Bus::builder().transport(Wire::new(false)).build();
    bus.upcast(|_: &Unread2| second_step(&first_step(&ada()))).unwrap();
    let refused = bus.consumer("group").handle::<Named3>(|_, _| async {}).start().await;
    assert!(matches!(refused, Err(ConsumerError::NoCodec { event, .. }) if event.version() == 2));
}
