//! What a stream gets, in what order, and how it is read.

use std::{panic::Location, sync::Arc, time::Duration};

use eventbus::{
    Bus, Event, EventStream, Outcome,
    by_name::{PatternError, PatternErrorKind},
    emit::NotRun,
    listener::ListenerKind,
    stream::{Lagged, NoEvent},
};
use futures_util::{Stream as _, TryStreamExt};

use crate::{Tick, Tock, buffered};

#[test]
fn a_stream_has_what_is_emitted_from_the_moment_it_is_made() {
    let bus = Bus::new();
    bus.emit(Tick(1)).blocking();
    let mut ticks = bus.stream::<Tick>();
    bus.emit(Tick(2)).blocking();
    bus.emit(Tock).blocking();
    assert_eq!(buffered(&mut ticks), [Ok(2)]);
}

#[test]
fn a_stream_shares_what_is_emitted_by_value_and_what_is_shared_already() {
    let bus = Bus::new();
    let (mut one, mut other) = (bus.stream::<Tick>(), bus.stream::<Tick>());
    bus.emit(Tick(1)).blocking();
    assert!(Arc::ptr_eq(&one.try_recv().unwrap(), &other.try_recv().unwrap()));
    let shared = Arc::new(Tick(2));
    bus.emit(Arc::clone(&shared)).blocking();
    assert!(Arc::ptr_eq(&one.try_recv().unwrap(), &shared));
}

#[tokio::test]
async fn emissions_of_one_thread_are_in_the_stream_in_their_order_however_they_are_finished() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>();
    bus.emit(Tick(1)).await;
    bus.emit(Tick(2)).timeout(Duration::from_mins(1)).await;
    bus.emitter::<Tick>().emit(Tick(3)).await;
    bus.emit(Tick(4)).spawn().await;
    assert_eq!(buffered(&mut ticks), [Ok(1), Ok(2), Ok(3), Ok(4)]);
}

#[tokio::test]
async fn stream_ext_and_try_stream_ext_read_it() -> Result<(), Lagged> {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>();
    for tick in 1..=5 {
        bus.emit(Tick(tick)).await;
    }
    drop(bus);
    assert_eq!(ticks.next().await.unwrap()?.0, 1);
    assert_eq!(ticks.try_next().await?.unwrap().0, 2); // TryStreamExt's
    let rest: Vec<_> = ticks.map_ok(|tick| tick.0).try_collect().await?;
    assert_eq!(rest, [3, 4, 5]);
    Ok(())
}

#[test]
fn try_recv_tells_an_event_none_yet_missing_ones_and_the_end_apart() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>().capacity(1);
    assert_eq!(ticks.try_recv().unwrap_err(), NoEvent::Empty);
    bus.emit(Tick(1)).blocking();
    assert_eq!(ticks.try_recv().unwrap().0, 1);
    bus.emit(Tick(2)).blocking();
    bus.emit(Tick(3)).blocking();
    let NoEvent::Lagged(lagged) = ticks.try_recv().unwrap_err() else { panic!("one is missing") };
    assert_eq!(lagged.missed, 1);
    assert_eq!(ticks.try_recv().unwrap().0, 3);
    drop(bus);
    assert_eq!(ticks.try_recv().unwrap_err(), NoEvent::Ended);
    assert_eq!(ticks.try_recv().unwrap_err(), NoEvent::Ended);
}

#[test]
fn a_stream_by_name_has_all_events_whose_names_match() -> Result<(), PatternError> {
    #[derive(Event)]
    #[event(name = "order.placed")]
    struct Placed(u64);
    #[derive(Event)]
    #[event(name = "order.item.added", version = 2)]
    struct Added;

    let bus = Bus::new();
    let names = |stream: &mut EventStream<_>| {
        std::iter::from_fn(|| stream.try_recv().ok())
            .map(|e: eventbus::AnyEvent<'_>| format!("{} v{}", e.name(), e.version()))
            .collect::<Vec<_>>()
    };
    let (mut one, mut any) = (bus.stream_pattern("order.*")?, bus.stream_pattern("order.**")?);
    bus.emit(Placed(7)).blocking();
    bus.emit(Added).blocking();
    bus.emit(Tick(1)).blocking();
    bus.emit_name("order.gone", 5_u8).unwrap().blocking();
    assert_eq!(names(&mut one), ["order.placed v1", "order.gone v1"]);
    assert_eq!(names(&mut any), ["order.placed v1", "order.item.added v2", "order.gone v1"]);

    bus.emit(Placed(8)).blocking();
    assert_eq!(one.try_recv().unwrap().downcast_ref::<Placed>().unwrap().0, 8);
    let error = bus.stream_pattern("order_*").unwrap_err();
    assert_eq!(error.kind(), PatternErrorKind::PartialWildcard);
    Ok(())
}

#[test]
fn the_listener_of_a_stream_shows_with_its_name_and_place() {
    let bus = Bus::new();
    let line = Location::caller().line() + 1;
    let ticks = bus.stream::<Tick>();
    let orders = bus.stream_pattern("order.*").unwrap();
    let own = bus.listener::<Tick>().named("own").stream();

    let listeners = bus.listener_infos();
    let shown: Vec<_> = listeners.iter().map(|info| (info.name(), info.location().line(), info.kind())).collect();
    let expected = [("stream", line), ("own", line + 2), ("stream", line + 1)];
    assert_eq!(shown, expected.map(|(name, line)| (Some(name), line, ListenerKind::Async)));
    assert!(listeners.iter().all(|info| info.location().file() == file!()));
    assert_eq!(ticks.info().id(), listeners[0].id());
    assert_eq!((own.info().id(), orders.info().id()), (listeners[1].id(), listeners[2].id()));
}

#[test]
fn a_listener_with_options_can_be_a_stream() {
    let bus = Bus::new();
    let mut even = bus.listener::<Tick>().filter(|tick| tick.0 % 2 == 0).stream();
    let mut first = bus.listener::<Tick>().once().stream();
    for tick in 1..=4 {
        bus.emit(Tick(tick)).blocking();
    }
    assert_eq!(buffered(&mut even), [Ok(2), Ok(4)]);
    assert_eq!(buffered(&mut first), [Ok(1)]);
    assert_eq!(first.try_recv().unwrap_err(), NoEvent::Ended, "it was on once");
}

#[tokio::test]
async fn where_async_listeners_are_refused_the_report_says_that_the_stream_did_not_get_the_event() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>();
    let report = bus.emit(Tick(1)).blocking();
    let [failure] = report.failures() else { panic!("{report}") };
    assert_eq!(failure.listener().name(), Some("stream"));
    assert!(matches!(failure.outcome(), Outcome::NotRun(NotRun::InsideAsyncTask)), "{report}");
    assert_eq!(ticks.try_recv().unwrap_err(), NoEvent::Empty);
}

#[test]
fn streams_can_move_to_other_threads() {
    fn is_send<T: Send>(_: &T) {}
    let bus = Bus::new();
    is_send(&bus.stream::<Tick>());
    is_send(&bus.stream_pattern("**").unwrap());
    is_send(&bus.next::<Tick>());
}

#[test]
fn the_size_hint_counts_what_is_buffered_and_names_no_end() {
    let bus = Bus::new();
    let stream = bus.stream::<Tick>();
    for (count, expected) in [(0, 0), (1, 1), (2, 3)] {
        for id in 0..count {
            bus.emit(Tick(id)).blocking();
        }
        assert_eq!(stream.size_hint(), (expected, None));
    }
}
