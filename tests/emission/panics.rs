//! P1 for listeners that wait: a panic is an outcome, wherever it happens.

use std::{future::pending, time::Duration};

use eventbus::{Bus, Outcome};
use futures_util::FutureExt;

use super::support::{Log, OnDrop, Ping, hush, outcomes, poll_once, stop};

/// A bomb that goes off when it is dropped, with a payload that does the same.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::panic_any(Self);
    }
}

fn says(outcome: &Outcome, text: &str) -> bool {
    matches!(outcome, Outcome::Panicked(message) if message.contains(text))
}

#[tokio::test]
async fn a_panic_of_one_listener_leaves_the_others_alone() {
    hush();
    let bus = Bus::new();
    let log = Log::default();
    let well = |name: &'static str| {
        bus.listener::<Ping>().with(log.clone()).on_async(move |log, _| async move {
            tokio::task::yield_now().await;
            log.add(name);
        });
    };
    well("first");
    // Before there is a future, at its first poll, at its second.
    bus.on_async::<Ping>(|_| -> std::future::Ready<()> { panic!("boom 1") });
    bus.on_async::<Ping>(|_| async { panic!("boom 2") });
    bus.on_async::<Ping>(|_| async {
        tokio::task::yield_now().await;
        panic!("boom 3")
    });
    // In a task of its own, on a thread of its own.
    bus.listener::<Ping>().spawned().on_async(|_| -> std::future::Ready<()> { panic!("boom 4") });
    bus.listener::<Ping>().spawned().on_async(|_| async {
        tokio::task::yield_now().await;
        panic!("boom 5")
    });
    bus.on_blocking::<Ping>(|_| panic!("boom 6"));
    // In a filter.
    bus.listener::<Ping>().filter(|_| panic!("boom 7")).on_async(|_| async {});
    bus.listener::<Ping>().filter(|_| panic!("boom 8")).on_blocking(|_| ());
    well("last");

    let report = bus.emit(Ping).await;
    assert_eq!(log.take(), ["first", "last"]);
    assert_eq!(report.succeeded(), 2);
    let failures = report.failures();
    assert_eq!(failures.len(), 8);
    for (at, failure) in failures.iter().enumerate() {
        assert!(says(failure.outcome(), &format!("boom {}", at + 1)), "{failure}");
    }
    // The bus works as before.
    assert_eq!(bus.emit(Ping).await.succeeded(), 2);
    assert_eq!(bus.in_flight(), eventbus::emit::InFlight::default());
}

#[tokio::test]
async fn a_future_that_panics_when_it_is_dropped_after_its_end_is_told() {
    hush();
    let bus = Bus::new();
    bus.on_async::<Ping>(|_| {
        let guard = OnDrop(|| panic!("boom after the end"));
        // Kept by the future itself, so that it is dropped with it and not by its last poll.
        std::future::poll_fn(move |_| {
            let _held = &guard;
            std::task::Poll::Ready(())
        })
    });
    bus.on_async::<Ping>(|_| async {});
    let report = bus.emit(Ping).await;
    assert_eq!(report.succeeded(), 1);
    assert!(says(report.failures()[0].outcome(), "boom after the end"), "{report}");
}

