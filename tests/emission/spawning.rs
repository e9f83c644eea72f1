//! Emissions in a task of their own.

use std::{
    future::pending,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use eventbus::{
    Bus, EmitError, Outcome,
    emit::{InFlight, NotRun},
};
use tokio::sync::{Notify, oneshot};

use super::support::{Log, Numbered, OnDrop, Ping, Pong, finishes, hush, multi_thread, outcomes, poll_once, stop};

#[test]
fn nothing_of_a_spawned_emission_runs_on_this_thread() {
    let runtime = multi_thread(1);
    let bus = Bus::builder().runtime(runtime.handle().clone()).build();
    let here = thread::current().id();
    bus.listener::<Ping>().filter(move |_| thread::current().id() != here).on(move |_| {
        assert_ne!(thread::current().id(), here);
    });
    bus.on_async::<Ping>(move |_| {
        assert_ne!(thread::current().id(), here);
        async move { assert_ne!(thread::current().id(), here) }
    });
    bus.on_blocking::<Ping>(move |_| assert_ne!(thread::current().id(), here));
    let report = futures_executor::block_on(bus.emit(Ping).spawn());
    assert_eq!(report.succeeded(), 3, "{report}");
}

#[tokio::test]
async fn a_spawned_emission_returns_before_its_listeners_run() {
    let bus = Bus::new();
    let log = Log::default();
    bus.listener::<Ping>().with(log.clone()).on(|log, _| log.add("ran"));
    let handle = bus.emit(Ping).spawn();
    // This task has not yielded, and there is one thread.
    assert!(log.take().is_empty());
    assert!(!handle.is_finished());
    assert_eq!(bus.in_flight().emissions, 1);
    assert!(handle.await.is_ok());
    assert_eq!(log.take(), ["ran"]);
}

#[tokio::test]
async fn a_spawned_emission_whose_handle_is_dropped_goes_on() {
    let bus = Bus::new();
    let log = Log::default();
    bus.listener::<Ping>().with(log.clone()).on_async(|log, _| async move {
        tokio::task::yield_now().await;
        log.add("ran");
    });
    drop(bus.emit(Ping).spawn());
    bus.settled().await.unwrap();
    assert_eq!(log.take(), ["ran"]);
}

#[tokio::test]
async fn a_spawned_emission_may_be_made_through_an_emitter() {
    let bus = Bus::new();
    let log = Log::default();
    let numbers = log.clone();
    bus.on::<Numbered>(move |e| numbers.add(e.0));
    let mut emitter = bus.emitter();
    let handles: Vec<_> = (0..3).map(|number| emitter.emit(Numbered(number)).spawn()).collect();
    for handle in handles {
        assert_eq!(handle.await.succeeded(), 1);
    }
    assert_eq!(log.take(), [0, 1, 2]);
}

#[tokio::test]
async fn a_spawned_emission_aborted_before_its_first_poll_runs_nothing() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| unreachable!());
    bus.on_async::<Ping>(|_| async { unreachable!() });
    let handle = bus.emit(Ping).spawn();
    handle.abort();
    handle.abort();
    let report = handle.await;
    assert_eq!(outcomes(&report), ["Cancelled", "Cancelled"]);
    assert_eq!(report.emission(), None);
    assert!(matches!(report.into_result(), Err(EmitError::Cancelled(_))));
    assert_eq!(bus.in_flight(), InFlight::default());
}

#[tokio::test]
async fn a_spawned_emission_aborted_after_its_first_poll_stops_its_async_listeners() {
    let bus = Bus::new();
    let log = Log::default();
    let begun = Arc::new(Notify::new());
    bus.on::<Ping>(|_| ());
    bus.listener::<Ping>().with((log.clone(), begun.clone())).on_async(|(log, begun), _| async move {
        let _guard = OnDrop(move || log.add("stopped"));
        begun.notify_one();
        pending::<()>().await;
    });
    let handle = bus.emit(Ping).spawn();
    begun.notified().await;
    handle.abort();
    let report = handle.await;
    assert_eq!(report.succeeded(), 1);
    assert_eq!(outcomes(&report), ["Cancelled"]);
    assert_eq!(log.take(), ["stopped"]);
    assert!(matches!(report.into_result(), Err(EmitError::Cancelled(_))));
    bus.settled().await.unwrap();
}

