//! What happens when a stream is full.

use std::{sync::Arc, task::Poll};

use eventbus::{Bus, Outcome, Overflow, stream::NoEvent};
use futures_util::StreamExt;

use crate::{Tick, buffered, poll};

#[test]
fn the_oldest_make_room_and_the_next_item_says_exactly_how_many_are_missing() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>().capacity(3);
    for tick in 1..=10 {
        assert!(bus.emit(Tick(tick)).blocking().is_ok());
    }
    assert_eq!(buffered(&mut ticks), [Err(7), Ok(8), Ok(9), Ok(10)]);

    bus.emit(Tick(11)).blocking();
    assert_eq!(buffered(&mut ticks), [Ok(11)], "what was missed is told once");
}

#[test]
fn events_that_are_missed_between_reads_are_told_where_they_are_missing() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>().capacity(2);
    for tick in 1..=3 {
        bus.emit(Tick(tick)).blocking();
    }
    assert_eq!(
        ticks.try_recv().unwrap_err().to_string(),
        "the stream was read too slowly; events missed here: 1; \
        read faster, or give it more `capacity`, or `.overflow(Overflow::Wait)`"
    );
    bus.emit(Tick(4)).blocking(); // 2 makes room
    assert_eq!(buffered(&mut ticks), [Err(1), Ok(3), Ok(4)]);
}

#[test]
fn a_stream_holds_1024_events_unless_stated_and_one_at_least() {
    let bus = Bus::new();
    let (mut stated, mut unstated) = (bus.stream::<Tick>().capacity(0), bus.stream::<Tick>());
    for tick in 1..=1025 {
        bus.emit(Tick(tick)).blocking();
    }
    assert_eq!(buffered(&mut stated), [Err(1024), Ok(1025)]);
    let items = buffered(&mut unstated);
    assert_eq!((items.len(), items[0], items[1]), (1025, Err(1), Ok(2)));
}

#[test]
fn a_capacity_that_shrinks_counts_what_has_to_make_room() {
    let bus = Bus::new();
    let ticks = bus.stream::<Tick>();
    for tick in 1..=5 {
        bus.emit(Tick(tick)).blocking();
    }
    assert_eq!(buffered(&mut ticks.capacity(2)), [Err(3), Ok(4), Ok(5)]);
}

#[test]
fn the_emission_to_a_full_stream_that_waits_waits_for_its_reader() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>().capacity(1).overflow(Overflow::Wait);
    assert!(poll(&mut bus.emit(Tick(1))).is_ready());
    let (mut second, mut third) = (bus.emit(Tick(2)), bus.emit(Tick(3)));
    assert!(poll(&mut second).is_pending());
    assert!(poll(&mut third).is_pending());

    assert_eq!(ticks.try_recv().unwrap().0, 1);
    assert!(poll(&mut third).is_pending(), "the second one came before");
    let Poll::Ready(report) = poll(&mut second) else { panic!("there was room") };
    assert!(report.is_ok());
    assert_eq!(buffered(&mut ticks), [Ok(2), Ok(3)]);
    assert!(poll(&mut third).is_ready());
}

#[test]
fn an_emission_that_is_dropped_while_it_waits_takes_its_event_back() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>().capacity(1).overflow(Overflow::Wait);
    let shared = Arc::new(Tick(2));
    let (mut first, mut second, mut third) = (bus.emit(Tick(1)), bus.emit(Arc::clone(&shared)), bus.emit(Tick(3)));
    assert!(poll(&mut first).is_ready());
    assert!(poll(&mut second).is_pending());
    assert!(poll(&mut third).is_pending());
    drop(second);
    assert_eq!(Arc::strong_count(&shared), 1);
    assert_eq!(buffered(&mut ticks), [Ok(1), Ok(3)]);
    assert!(poll(&mut third).is_ready());
}

#[tokio::test(start_paused = true)]
async fn how_long_an_emission_waits_the_listeners_timeout_says() {
    let bus = Bus::new();
    let mut ticks =
        bus.listener::<Tick>().timeout(std::time::Duration::from_secs(1)).stream().capacity(1).overflow(Overflow::Wait);
    bus.emit(Tick(1)).await;
    let report = bus.emit(Tick(2)).await;
    assert!(matches!(report.failures()[0].outcome(), Outcome::TimedOut), "{report}");
    assert_eq!(buffered(&mut ticks), [Ok(1)]);
    assert_eq!(ticks.try_recv().unwrap_err(), NoEvent::Empty);
}

#[test]
fn more_capacity_lets_in_what_waits() {
    let bus = Bus::new();
    let ticks = bus.stream::<Tick>().capacity(1).overflow(Overflow::Wait);
    assert!(poll(&mut bus.emit(Tick(1))).is_ready());
    let (mut second, mut third) = (bus.emit(Tick(2)), bus.emit(Tick(3)));
    assert!(poll(&mut second).is_pending() && poll(&mut third).is_pending());
    let mut ticks = ticks.capacity(2);
    assert!(poll(&mut second).is_ready());
    assert!(poll(&mut third).is_pending());
    assert_eq!(buffered(&mut ticks), [Ok(1), Ok(2), Ok(3)]);
}

#[tokio::test]
async fn a_fast_emitter_goes_at_the_pace_of_a_reader_that_it_waits_for() {
    let bus = Bus::new();
    let ticks = bus.stream::<Tick>().capacity(4).overflow(Overflow::Wait);
    let emitter = tokio::spawn(async move {
        for tick in 0..1000 {
            assert!(bus.emit(Tick(tick)).await.is_ok());
        }
    });
    let read: Vec<_> = ticks.map(|tick| tick.unwrap().0).collect().await;
    assert_eq!(read, (0..1000).collect::<Vec<_>>());
    emitter.await.unwrap();
}

#[tokio::test]
async fn a_stream_that_drops_the_newest_says_where_they_are_missing() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>().capacity(2).overflow(Overflow::DropNewest);
    for tick in 0..5 {
        assert!(bus.emit(Tick(tick)).await.is_ok());
    }
    assert_eq!((ticks.recv().await.unwrap().unwrap().0, ticks.recv().await.unwrap().unwrap().0), (0, 1));
    assert_eq!(ticks.recv().await.unwrap().unwrap_err().missed, 3);
    bus.emit(Tick(5)).await;
    assert_eq!(ticks.try_recv().unwrap().0, 5);
    drop(bus);
    assert!(ticks.recv().await.is_none());
}

#[tokio::test]
async fn a_stream_that_fails_tells_it_in_the_report() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>().capacity(1).overflow(Overflow::Fail);
    assert!(bus.emit(Tick(0)).await.is_ok());
    let error = bus.emit(Tick(1)).await.into_result().unwrap_err().to_string();
    assert!(error.contains("listener `stream`") && error.contains("the stream is full; read faster"), "{error}");
    assert_eq!(ticks.recv().await.unwrap().unwrap().0, 0);
}

#[test]
fn what_is_missing_before_and_behind_an_event_that_makes_room_is_told_at_once() {
    let bus = Bus::new();
    let ticks = bus.stream::<Tick>().capacity(2).overflow(Overflow::DropNewest);
    for tick in 1..=4 {
        bus.emit(Tick(tick)).blocking();
    }
    let mut ticks = ticks.overflow(Overflow::DropOldest).capacity(1);
    bus.emit(Tick(5)).blocking();
    assert_eq!(buffered(&mut ticks), [Err(4), Ok(5)]);
}
