//! Cancelling an emission: by a token, by a future, by dropping it.

use std::{
    future::{pending, poll_fn, ready},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use eventbus::{Bus, EmitError};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::support::{Log, OnDrop, Ping, finishes, hush, outcomes, poll_once, stop};

/// A bus with a listener of each kind, each of which would note that it ran, and runs once.
fn one_of_each(log: &Log) -> Bus {
    let bus = Bus::new();
    let listener = || bus.listener::<Ping>().once().with(log.clone());
    listener().on(|log, _| log.add("sync"));
    listener().on_async(|log, _| {
        log.add("async");
        async {}
    });
    listener().spawned().on_async(|log, _| {
        log.add("spawned");
        async {}
    });
    listener().on_blocking(|log, _| log.add("blocking"));
    bus
}

#[tokio::test]
async fn an_emission_cancelled_before_it_begins_runs_nothing_and_says_so() {
    let log = Log::default();
    let bus = one_of_each(&log);
    let token = CancellationToken::new();
    token.cancel();
    let reports = [
        bus.emit(Ping).cancel_on(&token).await,
        bus.emit(Ping).until(ready(())).await,
        bus.emit(Ping).cancel_on(&CancellationToken::new()).until(pending()).until(ready(())).await,
        bus.emit(Ping).cancel_on(&token).spawn().await,
    ];
    for report in reports {
        assert_eq!(outcomes(&report), ["Cancelled"; 4]);
        assert_eq!(report.succeeded(), 0);
        assert!(matches!(report.into_result(), Err(EmitError::Cancelled(_))));
    }
    assert!(log.take().is_empty());
    // Nor has it spent them.
    assert_eq!(bus.emit(Ping).await.succeeded(), 4);
}

#[test]
fn a_blocking_emission_cancelled_before_it_begins_runs_nothing() {
    let log = Log::default();
    let bus = one_of_each(&log);
    assert_eq!(outcomes(&bus.emit(Ping).until(ready(())).blocking()), ["Cancelled"; 4]);
    assert!(log.take().is_empty());
}

#[tokio::test]
async fn a_token_cancelled_between_synchronous_listeners_stops_the_rest() {
    let bus = Bus::new();
    let token = CancellationToken::new();
    let cancels = token.clone();
    bus.on::<Ping>(|_| ());
    bus.on::<Ping>(move |_| cancels.cancel());
    bus.on::<Ping>(|_| unreachable!());
    bus.on_async::<Ping>(|_| async { unreachable!() });
    let report = bus.emit(Ping).cancel_on(&token).await;
    assert_eq!(report.succeeded(), 2);
    assert_eq!(outcomes(&report), ["Cancelled", "Cancelled"]);
}

#[tokio::test]
async fn a_token_cancelled_by_the_last_listener_comes_too_late_to_matter() {
    let bus = Bus::new();
    let token = CancellationToken::new();
    let cancels = token.clone();
    bus.on::<Ping>(move |_| cancels.cancel());
    assert!(bus.emit(Ping).cancel_on(&token).await.into_result().is_ok());
}

#[tokio::test]
async fn an_async_listener_that_cancels_keeps_those_behind_it_from_starting() {
    let bus = Bus::new();
    let token = CancellationToken::new();
    let cancels = token.clone();
    bus.on_async::<Ping>(|_| pending::<()>());
    bus.on_async::<Ping>(move |_| {
        cancels.cancel();
        async {}
    });
    bus.on_async::<Ping>(|_| async { unreachable!() });
    let report = bus.emit(Ping).cancel_on(&token).await;
    assert_eq!(report.succeeded(), 1);
    assert_eq!(outcomes(&report), ["Cancelled", "Cancelled"]);
    let ids: Vec<_> = report.failures().iter().map(|failure| failure.listener().id()).collect();
    assert!(ids.is_sorted());
}

#[tokio::test]
async fn a_token_cancelled_while_listeners_wait_stops_async_ones_and_leaves_the_others() {
    let bus = Bus::new();
    let token = CancellationToken::new();
    let dropped = Arc::new(Notify::new());
    let tells = dropped.clone();
    bus.listener::<Ping>().with(tells).on_async(|tells, _| async move {
        let _guard = OnDrop(move || tells.notify_one());
        pending::<()>().await;
    });
    let go = Arc::new(Notify::new());
    bus.listener::<Ping>().with(go.clone()).spawned().on_async(|go, _| async move { go.notified().await });
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Mutex::new(released);
    let (begins, begun) = std::sync::mpsc::channel();
    bus.on_blocking::<Ping>(move |_| {
        begins.send(()).unwrap();
        _ = released.lock().unwrap().recv();
    });

    let mut emit = bus.emit(Ping).cancel_on(&token);
    assert!(poll_once(&mut emit).is_pending());
    begun.recv().unwrap();
    token.cancel();
    let report = emit.await;

    assert_eq!(outcomes(&report), ["Cancelled", "StillRunning", "StillRunning"]);
    assert!(matches!(report.into_result(), Err(EmitError::Cancelled(_))));
    dropped.notified().await;
    go.notify_one();
    drop(release);
    bus.settled().await.unwrap();
}

#[tokio::test]
async fn a_future_given_to_until_stops_listeners_that_wait() {
    let bus = Bus::new();
    bus.on_async::<Ping>(|_| pending::<()>());
    let (cancel, cancelled) = stop();
    let mut emit = bus.emit(Ping).until(cancelled);
    assert!(poll_once(&mut emit).is_pending());
    cancel();
    assert_eq!(outcomes(&emit.await), ["Cancelled"]);
}

#[test]
fn a_future_given_to_until_wakes_a_thread_that_waits() {
    let bus = Bus::new();
    let (begun, has_begun) = std::sync::mpsc::channel();
    bus.on_async::<Ping>(move |_| {
        begun.send(()).unwrap();
        pending::<()>()
    });
    let (cancel, cancelled) = stop();
    std::thread::spawn(move || {
        has_begun.recv().unwrap();
        cancel();
    });
    let report = finishes("until", move || bus.emit(Ping).until(cancelled).blocking());
    assert_eq!(outcomes(&report), ["Cancelled"]);
}

/// A future must not be polled after it was ready; one from an `async` block would panic.
#[tokio::test]
async fn a_future_given_to_until_is_not_polled_again_once_it_was_ready() {
    let bus = Bus::new();
    let fired = Arc::new(Notify::new());
    let signals = fired.clone();
    let go = Arc::new(Notify::new());
    bus.listener::<Ping>().with(go.clone()).spawned().on_async(|go, _| async move { go.notified().await });
    bus.on_async::<Ping>(move |_| {
        signals.notify_one();
        async {}
    });
    bus.on_async::<Ping>(|_| async { unreachable!() });
    let polls_after_the_end = Arc::new(AtomicUsize::new(0));
    let counts = polls_after_the_end.clone();
    let mut until = Some(Box::pin(async move { fired.notified().await }));
    let until = poll_fn(move |cx| {
        let Some(running) = &mut until else {
            counts.fetch_add(1, Ordering::Relaxed);
            return Poll::Pending;
        };
        let polled = running.as_mut().poll(cx);
        if polled.is_ready() {
            until = None;
        }
        polled
    });
    let mut emit = bus.emit(Ping).until(until);
    let polled = poll_once(&mut emit);
    assert_eq!(polls_after_the_end.load(Ordering::Relaxed), 0);
    let Poll::Ready(report) = polled else { panic!("the emission goes on, though it is cancelled") };
    assert_eq!(outcomes(&report), ["StillRunning", "Cancelled"]);
    go.notify_one();
    bus.settled().await.unwrap();
}

/// P1.
#[tokio::test]
async fn a_future_given_to_until_that_panics_cancels() {
    hush();
    let log = Log::default();
    let bus = one_of_each(&log);
    let report = bus.emit(Ping).until(async { panic!("boom") }).await;
    assert_eq!(outcomes(&report), ["Cancelled"; 4]);

    let (stop, stopped) = oneshot::channel::<()>();
    let bus = Bus::new();
    bus.on_async::<Ping>(|_| pending::<()>());
    let mut emit = bus.emit(Ping).until(async {
        _ = stopped.await;
        panic!("boom")
    });
    assert!(poll_once(&mut emit).is_pending());
    stop.send(()).unwrap();
    assert_eq!(outcomes(&emit.await), ["Cancelled"]);
}

/// P1: the bus took it over, and with it its drop.
#[tokio::test]
async fn a_future_given_to_until_may_panic_when_it_is_dropped() {
    hush();
    let bus = Bus::new();
    bus.on::<Ping>(|_| ());
    bus.on_async::<Ping>(|_| tokio::task::yield_now());
    let until = || {
        let guard = OnDrop(|| panic!("boom"));
        async move {
            let _guard = guard;
            pending::<()>().await;
        }
    };
    assert!(bus.emit(Ping).until(until()).await.is_ok());
    let mut given_up = bus.emit(Ping).until(until()).until(until());
    assert!(poll_once(&mut given_up).is_pending());
    drop(given_up);
    drop(bus.emit(Ping).until(until()));
}

#[tokio::test]
async fn errors_tell_timed_out_cancelled_and_failed_apart() {
    let bus = Bus::new();
    bus.listener::<Ping>().named("slow").on_async(|_| pending::<()>());
    let timed_out = bus.emit(Ping).timeout(std::time::Duration::from_millis(1)).await.into_result().unwrap_err();
    assert!(matches!(timed_out, EmitError::TimedOut(_)), "{timed_out}");
    assert!(timed_out.to_string().starts_with("timed out: 1 of 1 listeners of `ping`"), "{timed_out}");

    let (cancel, cancelled) = stop();
    let mut emit = bus.emit(Ping).until(cancelled);
    assert!(poll_once(&mut emit).is_pending());
    cancel();
    let cancelled = emit.await.into_result().unwrap_err();
    assert!(matches!(cancelled, EmitError::Cancelled(_)), "{cancelled}");

    bus.clear();
    bus.on_async::<Ping>(|_| async { Err("no") });
    let failed = bus.emit(Ping).await.into_result().unwrap_err();
    assert!(matches!(failed, EmitError::Failed(_)), "{failed}");
    assert!(failed.to_string().contains("failed: no"), "{failed}");
}

/// P6: what a spawned listener had to tell is not lost with the emission that was about to hear it.
#[tokio::test]
async fn a_failure_that_the_dropped_emission_had_not_yet_heard_reaches_the_failure_hook() {
    let log = Log::default();
    let told = log.clone();
    let bus = Bus::builder().on_failure(move |failure| told.add(super::support::name(failure.outcome()))).build();
    bus.listener::<Ping>().spawned().on_async(|_| async { Err("no") });
    bus.listener::<Ping>().timeout(std::time::Duration::from_millis(1)).spawned().on_async(|_| pending::<()>());
    bus.on_async::<Ping>(|_| pending::<()>());
    let mut emit = bus.emit(Ping);
    assert!(poll_once(&mut emit).is_pending());
    bus.settled().await.unwrap();
    // Both have ended; the emission, which was not polled, does not know it.
    assert!(log.take().is_empty());
    drop(emit);
    let mut told = log.take();
    told.sort_unstable();
    assert_eq!(told, ["Failed", "TimedOut"]);
}

/// P6.
#[tokio::test]
async fn a_failure_that_a_dropped_emission_had_heard_reaches_the_failure_hook() {
    let log = Log::default();
    let told = log.clone();
    let bus = Bus::builder().on_failure(move |failure| told.add(super::support::name(failure.outcome()))).build();
    bus.on::<Ping>(|_| Err("no"));
    bus.on_async::<Ping>(|_| pending::<()>());
    let mut emit = bus.emit(Ping);
    assert!(poll_once(&mut emit).is_pending());
    drop(emit);
    assert_eq!(log.take(), ["Failed"]);
}