#[tokio::test]
async fn of_pending_futures_one_that_panics_when_it_is_dropped_after_its_end_leaves_the_others_alone() {
    hush();
    let bus = Bus::new();
    let log = Log::default();
    let well = |name: &'static str| {
        bus.listener::<Ping>().with(log.clone()).on_async(move |log, _| async move {
            tokio::task::yield_now().await;
            log.add(name);
        });
    };
    well("first");
    bus.on_async::<Ping>(|_| {
        let guard = OnDrop(|| panic!("boom after the end"));
        let mut is_ready = false;
        std::future::poll_fn(move |cx| {
            let _held = &guard;
            if std::mem::replace(&mut is_ready, true) {
                return std::task::Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            std::task::Poll::Pending
        })
    });
    bus.on_async::<Ping>(|_| async {
        tokio::task::yield_now().await;
        Err::<(), _>("it failed")
    });
    well("last");
    let report = bus.emit(Ping).await;
    assert_eq!(log.take(), ["first", "last"]);
    assert_eq!(report.succeeded(), 2);
    assert!(says(report.failures()[0].outcome(), "boom after the end"), "{report}");
    assert!(matches!(report.failures()[1].outcome(), Outcome::Failed(_)), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_future_that_panics_when_it_is_stopped_is_told_and_the_others_are_stopped_too() {
    hush();
    let bus = Bus::new();
    let log = Log::default();
    let stopped = |name: &'static str| {
        bus.listener::<Ping>().with(log.clone()).on_async(move |log, _| async move {
            let _guard = OnDrop(move || log.add(name));
            pending::<()>().await;
        });
    };
    stopped("first");
    bus.on_async::<Ping>(|_| async {
        let _guard = OnDrop(|| panic!("boom on stop"));
        pending::<()>().await;
    });
    bus.listener::<Ping>().timeout(Duration::from_secs(1)).on_async(|_| async {
        let _guard = OnDrop(|| panic!("boom on its own timeout"));
        pending::<()>().await;
    });
    stopped("last");

    let report = bus.emit(Ping).timeout(Duration::from_secs(2)).await;
    assert_eq!(outcomes(&report), ["TimedOut", "Panicked", "Panicked", "TimedOut"]);
    assert_eq!(log.take(), ["first", "last"]);
}

#[tokio::test]
async fn a_future_that_panics_when_the_emission_is_dropped_reaches_the_failure_hook_and_nobody_else() {
    hush();
    let told = Log::default();
    let hook = told.clone();
    let bus = Bus::builder().on_failure(move |failure| hook.add(failure.to_string())).build();
    let log = Log::default();
    bus.on_async::<Ping>(|_| async {
        let _guard = OnDrop(|| panic!("boom on drop"));
        pending::<()>().await;
    });
    bus.listener::<Ping>().with(log.clone()).on_async(|log, _| async move {
        let _guard = OnDrop(move || log.add("stopped"));
        pending::<()>().await;
    });
    let mut emit = bus.emit(Ping);
    assert!(poll_once(&mut emit).is_pending());
    drop(emit);
    assert_eq!(log.take(), ["stopped"]);
    let told = told.take();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("panicked: boom on drop"), "{told:?}");
}

#[tokio::test]
async fn payloads_that_panic_when_they_are_dropped_go_no_further() {
    hush();
    let bus = Bus::new();
    bus.on_async::<Ping>(|_| async { std::panic::panic_any(Bomb) });
    bus.listener::<Ping>().spawned().on_async(|_| async { std::panic::panic_any(Bomb) });
    bus.on_blocking::<Ping>(|_| std::panic::panic_any(Bomb));
    bus.on_async::<Ping>(|_| async {
        let _bomb = Bomb;
        pending::<()>().await;
    });
    let (cancel, cancelled) = stop();
    let mut emit = bus.emit(Ping).until(cancelled);
    assert!(poll_once(&mut emit).is_pending());
    bus.settled().await.unwrap();
    cancel();
    assert_eq!(outcomes(&emit.await), ["Panicked"; 4]);
}

/// A panic of the emitting task drops its emissions: that must not become a panic while panicking, which aborts.
#[tokio::test]
async fn a_panic_of_the_emitting_task_stops_listeners_that_panic_in_turn() {
    hush();
    let bus = Bus::builder().on_failure(|_| panic!("boom in the hook")).build();
    bus.on_async::<Ping>(|_| async {
        let _guard = OnDrop(|| panic!("boom on drop"));
        pending::<()>().await;
    });
    let emitting = async {
        let mut emit = bus.emit(Ping);
        assert!(poll_once(&mut emit).is_pending());
        panic!("boom in the task");
    };
    assert!(std::panic::AssertUnwindSafe(emitting).catch_unwind().await.is_err());
    assert_eq!(bus.listener_count::<Ping>(), 1);
}

/// P6: the hook hears of a listener that was left behind, and may use the bus.
#[tokio::test]
async fn a_listener_left_behind_that_fails_later_reaches_the_failure_hook() {
    hush();
    let told = Log::default();
    let hook = told.clone();
    let bus = Bus::builder().on_failure(move |failure| hook.add(failure.to_string())).build();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let (begins, mut begun) = tokio::sync::mpsc::unbounded_channel();
    bus.listener::<Ping>().named("fails").on_blocking(move |_| {
        begins.send(()).unwrap();
        let _ = released.lock().unwrap().recv();
        Err("after all")
    });
    let report = bus.emit(Ping).until(async move { begun.recv().await.unwrap() }).await;
    assert_eq!(outcomes(&report), ["StillRunning"]);
    assert_eq!(bus.in_flight().blocking, 1);
    assert_eq!(told.take().len(), 1);

    drop(release);
    bus.settled().await.unwrap();
    assert_eq!(bus.in_flight().blocking, 0);
    let told = told.take();
    assert!(
        told.len() == 1 && told[0].contains("listener `fails`") && told[0].ends_with("failed: after all"),
        "{told:?}"
    );
}
