//! How streams end, and what of theirs stays behind.

use std::{task::Poll, time::Duration};

use eventbus::{Bus, Overflow, stream::NoEvent};
use futures_util::{FutureExt, StreamExt, stream::FusedStream};

use crate::{Tick, Woken, buffered, poll, poll_next};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_stream_ends_after_the_drain_when_what_is_buffered_has_been_read() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>();
    bus.consumer("intake").to_listeners::<Tick>().start().await.unwrap();
    for tick in 1..=20 {
        bus.publish(Tick(tick)).await.unwrap();
    }
    let report = bus.shutdown(SOON).await;
    assert!(report.is_clean(), "{report}");

    bus.emit(Tick(21)).await; // after the end
    assert_eq!(buffered(&mut ticks), (1..=20).map(Ok).collect::<Vec<_>>());
    assert!(ticks.next().await.is_none());
    assert!(ticks.is_terminated());
    assert_eq!(bus.listener_count::<Tick>(), 0, "its listener has left");
}

#[tokio::test]
async fn a_reader_that_waits_is_woken_by_the_end_of_the_shutdown() {
    let bus = Bus::new();
    let ticks = bus.stream::<Tick>();
    let reader = tokio::spawn(ticks.count());
    tokio::task::yield_now().await;
    bus.shutdown(SOON).await;
    assert_eq!(reader.await.unwrap(), 0);
}

#[test]
fn a_stream_keeps_no_bus_alive_and_ends_with_it() {
    let bus = Bus::new();
    let weak = bus.downgrade();
    let (mut ticks, mut all) = (bus.stream::<Tick>(), bus.stream_pattern("**").unwrap());
    let (woken, waker) = Woken::new();
    assert!(poll_next(&mut ticks, &waker).is_pending());
    bus.emit(Tick(1)).blocking();
    assert!(poll_next(&mut ticks, &waker).is_ready());
    assert!(poll_next(&mut ticks, &waker).is_pending());
    let before = woken.times();
    drop(bus);
    assert!(weak.upgrade().is_none());
    assert!(woken.times() > before, "its reader is woken");
    assert!(matches!(poll_next(&mut ticks, &waker), Poll::Ready(None)));
    assert_eq!(all.try_recv().unwrap().name(), "tick");
    assert_eq!(all.try_recv().unwrap_err(), NoEvent::Ended);
}

#[tokio::test]
async fn a_bus_with_consumers_that_is_dropped_ends_its_streams() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>();
    bus.consumer("intake").to_listeners::<Tick>().start().await.unwrap();
    bus.publish(Tick(1)).await.unwrap();
    assert_eq!(ticks.next().await.unwrap().unwrap().0, 1);
    drop(bus);
    assert!(ticks.next().await.is_none());
}

#[tokio::test]
async fn what_waits_for_room_when_the_shutdown_ends_is_still_read() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>().capacity(1).overflow(Overflow::Wait);
    let mut emissions = [1, 2, 3].map(|tick| bus.emit(Tick(tick)));
    let ready = emissions.each_mut().map(|emission| poll(emission).is_ready());
    assert_eq!(ready, [true, false, false]);
    bus.shutdown(SOON).await;
    assert_eq!(buffered(&mut ticks), [Ok(1), Ok(2), Ok(3)]);
    assert!(ticks.next().await.is_none());
    assert!(emissions[1..].iter_mut().all(|emission| poll(emission).is_ready()));
}

#[test]
fn a_closed_stream_gives_what_it_has_and_ends() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>();
    bus.emit(Tick(1)).blocking();
    ticks.close();
    bus.emit(Tick(2)).blocking();
    assert_eq!(bus.listener_count::<Tick>(), 0);
    assert_eq!(buffered(&mut ticks), [Ok(1)]);
    assert_eq!(ticks.try_recv().unwrap_err(), NoEvent::Ended);
}

#[test]
fn closing_lets_in_what_waits_for_room() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>().capacity(1).overflow(Overflow::Wait);
    assert!(poll(&mut bus.emit(Tick(1))).is_ready());
    let (mut second, mut third) = (bus.emit(Tick(2)), bus.emit(Tick(3)));
    assert!(poll(&mut second).is_pending() && poll(&mut third).is_pending());
    ticks.close();
    assert!(poll(&mut second).is_ready() && poll(&mut third).is_ready());
    assert_eq!(buffered(&mut ticks), [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(ticks.try_recv().unwrap_err(), NoEvent::Ended);
}

#[test]
fn dropping_a_stream_takes_its_listener_off_and_lets_nobody_wait() {
    let bus = Bus::new();
    let (ticks, all) = (bus.stream::<Tick>().capacity(1).overflow(Overflow::Wait), bus.stream_pattern("tick").unwrap());
    assert_eq!(bus.listener_count::<Tick>(), 2);
    assert!(poll(&mut bus.emit(Tick(1))).is_ready());
    let mut second = bus.emit(Tick(2));
    assert!(poll(&mut second).is_pending());
    drop((ticks, all));
    assert!(bus.listener_infos().is_empty());
    let Poll::Ready(report) = poll(&mut second) else { panic!("nobody reads any more") };
    assert!(report.is_ok(), "{report}");
}

#[test]
fn clear_and_the_end_of_its_scope_end_a_stream() {
    let bus = Bus::new();
    let mut cleared = bus.stream::<Tick>();
    bus.emit(Tick(1)).blocking();
    bus.clear();
    assert_eq!(buffered(&mut cleared), [Ok(1)]);
    assert_eq!(cleared.try_recv().unwrap_err(), NoEvent::Ended);

    let scope = bus.scope("dashboard");
    let mut scoped = scope.listener::<Tick>().stream();
    scope.close();
    assert_eq!(scoped.try_recv().unwrap_err(), NoEvent::Ended);
    let mut late = scope.listener::<Tick>().stream();
    assert_eq!(late.try_recv().unwrap_err(), NoEvent::Ended);
}

#[tokio::test]
async fn a_stream_that_is_made_after_the_shutdown_has_ended() {
    let bus = Bus::new();
    bus.shutdown(SOON).await;
    let mut ticks = bus.stream::<Tick>();
    bus.emit(Tick(1)).await;
    assert!(ticks.next().now_or_never().unwrap().is_none());
}

#[tokio::test]
async fn a_stream_of_a_scope_ends_with_it_and_those_of_a_closed_scope_have_ended() {
    let bus = Bus::new();
    let scope = bus.scope("window");
    let (mut typed, mut named) = (scope.stream::<Tick>(), scope.stream_pattern("tick").unwrap());
    let next = scope.next::<Tick>();
    assert_eq!(typed.info().scope(), Some("window"));
    bus.emit(Tick(1)).await;
    assert_eq!(scope.close(), 2, "`next` has had its event");
    assert_eq!(next.await.unwrap().0, 1);
    assert_eq!(typed.next().await.unwrap().unwrap().0, 1);
    assert_eq!(named.recv().await.unwrap().unwrap().name(), "tick");
    assert!(typed.next().await.is_none() && named.next().await.is_none());

    assert!(scope.stream::<Tick>().next().await.is_none());
    assert!(scope.stream_pattern("**").unwrap().next().await.is_none());
    assert!(scope.next::<Tick>().await.is_none());
    assert!(scope.stream_pattern("tick*").is_err());
    assert!(bus.listener_infos().is_empty());
}