#[tokio::test]
async fn aborting_an_emission_that_has_ended_changes_nothing() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| ());
    let handle = bus.emit(Ping).spawn();
    bus.settled().await.unwrap();
    while !handle.is_finished() {
        tokio::task::yield_now().await;
    }
    handle.abort();
    assert!(handle.await.is_ok());
}

#[tokio::test]
async fn awaiting_the_handle_may_be_given_up_and_taken_up_again() {
    let bus = Bus::new();
    let (go, gone) = oneshot::channel::<()>();
    let gone = Mutex::new(Some(gone));
    bus.on_async::<Ping>(move |_| {
        let gone = gone.lock().unwrap().take().unwrap();
        async move { gone.await.unwrap() }
    });
    let mut handle = bus.emit(Ping).spawn();
    tokio::select! {
        biased;
        _ = &mut handle => unreachable!(),
        () = tokio::task::yield_now() => {}
    }
    go.send(()).unwrap();
    assert!(handle.await.is_ok());
}

/// P10.
#[tokio::test]
async fn beyond_the_limit_of_spawned_emissions_nothing_runs_and_the_report_says_so() {
    let bus = Bus::builder().max_spawned(2).build();
    let go = Arc::new(Notify::new());
    bus.listener::<Ping>().with(go.clone()).on_async(|go, _| async move { go.notified().await });
    let log = Log::default();
    bus.listener::<Pong>().with(log.clone()).on(|log, _| log.add("ran"));

    let accepted = [bus.emit(Ping).spawn(), bus.emit(Ping).spawn()];
    assert_eq!(bus.in_flight().emissions, 2);
    for _ in 0..3 {
        let refused = bus.emit(Pong).spawn();
        assert!(refused.is_finished());
        // Without effect: there is nothing to abort.
        refused.abort();
        let report = refused.await;
        assert_eq!(outcomes(&report), ["TooManySpawned"]);
        assert!(matches!(report.failures()[0].outcome(), Outcome::NotRun(NotRun::TooManySpawned { limit: 2 })));
    }
    assert!(log.take().is_empty());
    // It counts spawned emissions, no others.
    assert!(bus.emit(Pong).await.is_ok());
    assert_eq!(log.take(), ["ran"]);

    // Each that ends makes room.
    let [first, second] = accepted;
    second.abort();
    assert_eq!(outcomes(&second.await), ["Cancelled"]);
    assert_eq!(bus.in_flight().emissions, 1);
    assert!(bus.emit(Pong).spawn().await.is_ok());
    go.notify_one();
    assert!(first.await.is_ok());
    bus.settled().await.unwrap();
    assert_eq!(bus.in_flight().emissions, 0);
}

