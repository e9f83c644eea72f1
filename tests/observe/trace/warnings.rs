//! Each warning comes once, and none without cause.

use std::{sync::Arc, time::Duration};

use eventbus::{
    Bus, BusBuilder, Delivery, Event, Overflow, Retry, consumer::Unhandled, listener::ListenerKind, transport::Memory,
    warning::Warning,
};

use super::{
    log::{Log, OnDrop},
    support::{Numbered, Ping, Pong},
};
use crate::hush;

const LONG: Duration = Duration::from_hours(1);

fn watched() -> (BusBuilder, Log<Warning>) {
    let log = Log::default();
    let told = log.clone();
    (Bus::builder().on_failure(|_| {}).on_warning(move |warning| told.add(warning.clone())), log)
}

fn texts(log: &Log<Warning>) -> Vec<String> {
    log.take().iter().map(ToString::to_string).collect()
}

#[test]
fn more_than_a_thousand_listeners_on_one_event_are_told_once() {
    let (bus, log) = watched();
    let bus = bus.build();
    for _ in 0..1_000 {
        bus.on::<Ping>(|_| {});
        bus.on::<Pong>(|_| {});
    }
    assert!(log.take().is_empty(), "a thousand are allowed");
    let line = line!() + 2;
    for _ in 0..3 {
        bus.on::<Ping>(|_| {});
    }
    let told = texts(&log);
    let start =
        format!("`ping` has 1001 listeners, the newest from tests/observe/trace/warnings.rs:{line}: switch off");
    assert!(told.len() == 1 && told[0].starts_with(&start), "{told:?}");
}

#[test]
fn listeners_that_leave_are_no_leak() {
    let (bus, log) = watched();
    let bus = bus.warn_many_listeners(5).build();
    for _ in 0..100 {
        bus.on::<Ping>(|_| {}).off();
        bus.on_pattern("ping", |_| {}).unwrap().off();
        let scope = bus.scope("request");
        scope.on::<Ping>(|_| {});
        scope.close();
    }
    assert!(log.take().is_empty());
}

#[test]
fn listeners_by_pattern_are_counted_on_their_own_and_on_the_events_that_they_match() {
    let (bus, log) = watched();
    let bus = bus.warn_many_listeners(2).build();
    for _ in 0..5 {
        bus.on_pattern("nothing.*", |_| {}).unwrap();
    }
    let told = texts(&log);
    assert!(told.len() == 1 && told[0].starts_with("the bus has 3 listeners by pattern, the newest from "), "{told:?}");
    let (bus, log) = watched();
    let bus = bus.warn_many_listeners(2).build();
    for _ in 0..2 {
        bus.on_pattern("ping", |_| {}).unwrap();
    }
    bus.on::<Ping>(|_| {});
    assert!(
        matches!(&log.take()[..], [Warning::ManyListeners { event: Some(event), listeners: 3, .. }] if event == "ping")
    );
}

#[tokio::test]
async fn what_holds_up_a_thread_of_async_tasks_is_told_once_for_each_listener() {
    let (bus, log) = watched();
    // Everything takes longer than no time.
    let bus = bus.warn_slow_listeners(Duration::ZERO).build();
    bus.listener::<Ping>().named("sync").on(|_| {});
    bus.listener::<Ping>().named("async").on_async(|_| async {});
    bus.listener::<Ping>().named("spawned").spawned().on_async(|_| async {});
    bus.listener::<Ping>().named("blocking").on_blocking(|_| {});
    for _ in 0..3 {
        assert!(bus.emit(Ping).await.is_ok());
    }
    let name = |warning: Warning| match warning {
        Warning::SlowListener { event, listener, took, .. } if event == "ping" && !took.is_zero() => {
            listener.name().unwrap().to_owned()
        }
        other => panic!("{other}"),
    };
    let mut names: Vec<_> = log.take().into_iter().map(name).collect();
    names.sort();
    assert_eq!(names, ["async", "spawned", "sync"]);
    bus.consumer("g").handle::<Pong>(|_, _| async {}).start().await.unwrap();
    bus.publish(Pong).await.unwrap();
    bus.publish(Pong).await.unwrap();
    bus.drained(LONG).await.unwrap();
    let [Warning::SlowListener { listener, .. }] = &log.take()[..] else { panic!("one handler") };
    assert_eq!(listener.kind(), ListenerKind::Handler);
}

