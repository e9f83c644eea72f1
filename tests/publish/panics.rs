//! Foreign code that panics, wherever it runs, ends its own attempt and nothing else.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use eventbus::{
    Bus, Delivery, Event, Overflow, Retry, consumer::AttemptError, publish::TryPublishError, transport::Memory,
};

use crate::support::{HOUR, Job, assert_balanced, group, hush, poll_once, unread, yield_a_lot};

/// Panics in its drop.
#[derive(Event)]
struct Bomb(u64);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(self.0 == 0, "boom in the drop of an event");
    }
}

/// A future that panics when it is polled for the second time, or when it is dropped.
struct Fuse {
    polls: u32,
    in_poll: bool,
    in_drop: bool,
}

impl Future for Fuse {
    type Output = Result<(), &'static str>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.polls += 1;
        assert!(!(self.in_poll && self.polls == 2), "boom in a poll");
        if self.polls < 3 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        assert!(!self.in_drop, "boom in the drop of a future");
    }
}

/// An error that panics when it is asked what it is, and in its drop.
#[derive(Debug)]
struct Mute;

impl fmt::Display for Mute {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("boom in what an error says")
    }
}

impl std::error::Error for Mute {}

#[derive(Debug)]
struct Touchy;

impl fmt::Display for Touchy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("touchy")
    }
}

impl std::error::Error for Touchy {}

impl Drop for Touchy {
    fn drop(&mut self) {
        panic!("boom in the drop of an error")
    }
}