/// P10: the limit holds however many threads spawn.
#[test]
fn the_limit_of_spawned_emissions_holds_for_many_threads() {
    finishes("a limit under contention", || {
        let runtime = multi_thread(2);
        let bus = Bus::builder().runtime(runtime.handle().clone()).max_spawned(5).build();
        let go = tokio_util::sync::CancellationToken::new();
        bus.listener::<Ping>().with(go.clone()).on_async(|go, _| async move { go.cancelled().await });
        let handles: Vec<_> = thread::scope(|scope| {
            let spawn = || (0..50).map(|_| bus.emit(Ping).spawn()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(spawn)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(bus.in_flight().emissions, 5);
        go.cancel();
        let reports: Vec<_> = handles.into_iter().map(futures_executor::block_on).collect();
        assert_eq!(reports.iter().filter(|report| report.is_ok()).count(), 5);
        assert!(reports.iter().all(|report| report.is_ok() || outcomes(report) == ["TooManySpawned"]));
        futures_executor::block_on(bus.settled()).unwrap();
    });
}

#[tokio::test]
async fn a_spawned_emission_keeps_its_limits() {
    let bus = Bus::new();
    bus.on_async::<Ping>(|_| pending::<()>());
    let token = tokio_util::sync::CancellationToken::new();
    let timed = bus.emit(Ping).timeout(std::time::Duration::from_millis(5)).spawn();
    let cancelled = bus.emit(Ping).cancel_on(&token).spawn();
    let (cancel, stopped) = stop();
    let until = bus.emit(Ping).until(stopped).spawn();
    assert_eq!(outcomes(&timed.await), ["TimedOut"]);
    token.cancel();
    assert_eq!(outcomes(&cancelled.await), ["Cancelled"]);
    cancel();
    assert_eq!(outcomes(&until.await), ["Cancelled"]);
}

/// P6.
#[tokio::test]
async fn failures_of_a_spawned_emission_that_nobody_awaits_reach_the_failure_hook() {
    hush();
    let told = Log::default();
    let hook = told.clone();
    let bus = Bus::builder().on_failure(move |failure| hook.add(super::support::name(failure.outcome()))).build();
    bus.on::<Ping>(|_| Err("no"));
    bus.on_async::<Ping>(|_| async { panic!("boom") });
    drop(bus.emit(Ping).spawn());
    bus.settled().await.unwrap();
    assert_eq!(told.take(), ["Failed", "Panicked"]);
}

/// P10: one that has been awaited is no longer under way.
#[test]
fn a_spawned_emission_makes_room_before_its_report_is_there() {
    finishes("one spawned emission after the other", || {
        let runtime = multi_thread(2);
        let bus = Bus::builder().runtime(runtime.handle().clone()).max_spawned(1).build();
        bus.on::<Ping>(|_| ());
        bus.on_async::<Ping>(|_| tokio::task::yield_now());
        for round in 0..5000 {
            let report = futures_executor::block_on(bus.emit(Ping).spawn());
            assert!(report.is_ok(), "round {round}: {report}");
            assert_eq!(bus.in_flight().emissions, 0, "round {round}");
        }
    });
}

/// The same for listeners in tasks of their own.
#[test]
fn a_listener_that_was_awaited_is_not_in_flight() {
    finishes("in flight after an emission", || {
        multi_thread(2).block_on(async {
            let bus = Bus::new();
            bus.on_blocking::<Ping>(|_| ());
            bus.listener::<Ping>().spawned().on_async(|_| async {});
            for round in 0..2000 {
                assert!(bus.emit(Ping).await.is_ok());
                assert_eq!(bus.in_flight(), InFlight::default(), "round {round}");
            }
        });
    });
}

/// The emission has dropped its event when it is settled.
#[test]
fn a_bus_that_has_settled_holds_no_event() {
    finishes("settled and event", || {
        let runtime = multi_thread(2);
        let bus = Bus::builder().runtime(runtime.handle().clone()).build();
        bus.on_blocking::<Numbered>(|_| ());
        bus.listener::<Numbered>().spawned().on_async(|_| async {});
        for number in 0..1000 {
            let event = Arc::new(Numbered(number));
            let mut emit = bus.emit(Arc::clone(&event));
            // Given up at once, so that only the listeners still hold the event.
            assert!(poll_once(&mut emit).is_pending() || Arc::strong_count(&event) == 1);
            drop(emit);
            while super::support::at_once(bus.settled()).is_none() {
                std::thread::yield_now();
            }
            assert_eq!(Arc::strong_count(&event), 1, "round {number}");
        }
    });
}

#[test]
fn a_spawned_emission_may_be_awaited_on_another_executor() {
    let runtime = multi_thread(1);
    let bus = Bus::builder().runtime(runtime.handle().clone()).build();
    let (sender, received) = mpsc::channel();
    bus.on::<Ping>(move |_| sender.send(thread::current().id()).unwrap());
    let report = finishes("a handle on another executor", move || futures_executor::block_on(bus.emit(Ping).spawn()));
    assert!(report.is_ok());
    assert_ne!(received.recv().unwrap(), thread::current().id());
}
