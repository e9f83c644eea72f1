//! Limits of time of an emission.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use eventbus::{Bus, EmitError, emit::InFlight};
use tokio::time::{Instant, sleep};

use super::support::{HOUR, Log, Numbered, OnDrop, Ping, finishes, outcomes, poll_once};

#[tokio::test(start_paused = true)]
async fn a_timeout_stops_what_has_not_ended_and_keeps_what_has() {
    let bus = Bus::new();
    let dropped = Arc::new(AtomicBool::new(false));
    bus.on::<Ping>(|_| ());
    bus.on_async::<Ping>(|_| sleep(Duration::from_secs(1)));
    bus.listener::<Ping>().with(dropped.clone()).on_async(|dropped, _| async move {
        let _guard = OnDrop(move || dropped.store(true, Ordering::Relaxed));
        sleep(HOUR).await;
    });
    bus.listener::<Ping>().spawned().on_async(|_| sleep(HOUR));
    let begun = Instant::now();
    let report = bus.emit(Ping).timeout(Duration::from_secs(2)).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    assert!(dropped.load(Ordering::Relaxed));
    assert_eq!(outcomes(&report), ["TimedOut", "StillRunning"]);
    assert_eq!(report.succeeded(), 2);
    assert!(matches!(report.into_result(), Err(EmitError::TimedOut(_))));

    assert_eq!(bus.in_flight().listeners, 1);
    bus.settled().await.unwrap();
    assert_eq!(begun.elapsed(), HOUR);
    assert_eq!(bus.in_flight(), InFlight::default());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_counts_from_the_first_poll() {
    let bus = Bus::new();
    bus.on_async::<Ping>(|_| sleep(Duration::from_secs(1)));
    let emit = bus.emit(Ping).timeout(Duration::from_secs(2));
    sleep(HOUR).await;
    assert!(emit.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_deadline_covers_many_emissions() {
    let bus = Bus::new();
    bus.on_async::<Numbered>(|_| sleep(Duration::from_millis(40)));
    let begun = Instant::now();
    let deadline = begun + Duration::from_millis(100);
    let mut ends = Vec::new();
    for number in 0..4 {
        ends.push(match bus.emit(Numbered(number)).deadline(deadline).await.into_result() {
            Ok(_) => "ok",
            Err(EmitError::TimedOut(_)) => "timed out",
            Err(other) => panic!("{other}"),
        });
    }
    assert_eq!(ends, ["ok", "ok", "timed out", "timed out"]);
    assert_eq!(begun.elapsed(), Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn of_timeout_and_deadline_the_shorter_counts() {
    let bus = Bus::new();
    bus.on_async::<Ping>(|_| pending::<()>());
    let second = Duration::from_secs(1);
    let begun = Instant::now();
    for (round, emit) in [
        bus.emit(Ping).timeout(second).timeout(HOUR),
        bus.emit(Ping).timeout(HOUR).timeout(second),
        bus.emit(Ping).timeout(second).deadline(begun + HOUR),
        bus.emit(Ping).timeout(HOUR).deadline(begun + 4 * second),
        bus.emit(Ping).deadline(begun + 5 * second).deadline(begun + HOUR),
        bus.emit(Ping).deadline((begun + 6 * second).into_std()),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(outcomes(&emit.await), ["TimedOut"]);
        assert_eq!(begun.elapsed().as_secs(), round as u64 + 1);
    }
}

#[tokio::test]
async fn an_emission_without_any_time_runs_nothing() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| unreachable!());
    bus.on_async::<Ping>(|_| async { unreachable!() });
    bus.on_blocking::<Ping>(|_| unreachable!());
    bus.listener::<Ping>().spawned().on_async(|_| async { unreachable!() });
    for emit in [bus.emit(Ping).timeout(Duration::ZERO), bus.emit(Ping).deadline(Instant::now())] {
        let report = emit.await;
        assert_eq!(outcomes(&report), ["TimedOut"; 4]);
        assert!(matches!(report.into_result(), Err(EmitError::TimedOut(_))));
    }
}

#[test]
fn a_blocking_emission_without_any_time_runs_nothing() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| unreachable!());
    bus.on_async::<Ping>(|_| async { unreachable!() });
    assert_eq!(outcomes(&bus.emit(Ping).timeout(Duration::ZERO).blocking()), ["TimedOut"; 2]);
}

#[tokio::test]
async fn a_listener_without_any_time_of_its_own_may_still_be_ready_at_once() {
    let bus = Bus::new();
    bus.listener::<Ping>().timeout(Duration::ZERO).on_async(|_| async {});
    bus.listener::<Ping>().timeout(Duration::ZERO).on_async(|_| pending::<()>());
    bus.listener::<Ping>().timeout(Duration::ZERO).spawned().on_async(|_| async {});
    bus.listener::<Ping>().timeout(Duration::ZERO).spawned().on_async(|_| pending::<()>());
    let report = bus.emit(Ping).await;
    assert_eq!(report.succeeded(), 2);
    assert_eq!(outcomes(&report), ["TimedOut", "TimedOut"]);
}

#[tokio::test]
async fn the_longest_time_there_is_is_no_limit() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| ());
    bus.listener::<Ping>().timeout(Duration::MAX).on_async(|_| tokio::task::yield_now());
    bus.listener::<Ping>().timeout(Duration::MAX).spawned().on_async(|_| tokio::task::yield_now());
    bus.listener::<Ping>().timeout(Duration::MAX).on_blocking(|_| ());
    assert_eq!(bus.emit(Ping).timeout(Duration::MAX).await.succeeded(), 4);
    assert_eq!(bus.emit(Ping).timeout(Duration::MAX).spawn().await.succeeded(), 4);
    // Nearly as long, and representable.
    let centuries = HOUR * 24 * 365 * 200;
    assert_eq!(bus.emit(Ping).timeout(centuries).deadline(Instant::now() + centuries).await.succeeded(), 4);
}