/// What the only worker does next shows that it lives.
async fn lives(bus: &Bus) {
    let before = group(bus, "group").handled;
    bus.publish(Job(u64::MAX)).await.unwrap();
    yield_a_lot().await;
    assert_eq!(group(bus, "group").handled, before + 1, "the worker is gone");
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_panic_before_its_future_in_a_poll_and_in_its_drop() {
    hush();
    let bus = Bus::new();
    let handler = |e: Arc<Job>, _| {
        assert!(e.0 != 0, "boom before the future");
        Fuse { polls: 0, in_poll: e.0 == 1, in_drop: e.0 == 2 }
    };
    bus.consumer("group").handle::<Job>(handler).retry(Retry::never()).start().await.unwrap();
    for id in 0..3 {
        bus.publish(Job(id)).await.unwrap();
    }
    yield_a_lot().await;
    lives(&bus).await;
    let errors: Vec<_> =
        bus.dead_letters().list().await.unwrap().iter().map(|letter| letter.error.to_string()).collect();
    let places = ["before the future", "in a poll", "in the drop of a future"];
    assert_eq!(errors, places.map(|place| format!("panicked: boom {place}")));
}

#[tokio::test(start_paused = true)]
async fn a_future_that_is_stopped_may_panic_in_its_drop() {
    hush();
    let bus = Bus::new();
    let handler = |e: Arc<Job>, _| async move {
        let _fuse = Fuse { polls: 0, in_poll: false, in_drop: e.0 < 2 };
        if e.0 < 2 {
            std::future::pending::<()>().await;
        }
    };
    let builder = bus.consumer("group").handle::<Job>(handler).retry(Retry::never());
    let consumer = builder.timeout(Duration::from_secs(1)).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    yield_a_lot().await;
    tokio::time::advance(Duration::from_secs(1)).await;
    yield_a_lot().await;
    assert!(matches!(bus.dead_letters().list().await.unwrap()[0].error, AttemptError::TimedOut(_)));
    lives(&bus).await;
    bus.publish(Job(1)).await.unwrap();
    yield_a_lot().await;
    let report = consumer.stop(Duration::ZERO).await;
    assert_eq!((report.cancelled.len(), report.returned), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_key_function_that_panics_tells_no_key() {
    hush();
    let bus = Bus::new();
    let key = |e: &Job| {
        assert!(e.0 > 0, "boom in a key");
        e.0
    };
    bus.consumer("group").handle::<Job>(|_, _| async {}).key::<Job>(key).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    yield_a_lot().await;
    assert_eq!(group(&bus, "group").handled, 1);
    lives(&bus).await;
}

#[tokio::test(start_paused = true)]
async fn an_error_may_panic_when_it_is_asked_what_it_is_and_in_its_drop() {
    hush();
    let bus = Bus::builder().max_dead_letters(1).build();
    let handler = |e: Arc<Job>, _| async move {
        match e.0 {
            0 => Err(Box::<dyn std::error::Error + Send + Sync>::from(Mute)),
            1 => Err(Touchy.into()),
            _ => Ok(()),
        }
    };
    let retry = Retry::fixed(Duration::from_millis(1)).max_attempts(3);
    bus.consumer("group").handle::<Job>(handler).retry(retry).start().await.unwrap();
    for id in [0, 1, 0] {
        bus.publish(Job(id)).await.unwrap();
        for _ in 0..3 {
            yield_a_lot().await;
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        lives(&bus).await;
    }
    let stats = group(&bus, "group");
    assert_eq!((stats.retried, stats.dead_lettered, bus.stats().dead_letters_evicted), (6, 3, 2));
}

#[tokio::test(start_paused = true)]
async fn an_event_may_panic_in_its_drop_when_it_has_been_handled_or_is_a_dead_letter() {
    hush();
    let bus = Bus::builder().max_dead_letters(1).build();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let handler = move |e: Arc<Bomb>, _: Delivery| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move { if e.0.is_multiple_of(2) { Err("even") } else { Ok(()) } }
    };
    let builder = bus.consumer("group").handle::<Bomb>(handler).handle::<Job>(|_, _| async {});
    builder.retry(Retry::never()).start().await.unwrap();
    for id in 1..=9 {
        bus.publish(Bomb(id)).await.unwrap();
        yield_a_lot().await;
        lives(&bus).await;
    }
    assert_eq!(count.load(Ordering::SeqCst), 9);
    let stats = group(&bus, "group");
    assert_eq!((stats.handled, stats.dead_lettered), (9 + 5, 4));
    assert_eq!((bus.dead_letters().in_memory().len(), bus.stats().dead_letters_evicted), (1, 3));
    // The last one is not let go: this test would panic with it.
    let letters = bus.dead_letters().list().await.unwrap();
    bus.dead_letters().discard(&letters[0].id).await.unwrap();
    std::mem::forget(letters);
}

#[tokio::test]
async fn an_event_may_panic_in_its_drop_when_a_policy_drops_it() {
    hush();
    for policy in [Overflow::DropOldest, Overflow::DropNewest] {
        let bus = Bus::builder().transport(unread(Memory::new().capacity(1).overflow(policy))).build();
        for id in 1..=4 {
            bus.try_publish(Bomb(id)).unwrap();
            bus.publish(Bomb(id)).await.unwrap();
        }
        assert_eq!(bus.stats().published.accepted, 8);
        std::mem::forget(bus.shutdown(HOUR).await);
        std::mem::forget(bus);
    }
}

#[tokio::test]
async fn an_event_may_panic_in_its_drop_when_its_publish_is_given_up() {
    hush();
    let bus = Bus::builder().transport(unread(Memory::new().capacity(1))).build();
    bus.try_publish(Bomb(0)).unwrap();
    let mut waits = bus.publish(Bomb(1));
    assert!(poll_once(&mut waits).is_pending());
    drop(waits);
    drop(bus.publish(Bomb(2)));
    let mut all = bus.publish_all((3..6).map(Bomb));
    assert!(poll_once(&mut all).is_pending());
    drop(all);
    let Err(TryPublishError::Full(back)) = bus.try_publish(Bomb(6)) else { panic!("it is full") };
    std::mem::forget(back);
    assert!(bus.stats().published.is_balanced());
}

#[tokio::test(start_paused = true)]
async fn a_retry_predicate_that_panics_says_no() {
    hush();
    let bus = Bus::new();
    let handler = |e: Arc<Job>, _| async move { if e.0 == 0 { Err("no") } else { Ok(()) } };
    let retry = Retry::fixed(Duration::ZERO).when(|_| panic!("boom in a predicate"));
    bus.consumer("group").handle::<Job>(handler).retry(retry).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    yield_a_lot().await;
    lives(&bus).await;
    let letters = bus.dead_letters().list().await.unwrap();
    assert_eq!((letters.len(), letters[0].attempts, letters[0].error.to_string()), (1, 1, "no".into()));
}

#[tokio::test(start_paused = true)]
async fn an_event_may_panic_in_its_drop_while_its_consumer_stops_and_the_bus_shuts_down() {
    hush();
    let bus = Bus::new();
    let handler = |e: Arc<Bomb>, _: Delivery| async move {
        if e.0 == 1 {
            std::future::pending::<()>().await;
        }
        Err::<(), _>("later")
    };
    let builder = bus.consumer("group").handle::<Bomb>(handler).workers(2).retry(Retry::fixed(HOUR));
    let consumer = builder.start().await.unwrap();
    for id in 1..=5 {
        bus.publish(Bomb(id)).await.unwrap();
    }
    yield_a_lot().await;
    let stopped = consumer.stop(Duration::from_secs(1)).await;
    assert_eq!((stopped.cancelled.len(), stopped.returned), (1, 5));
    // The next consumer handles two of them, and does not get to the others.
    let handler = |e: Arc<Bomb>, _: Delivery| async move {
        if e.0 > 2 {
            std::future::pending::<()>().await;
        }
    };
    bus.consumer("group").handle::<Bomb>(handler).start().await.unwrap();
    let report = bus.shutdown(Duration::from_secs(1)).await;
    assert_eq!((report.stats().deliveries().handled, report.returned().len()), (2, 3));
    assert_balanced(report.stats());
    // Whoever lets go of the report lets go of the events, and of their panics.
    std::mem::forget(report);
    std::mem::forget(bus);
}

/// Reads as anything, and panics in its drop.
#[derive(Event)]
#[event(name = "fuse.lit", serde)]
struct Lit;

impl<'de> serde::Deserialize<'de> for Lit {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(from).map(|_| Self)
    }
}

impl serde::Serialize for Lit {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_unit()
    }
}

impl Drop for Lit {
    fn drop(&mut self) {
        panic!("boom in the drop of an event that was read");
    }
}

#[test]
fn an_event_by_name_that_is_not_published_may_panic_in_its_drop() {
    hush();
    let bus = Bus::new();
    bus.declare::<Lit>().unwrap();
    drop(bus.publish_json("fuse.lit", "1").unwrap());
    let published = bus.stats().published;
    assert_eq!((published.offered, published.accepted), (0, 0));
}
