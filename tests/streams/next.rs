//! The next event.

use std::{task::Poll, time::Duration};

use eventbus::Bus;
use futures_util::future::FusedFuture;

use crate::{Tick, poll};

#[test]
fn next_listens_from_the_call_on_and_not_from_its_first_poll() {
    let bus = Bus::new();
    bus.emit(Tick(1)).blocking();
    let mut next = bus.next::<Tick>();
    bus.emit(Tick(2)).blocking();
    bus.emit(Tick(3)).blocking();
    let Poll::Ready(Some(tick)) = poll(&mut next) else { panic!("it has been emitted") };
    assert_eq!(tick.0, 2);
    assert!(next.is_terminated());
    assert_eq!(bus.listener_count::<Tick>(), 0, "it listens once");
}

#[test]
fn next_keeps_its_event_when_it_is_polled_and_left() {
    let bus = Bus::new();
    let mut next = bus.next::<Tick>();
    assert!(poll(&mut next).is_pending());
    bus.emit(Tick(1)).blocking();
    assert!(matches!(poll(&mut next), Poll::Ready(Some(_))));
}

#[tokio::test]
async fn next_ends_with_none_when_the_bus_shuts_down_or_goes_away() {
    let bus = Bus::new();
    let next = tokio::spawn(bus.next::<Tick>());
    tokio::task::yield_now().await;
    bus.shutdown(Duration::from_secs(5)).await;
    assert!(next.await.unwrap().is_none());

    let bus = Bus::new();
    let next = bus.next::<Tick>();
    drop(bus);
    assert!(next.await.is_none());
}

#[test]
fn next_that_is_dropped_takes_its_listener_off() {
    let bus = Bus::new();
    let next = bus.next::<Tick>();
    assert_eq!(bus.listener_infos()[0].name(), Some("next"));
    drop(next);
    assert_eq!(bus.listener_count::<Tick>(), 0);
}

#[tokio::test]
async fn next_in_a_select_that_it_loses_can_go_on() {
    let bus = Bus::new();
    let mut next = bus.next::<Tick>();
    tokio::select! {
        biased;
        _ = &mut next => panic!("nothing was emitted"),
        () = async {} => {}
    }
    bus.emit(Tick(7)).await;
    assert_eq!(next.await.unwrap().0, 7);
}

#[test]
fn a_read_is_terminated_once_its_stream_has_ended() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>();
    assert!(!ticks.recv().is_terminated());
    drop(bus);
    assert!(matches!(poll(&mut ticks.recv()), Poll::Ready(None)));
    assert!(ticks.recv().is_terminated());
}
