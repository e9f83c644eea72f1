//! P7: the recursion limit bounds the work of a chain, not only its depth.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use eventbus::{Bus, EmitError, Outcome, Report, emit::NotRun};

use crate::support::{Log, Ping, Pong};

/// A bus on which `listeners` listeners to `Ping` each emit `Ping` again.
fn circle(limit: u32, listeners: usize) -> (Bus, Arc<AtomicUsize>) {
    let bus = Bus::builder().recursion_limit(limit).on_failure(|_| ()).build();
    let calls = Arc::new(AtomicUsize::new(0));
    for _ in 0..listeners {
        let (weak, calls) = (bus.downgrade(), calls.clone());
        bus.on::<Ping>(move |_| {
            calls.fetch_add(1, Ordering::Relaxed);
            weak.upgrade().unwrap().emit(Ping).blocking();
        });
    }
    (bus, calls)
}

#[test]
fn a_circle_with_two_listeners_ends_after_as_many_calls_as_the_chain_is_long() {
    for limit in [1, 2, 16, 64] {
        let (bus, calls) = circle(limit, 2);
        bus.emit(Ping).blocking();
        // Once down to the limit; from there on each level calls its second listener, whose emission is refused.
        assert_eq!(calls.load(Ordering::Relaxed), 2 * limit as usize, "limit {limit}");
    }
}

#[test]
fn a_circle_with_ten_listeners_and_the_largest_kept_limit_ends() {
    let (bus, calls) = circle(64, 10);
    bus.emit(Ping).blocking();
    assert_eq!(calls.load(Ordering::Relaxed), 640);
}

#[test]
fn a_chain_that_reached_the_limit_refuses_nothing_of_the_next_emission() {
    let (bus, calls) = circle(8, 2);
    for round in 1..=100 {
        bus.emit(Ping).blocking();
        assert_eq!(calls.load(Ordering::Relaxed), 16 * round);
    }
    bus.on::<Pong>(|_| ());
    assert!(bus.emit(Pong).blocking().is_ok());
}

#[test]
fn what_a_chain_emits_after_it_has_reached_the_limit_names_the_limit() {
    let bus = Bus::builder().recursion_limit(4).build();
    let reports = Log::<Report>::default();
    let (weak, log) = (bus.downgrade(), reports.clone());
    bus.on::<Ping>(move |_| {
        let bus = weak.upgrade().unwrap();
        bus.emit(Ping).blocking();
        // Its own depth is below the limit, but its chain has reached it.
        log.add(bus.emit(Pong).blocking());
    });
    bus.on::<Pong>(|_| ());
    bus.emit(Ping).blocking();
    let reports = reports.take();
    assert_eq!(reports.len(), 4);
    for report in reports {
        let outcome = report.failures()[0].outcome();
        let Outcome::NotRun(NotRun::RecursionLimit(chain)) = outcome else { panic!("{outcome}") };
        assert_eq!(chain.is_spent(), chain.depth() < 4, "the innermost one is as deep as the limit itself");
    }
}

#[tokio::test]
async fn an_async_circle_with_two_listeners_ends() {
    let bus = Bus::builder().recursion_limit(16).on_failure(|_| ()).build();
    let calls = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        let (weak, calls) = (bus.downgrade(), calls.clone());
        bus.on_async::<Ping>(move |_| {
            calls.fetch_add(1, Ordering::Relaxed);
            let bus = weak.upgrade().unwrap();
            async move {
                tokio::task::yield_now().await;
                bus.emit(Ping).await;
            }
        });
    }
    bus.emit(Ping).await;
    // Two listeners take turns: more than one chain may be on its way down when the first reaches the limit.
    let calls = calls.load(Ordering::Relaxed);
    assert!(calls < 1 << 17, "{calls} calls");
}

#[tokio::test]
async fn a_circle_of_spawned_emissions_ends() {
    let bus = Bus::builder().recursion_limit(12).on_failure(|_| ()).build();
    let calls = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        let (weak, calls) = (bus.downgrade(), calls.clone());
        bus.on::<Ping>(move |_| {
            calls.fetch_add(1, Ordering::Relaxed);
            weak.upgrade().unwrap().emit(Ping).spawn();
        });
    }
    bus.emit(Ping).await;
    bus.settled().await.unwrap();
    assert!(calls.load(Ordering::Relaxed) <= (1 << 13), "{calls:?}");
}

#[test]
fn a_timeout_ends_the_emissions_nested_in_its_emission() {
    let bus = Bus::new();
    let (weak, inner) = (bus.downgrade(), Log::<Report>::default());
    let log = inner.clone();
    bus.on::<Ping>(move |_| log.add(weak.upgrade().unwrap().emit(Pong).blocking()));
    bus.on::<Pong>(|_| std::thread::sleep(Duration::from_millis(30))); // the work that overruns
    bus.on::<Pong>(|_| panic!("called though the time of the outer emission is up"));
    bus.on::<Ping>(|_| panic!("called though the time is up"));

    let report = bus.emit(Ping).timeout(Duration::from_millis(10)).blocking();
    assert!(matches!(report.clone().into_result(), Err(EmitError::TimedOut(_))));
    assert!(matches!(report.failures(), [failure] if matches!(failure.outcome(), Outcome::TimedOut)), "{report}");
    let inner = inner.take().remove(0);
    assert!(matches!(inner.failures(), [failure] if matches!(failure.outcome(), Outcome::TimedOut)), "{inner}");
}