#[tokio::test]
async fn a_thread_that_waits_anyway_may_be_held_up() {
    let (bus, log) = watched();
    let bus = Arc::new(bus.warn_slow_listeners(Duration::ZERO).build());
    bus.listener::<Ping>().named("sync").on(|_| {});
    bus.listener::<Ping>().named("async").on_async(|_| async {});
    let blocking = Arc::clone(&bus);
    std::thread::spawn(move || assert!(blocking.emit(Ping).blocking().is_ok())).join().unwrap();
    assert!(log.take().is_empty());
    assert!(bus.emit(Ping).spawn().await.is_ok());
    assert_eq!(log.take().len(), 2, "a spawned emission is polled");
}

#[tokio::test]
async fn quick_listeners_are_not_told() {
    let (bus, log) = watched();
    let bus = bus.warn_slow_listeners(LONG).build();
    bus.on::<Ping>(|_| {});
    bus.on_async::<Ping>(|_| tokio::task::yield_now());
    assert!(bus.emit(Ping).await.is_ok());
    assert!(log.take().is_empty());
}

#[tokio::test]
async fn an_event_that_nobody_listens_to_is_told_once_where_somebody_asks() {
    let (bus, log) = watched();
    let bus = bus.warn_unheard().build();
    bus.on::<Pong>(|_| {});
    for _ in 0..3 {
        assert!(bus.emit(Ping).blocking().is_ok());
        assert!(bus.emit(Ping).await.is_ok());
        assert!(bus.emit(Pong).await.is_ok());
        assert!(bus.emit_name("nobody.knows", 1).unwrap().await.is_ok());
    }
    // Another consumer makes the bus look again, and it has been told.
    bus.consumer("g").handle::<Numbered>(|_, _| async {}).start().await.unwrap();
    assert!(bus.emit(Ping).await.is_ok());
    assert_eq!(texts(&log), ["`ping` was emitted and nobody listens (`bus.on(..)`); told once for this event"]);
    assert!(bus.emit(Numbered(1)).await.is_ok());
    assert!(matches!(&log.take()[..], [Warning::EmittedToGroup { .. }]), "that is the better word");
}

#[tokio::test]
async fn an_unheard_event_is_not_told_unless_asked() {
    let (bus, log) = watched();
    let bus = bus.build();
    assert!(bus.emit(Ping).await.is_ok());
    assert!(log.take().is_empty());
}

#[tokio::test]
async fn what_the_bus_emits_itself_needs_no_listener() {
    let (bus, log) = watched();
    let bus = bus.warn_unheard().build();
    let fails = |_, _: Delivery| async { Err("no") };
    let consumer = bus.consumer("g").handle::<Ping>(fails).retry(Retry::never()).unknown(Unhandled::Fail);
    consumer.start().await.unwrap();
    bus.publish(Ping).await.unwrap();
    bus.drained(LONG).await.unwrap();
    bus.settled().await.unwrap();
    assert!(log.take().is_empty());
}

#[derive(Event)]
struct Odd;

#[tokio::test]
async fn a_group_that_only_buries_an_event_does_not_count_as_its_handler() {
    let (bus, log) = watched();
    let bus = bus.build();
    bus.consumer("g").handle::<Ping>(|_, _| async {}).unknown(Unhandled::Fail).start().await.unwrap();
    assert!(bus.emit(Odd).await.is_ok());
    assert!(log.take().is_empty());
}

