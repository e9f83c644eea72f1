//! What has not ended is in flight, and what did not end well is counted by its kind.

use std::{sync::Arc, time::Duration};

use eventbus::Bus;
use tokio::sync::Notify;

use super::support::{HOUR, Ping, calls, counting, event, kinds, listener};
use crate::hush;

/// In flight, running, and failures of the event `Ping` and its listener `it`.
fn state(bus: &Bus) -> (u64, u64, String) {
    let (event, listener) = (event::<Ping>(bus), listener(bus, "it"));
    assert_eq!(event.failures, listener.failures);
    (event.in_flight, listener.running, kinds(&listener.failures))
}

#[tokio::test]
async fn a_pending_listener_runs_and_its_emission_is_in_flight() {
    let (bus, go) = (counting(), Arc::new(Notify::new()));
    bus.listener::<Ping>().named("it").with(go.clone()).on_async(|go, _| async move { go.notified().await });
    let mut emissions = Vec::new();
    for _ in 0..3 {
        emissions.push(tokio::spawn({
            let bus = bus.clone();
            async move { bus.emit(Ping).await }
        }));
    }
    tokio::task::yield_now().await;
    assert_eq!(state(&bus), (3, 3, "none".into()));
    go.notify_one();
    emissions.remove(0).await.unwrap();
    assert_eq!(state(&bus), (2, 2, "none".into()));
    // Dropped, an emission cancels what it waits for.
    for emission in emissions {
        emission.abort();
        assert!(emission.await.is_err());
    }
    assert_eq!(state(&bus), (0, 0, "2 cancelled".into()));
    assert_eq!((calls(&bus, "it"), listener(&bus, "it").latency.count), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn what_is_late_is_counted_as_timed_out() {
    let bus = counting();
    bus.listener::<Ping>().named("it").on_async(|_| tokio::time::sleep(HOUR));
    for _ in 0..20 {
        bus.emit(Ping).timeout(Duration::from_secs(1)).await;
    }
    assert_eq!(state(&bus), (0, 0, "20 timed out".into()));
    let latency = listener(&bus, "it").latency;
    assert_eq!((latency.count, latency.mean, latency.max), (20, Duration::from_secs(1), Duration::from_secs(1)));
}

#[tokio::test]
async fn what_a_token_cancels_is_counted_as_cancelled() {
    let bus = counting();
    let token = tokio_util::sync::CancellationToken::new();
    bus.listener::<Ping>().named("it").with(token.clone()).on_async(|token, _| async move {
        token.cancel();
        std::future::pending::<()>().await;
    });
    bus.emit(Ping).cancel_on(&token).await;
    assert_eq!((state(&bus), calls(&bus, "it")), ((0, 0, "1 cancelled".into()), 1));
    // Cancelled before it begins: nothing is called.
    bus.emit(Ping).cancel_on(&token).await;
    assert_eq!((state(&bus), calls(&bus, "it")), ((0, 0, "2 cancelled".into()), 1));
    assert_eq!(event::<Ping>(&bus).emissions, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_listener_that_is_left_behind_runs_until_it_ends() {
    hush();
    let bus = counting();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = Arc::new(std::sync::Mutex::new(gone));
    let (begun, has_begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let signal = has_begun.clone();
    bus.listener::<Ping>().named("it").on_blocking(move |_| {
        signal.notify_one();
        gone.lock().unwrap().recv().unwrap();
        panic!("boom");
    });
    drop(begun);
    {
        let mut emission = std::pin::pin!(bus.emit(Ping).until({
            let has_begun = has_begun.clone();
            async move { has_begun.notified().await }
        }));
        let report = emission.as_mut().await;
        assert_eq!(report.failures().len(), 1);
    }
    assert_eq!(state(&bus), (0, 1, "1 left running".into()));
    go.send(()).unwrap();
    bus.settled().await.unwrap();
    assert_eq!(state(&bus), (0, 0, "1 panicked, 1 left running".into()));
    assert_eq!((calls(&bus, "it"), listener(&bus, "it").latency.count), (1, 1));
}

#[test]
fn what_cannot_run_is_counted_as_not_run() {
    let bus = counting();
    bus.listener::<Ping>().named("it").spawned().on_async(|_| async {});
    bus.emit(Ping).blocking();
    drop(bus.emit(Ping).spawn());
    assert_eq!((state(&bus), calls(&bus, "it")), ((0, 0, "2 not run".into()), 0));
    assert_eq!(event::<Ping>(&bus).emissions, 2);
}

#[tokio::test]
async fn an_aborted_emission_that_has_not_begun_counts_as_cancelled() {
    let bus = counting();
    bus.listener::<Ping>().named("it").on(|_| {});
    let emission = bus.emit(Ping).spawn();
    emission.abort();
    emission.await;
    assert_eq!((state(&bus), calls(&bus, "it")), ((0, 0, "1 cancelled".into()), 0));
}

#[tokio::test]
async fn the_failure_hook_finds_the_failure_that_it_is_told_counted() {
    let seen = Arc::new(std::sync::Mutex::new((None, eventbus::WeakBus::default())));
    let told = seen.clone();
    let bus = Bus::builder()
        .stats(true)
        .on_failure(move |_| {
            let bus = told.lock().unwrap().1.upgrade().unwrap();
            let numbers = state(&bus);
            told.lock().unwrap().0 = Some(numbers);
        })
        .build();
    seen.lock().unwrap().1 = bus.downgrade();
    bus.listener::<Ping>().named("it").on(|_| Err("no"));
    bus.emit(Ping).await;
    assert_eq!(seen.lock().unwrap().0, Some((1, 0, "1 failed".into())));
}