#[test]
fn a_token_ends_the_emissions_nested_in_its_emission() {
    let bus = Bus::new();
    let token = tokio_util::sync::CancellationToken::new();
    let (weak, inner) = (bus.downgrade(), Log::<Report>::default());
    let log = inner.clone();
    bus.on::<Ping>(move |_| log.add(weak.upgrade().unwrap().emit(Pong).blocking()));
    let cancels = token.clone();
    bus.on::<Pong>(move |_| cancels.cancel());
    bus.on::<Pong>(|_| panic!("called though the outer emission is cancelled"));

    let report = bus.emit(Ping).cancel_on(&token).blocking();
    let inner = inner.take().remove(0);
    assert!(matches!(inner.clone().into_result(), Err(EmitError::Cancelled(_))), "{inner}");
    // All of the outer one's own listeners had run.
    assert!(report.is_ok(), "{report}");
}

#[test]
fn a_limit_of_one_emission_is_none_of_the_next_one() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| ());
    bus.on::<Pong>(|_| ());
    let token = tokio_util::sync::CancellationToken::new();
    token.cancel();
    assert!(!bus.emit(Ping).cancel_on(&token).blocking().is_ok());
    assert!(bus.emit(Pong).blocking().is_ok());
    assert!(!bus.emit(Ping).timeout(Duration::ZERO).blocking().is_ok());
    assert!(bus.emit(Pong).blocking().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_ends_nested_emissions_of_listeners_that_wait() {
    let bus = Bus::new();
    let weak = bus.downgrade();
    bus.on_async::<Ping>(move |_| {
        let bus = weak.upgrade().unwrap();
        async move { bus.emit(Pong).await.into_result().map(drop) }
    });
    bus.on_async::<Pong>(|_| std::future::pending::<()>());
    let report = bus.emit(Ping).timeout(Duration::from_secs(1)).await;
    assert!(matches!(report.into_result(), Err(EmitError::TimedOut(_))));
}

/// `.spawn()` hands the emission to the runtime: it has no part in the one around it.
#[tokio::test(start_paused = true)]
async fn a_spawned_emission_does_not_end_with_the_one_around_it() {
    let bus = Bus::new();
    let (weak, log) = (bus.downgrade(), Log::default());
    bus.on::<Ping>(move |_| drop(weak.upgrade().unwrap().emit(Pong).spawn()));
    bus.listener::<Pong>().with(log.clone()).on_async(|log, _| async move {
        tokio::time::sleep(Duration::from_secs(10)).await;
        log.add("ended");
    });
    assert!(bus.emit(Ping).timeout(Duration::from_secs(1)).await.is_ok());
    bus.settled().await.unwrap();
    assert_eq!(log.take(), ["ended"]);
}

#[test]
fn a_synchronous_listener_that_overruns_the_timeout_is_told_as_timed_out() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| std::thread::sleep(Duration::from_millis(30))); // the work that overruns
    let report = bus.emit(Ping).timeout(Duration::from_millis(5)).blocking();
    assert_eq!((report.succeeded(), report.failures().len()), (1, 0));
    assert!(!report.is_ok());
    assert_eq!(report.to_string(), "ping: 1 listener finished well, but not in time");
    let error = report.into_result().unwrap_err();
    assert!(matches!(error, EmitError::TimedOut(_)));
    assert_eq!(error.to_string(), "timed out: 1 of 1 listeners of `ping` finished well, but not in time");
}

#[test]
fn a_failure_of_a_listener_that_overruns_is_kept() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| {
        std::thread::sleep(Duration::from_millis(30)); // the work that overruns
        Err("no such customer")
    });
    let report = bus.emit(Ping).timeout(Duration::from_millis(5)).blocking();
    assert!(matches!(report.failures(), [failure] if matches!(failure.outcome(), Outcome::Failed(_))));
    assert!(matches!(report.into_result(), Err(EmitError::TimedOut(_))));
}

/// P4: depth first.
#[test]
fn an_event_emitted_inside_another_one_reaches_later_listeners_first() {
    let bus = Bus::new();
    let (weak, log) = (bus.downgrade(), Log::default());
    bus.on::<crate::support::Numbered>(move |e| {
        if e.0 == 1 {
            weak.upgrade().unwrap().emit(crate::support::Numbered(2)).blocking();
        }
    });
    let later = log.clone();
    bus.on::<crate::support::Numbered>(move |e| later.add(e.0));
    bus.emit(crate::support::Numbered(1)).blocking();
    assert_eq!(log.take(), [2, 1]);
}

#[test]
fn a_timer_without_a_runtime_is_told_how_to_get_one() {
    crate::support::hush();
    let bus = Bus::new();
    bus.on_async::<Ping>(|_| tokio::time::sleep(Duration::from_millis(1)));
    let report = bus.emit(Ping).blocking();
    let text = report.to_string();
    assert!(text.contains("panicked") && text.contains("`Bus::builder().runtime(..)`"), "{text}");
}