#[test]
fn the_longest_time_there_is_is_no_limit_for_a_thread() {
    let bus = Bus::new();
    bus.listener::<Ping>().timeout(Duration::MAX).on_async(|_| async {
        let mut polled = false;
        std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if std::mem::replace(&mut polled, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    });
    bus.listener::<Ping>().timeout(Duration::MAX).on_blocking(|_| ());
    assert_eq!(bus.emit(Ping).timeout(Duration::MAX).blocking().succeeded(), 2);
}

#[test]
fn a_thread_that_waits_keeps_to_the_timeout_without_any_runtime() {
    let bus = Bus::new();
    bus.on_async::<Ping>(|_| pending::<()>());
    let report =
        finishes("a timeout without a runtime", move || bus.emit(Ping).timeout(Duration::from_millis(5)).blocking());
    assert_eq!(outcomes(&report), ["TimedOut"]);
    assert!(matches!(report.into_result(), Err(EmitError::TimedOut(_))));
}

/// Its time is up, but all have ended: nothing was stopped.
#[tokio::test(start_paused = true)]
async fn a_listener_that_ended_in_time_ended_well_however_late_it_is_noticed() {
    let bus = Bus::new();
    let log = Log::default();
    bus.listener::<Ping>().with(log.clone()).spawned().on_async(|log, _| async move {
        sleep(Duration::from_secs(1)).await;
        log.add("ended");
    });
    let mut emit = bus.emit(Ping).timeout(Duration::from_secs(2));
    assert!(poll_once(&mut emit).is_pending());
    sleep(HOUR).await;
    assert_eq!(log.take(), ["ended"]);
    assert!(emit.await.into_result().is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_emission_that_blocks_goes_by_the_clock_of_the_machine() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| {
        let begun = std::time::Instant::now();
        while begun.elapsed() <= Duration::from_millis(1) {
            std::hint::spin_loop();
        }
    });
    let report = bus.emit(Ping).timeout(Duration::from_millis(1)).blocking();
    assert!(matches!(report.into_result(), Err(EmitError::TimedOut(_))), "the runtime's clock stands still");
}