#[test]
fn a_stream_that_loses_events_is_told_once() {
    let (bus, log) = watched();
    let bus = bus.build();
    let line = line!() + 1;
    let _slow = bus.stream::<Numbered>().capacity(2);
    let _large = bus.stream::<Numbered>();
    let _refuses = bus.stream::<Numbered>().capacity(2).overflow(Overflow::Fail);
    for number in 0..2 {
        assert!(bus.emit(Numbered(number)).blocking().is_ok());
    }
    assert!(log.take().is_empty(), "nothing is lost yet");
    let _ = bus.emit(Numbered(2)).blocking().is_ok();
    let told = texts(&log);
    let start = format!("the stream of listener `stream` (tests/observe/trace/warnings.rs:{line}) was read too slowly");
    assert!(told.len() == 1 && told[0].starts_with(&start), "{told:?}");
    for number in 3..9 {
        let _ = bus.emit(Numbered(number)).blocking().is_ok();
    }
    assert!(log.take().is_empty(), "it is told at the first loss");
    let _newest = bus.stream_pattern("ping").unwrap().capacity(1).overflow(Overflow::DropNewest);
    for _ in 0..3 {
        assert!(bus.emit(Ping).blocking().is_ok());
    }
    assert!(matches!(&log.take()[..], [Warning::StreamLagged { .. }]));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_grows_old_is_told_once_unless_it_is_paused() {
    let (bus, log) = watched();
    let bus = bus.transport(Memory::new()).warn_old_queues(Duration::ZERO).build();
    let (begun, mut wait) = tokio::sync::mpsc::unbounded_channel();
    let never = move |_, _: Delivery| {
        begun.send(()).unwrap();
        std::future::pending::<()>()
    };
    let paused = bus.consumer("paused").handle::<Ping>(|_, _| async {}).start().await.unwrap();
    paused.pause();
    bus.consumer("busy").workers(1).handle::<Ping>(never).start().await.unwrap();
    bus.publish(Ping).await.unwrap();
    bus.publish(Ping).await.unwrap();
    wait.recv().await.unwrap();
    // Ages are those of the clock of the day, which goes on while the other one is turned.
    let told = loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let told = log.take();
        if !told.is_empty() {
            break told;
        }
    };
    assert!(matches!(&told[..], [Warning::OldQueue { group, .. }] if &**group == "busy"), "{told:?}");
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(log.take().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_worked_off_is_not_told() {
    let (bus, log) = watched();
    let bus = bus.warn_old_queues(LONG).build();
    bus.consumer("g").handle::<Ping>(|_, _| async {}).start().await.unwrap();
    bus.publish(Ping).after(3 * LONG).await.unwrap();
    tokio::time::sleep(4 * LONG).await;
    bus.drained(LONG).await.unwrap();
    assert!(log.take().is_empty());
}

#[test]
fn a_consumer_whose_runtime_has_gone_is_told_when_its_health_is_asked_for() {
    let (bus, log) = watched();
    let bus = bus.build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { bus.consumer("g").handle::<Ping>(|_, _| async {}).start().await.unwrap() });
    drop(runtime);
    let other = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for _ in 0..2 {
        assert!(!other.block_on(bus.health()).is_healthy());
    }
    let told = texts(&log);
    assert!(told.len() == 1 && told[0].contains("`g` is stalled and reads nothing: its tasks have ended"), "{told:?}");
}

#[test]
fn a_hook_that_panics_or_uses_the_bus_harms_nobody() {
    hush();
    let bus = Bus::builder().warn_unheard().on_warning(|_| panic!("boom")).build();
    assert!(bus.emit(Ping).blocking().is_ok());

    let (log, dropped) = (Log::default(), Log::default());
    let (told, gone) = (log.clone(), dropped.clone());
    let weak = Arc::new(std::sync::Mutex::new(eventbus::WeakBus::default()));
    let (inside, guard) = (Arc::clone(&weak), OnDrop(move || gone.add(())));
    let hook = move |warning: &Warning| {
        let _guard = &guard;
        told.add(warning.to_string());
        let bus = inside.lock().unwrap().clone().upgrade().unwrap();
        assert!(bus.emit(Pong).blocking().is_ok());
    };
    let bus = Bus::builder().warn_unheard().on_warning(hook).build();
    *weak.lock().unwrap() = bus.downgrade();
    assert!(bus.emit(Ping).blocking().is_ok());
    let told = log.take();
    assert!(told.len() == 2 && told[0].starts_with("`ping`") && told[1].starts_with("`pong`"), "{told:?}");
    drop(bus);
    assert_eq!(dropped.take().len(), 1);
}
