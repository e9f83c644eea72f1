//! Emissions with so many listeners that wait that they are driven another way: only those that woke are polled.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use eventbus::{Bus, EmitError, emit::InFlight};
use tokio::{sync::Notify, time::sleep};

use super::support::{HOUR, Log, OnDrop, Ping, hush, outcomes, poll_once, stop};

/// On both sides of where the way changes, and well beyond.
const SIZES: [usize; 4] = [30, 31, 32, 100];

#[tokio::test(start_paused = true)]
async fn all_of_many_listeners_that_wait_are_awaited() {
    for size in SIZES {
        let bus = Bus::new();
        let log = Log::default();
        for at in 0..size {
            bus.listener::<Ping>().with(log.clone()).on_async(move |log, _| async move {
                // The later the registration, the sooner the end.
                sleep(Duration::from_millis((size - at) as u64)).await;
                log.add(at);
            });
        }
        assert_eq!(bus.emit(Ping).await.succeeded(), size);
        assert_eq!(log.take(), (0..size).rev().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn many_listeners_dropped_with_their_emission_are_stopped() {
    for size in SIZES {
        let bus = Bus::new();
        let alive = Arc::new(());
        for _ in 0..size {
            bus.listener::<Ping>().with(alive.clone()).on_async(|alive, _| async move {
                pending::<()>().await;
                drop(alive);
            });
        }
        let mut emit = bus.emit(Ping);
        assert!(poll_once(&mut emit).is_pending());
        assert!(poll_once(&mut emit).is_pending());
        assert_eq!(Arc::strong_count(&alive), 2 * size + 1);
        drop(emit);
        assert_eq!(Arc::strong_count(&alive), size + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn many_listeners_are_stopped_by_a_timeout_and_told_in_order() {
    hush();
    for size in SIZES {
        let bus = Bus::new();
        let stopped = Arc::new(AtomicUsize::new(0));
        for at in 0..size {
            bus.listener::<Ping>().with(stopped.clone()).on_async(move |stopped, _| async move {
                let _guard = OnDrop(move || _ = stopped.fetch_add(1, Ordering::Relaxed));
                match at % 4 {
                    0 => sleep(HOUR).await,
                    1 => sleep(Duration::from_secs(1)).await,
                    2 => {
                        tokio::task::yield_now().await;
                        panic!("boom")
                    }
                    _ => {
                        sleep(Duration::from_secs(1)).await;
                        Err("no")?;
                    }
                }
                eventbus::Ok(())
            });
        }
        let report = bus.emit(Ping).timeout(Duration::from_secs(2)).await;
        assert_eq!(stopped.load(Ordering::Relaxed), size);
        let expected: Vec<_> =
            (0..size).filter_map(|at| [Some("TimedOut"), None, Some("Panicked"), Some("Failed")][at % 4]).collect();
        assert_eq!(outcomes(&report), expected);
        let ids: Vec<_> = report.failures().iter().map(|failure| failure.listener().id()).collect();
        assert!(ids.is_sorted());
        assert!(matches!(report.into_result(), Err(EmitError::TimedOut(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn each_of_many_listeners_keeps_its_own_timeout() {
    for size in SIZES {
        let bus = Bus::new();
        for at in 0..size {
            bus.listener::<Ping>().timeout(Duration::from_millis(at as u64 + 1)).on_async(|_| pending::<()>());
        }
        let begun = tokio::time::Instant::now();
        assert_eq!(outcomes(&bus.emit(Ping).await), vec!["TimedOut"; size]);
        assert_eq!(begun.elapsed(), Duration::from_millis(size as u64));
    }
}

#[test]
fn each_of_many_listeners_keeps_its_own_timeout_where_a_thread_waits() {
    let bus = Bus::new();
    for at in 0..100 {
        bus.listener::<Ping>().timeout(Duration::from_millis(at % 10)).on_async(|_| pending::<()>());
    }
    assert_eq!(outcomes(&bus.emit(Ping).blocking()), ["TimedOut"; 100]);
}

#[tokio::test]
async fn one_of_many_listeners_that_panics_when_it_is_dropped_is_told() {
    hush();
    let bus = Bus::new();
    for at in 0..40 {
        bus.on_async::<Ping>(move |_| async move {
            let _guard = OnDrop(move || assert!(at != 7, "boom"));
            pending::<()>().await;
        });
    }
    let (cancel, cancelled) = stop();
    let mut emit = bus.emit(Ping).until(cancelled);
    assert!(poll_once(&mut emit).is_pending());
    cancel();
    let report = emit.await;
    let outcomes = outcomes(&report);
    assert_eq!(outcomes.len(), 40);
    assert_eq!(outcomes.iter().position(|outcome| *outcome == "Panicked"), Some(7));
}

#[tokio::test]
async fn many_listeners_of_all_kinds_are_awaited_together() {
    let bus = Bus::new();
    let go = Arc::new(Notify::new());
    for at in 0..90 {
        let listener = bus.listener::<Ping>().with(go.clone());
        match at % 3 {
            0 => listener.on_async(|go, _| async move { go.notified().await }),
            1 => listener.spawned().on_async(|go, _| async move { go.notified().await }),
            _ => listener.on_blocking(|_, _| ()),
        };
    }
    let mut emit = bus.emit(Ping);
    assert!(poll_once(&mut emit).is_pending());
    let (report, ()) = tokio::join!(emit, async {
        while bus.in_flight().blocking > 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..60 {
            go.notify_one();
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(report.succeeded(), 90);
    bus.settled().await.unwrap();
    assert_eq!(bus.in_flight(), InFlight::default());
}

/// Only those that woke are polled: a hundred that sleep are no cost to one that is busy.
#[tokio::test]
async fn of_many_listeners_only_those_that_woke_are_polled() {
    let bus = Bus::new();
    let polls = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        bus.listener::<Ping>().with(polls.clone()).on_async(|polls, _| {
            std::future::poll_fn(move |_| {
                polls.fetch_add(1, Ordering::Relaxed);
                std::task::Poll::<()>::Pending
            })
        });
    }
    bus.on_async::<Ping>(|_| async {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        Err("the busy one has ended")
    });
    let (cancel, cancelled) = stop();
    let emit = bus.emit(Ping).until(cancelled);
    let (report, ()) = tokio::join!(emit, async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        cancel();
    });
    assert_eq!(report.failures().len(), 101);
    assert!(polls.load(Ordering::Relaxed) <= 200, "{} polls", polls.load(Ordering::Relaxed));
}
