//! Each emission counts once, however it is made, and so does each call.

use std::{sync::Arc, time::Duration};

use eventbus::Bus;

use super::support::{Numbered, Ping, Pong, calls, counting, event, listener};

/// Emits a `Ping` in each way there is; how often.
async fn in_every_way(bus: &Bus) -> u64 {
    let mut emitter = bus.emitter::<Ping>();
    let deferred = bus.deferred();
    deferred.emit(Ping);
    let other = bus.clone();
    let blocked = tokio::task::spawn_blocking(move || other.emit(Ping).blocking());
    let reports = [
        bus.emit(Ping).await,
        bus.emit(Arc::new(Ping)).await,
        bus.emit(Ping).spawn().await,
        bus.emit(Ping).timeout(Duration::from_mins(1)).await,
        emitter.emit(Ping).await,
        emitter.emit(Ping).await,
        bus.emit_name("ping", Ping).unwrap().await,
        blocked.await.unwrap(),
    ];
    assert!(reports.iter().all(eventbus::Report::is_ok));
    deferred.release().await.into_result().unwrap();
    bus.settled().await.unwrap();
    reports.len() as u64 + 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_emit_counts_once_and_so_does_each_call() {
    let bus = counting();
    bus.listener::<Ping>().named("sync").on(|_| {});
    bus.listener::<Ping>().named("async").on_async(|_| tokio::task::yield_now());
    bus.listener::<Ping>().named("ready").on_async(|_| async {});
    bus.listener::<Ping>().named("spawned").spawned().on_async(|_| async {});
    bus.listener::<Ping>().named("blocking").on_blocking(|_| {});
    bus.listener_pattern("*").unwrap().named("by pattern").on(|_| {});
    let emitted = in_every_way(&bus).await;

    let stats = event::<Ping>(&bus);
    assert_eq!((stats.emissions, stats.unheard, stats.in_flight, stats.calls), (emitted, 0, 0, emitted * 6));
    assert_eq!(stats.failures.total(), 0);
    let names: Vec<_> = stats.listeners.iter().map(|stats| stats.listener.name().unwrap()).collect();
    assert_eq!(names, ["sync", "async", "ready", "spawned", "blocking"]);
    for name in names.into_iter().chain(["by pattern"]) {
        let stats = listener(&bus, name);
        assert_eq!((stats.calls, stats.running, stats.failures.total()), (emitted, 0, 0), "{name}");
        assert!(stats.latency.count > 0, "{name}");
    }
    for name in ["async", "ready", "spawned", "blocking"] {
        assert_eq!(listener(&bus, name).latency.count, emitted, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_emit_what_nobody_hears_counts_once() {
    let bus = counting();
    let emitted = in_every_way(&bus).await;
    let stats = event::<Ping>(&bus);
    assert_eq!((stats.emissions, stats.unheard, stats.in_flight, stats.calls), (emitted, emitted, 0, 0));
    assert_eq!((bus.listener_count::<Ping>(), bus.event_names().len()), (0, 0));
}

#[test]
fn what_nobody_hears_any_more_is_counted_too() {
    let bus = counting();
    let heard = bus.on::<Ping>(|_| {});
    bus.emit(Ping).blocking();
    heard.off();
    for _ in 0..3 {
        bus.emit(Ping).blocking();
    }
    let stats = event::<Ping>(&bus);
    assert_eq!((stats.emissions, stats.unheard), (4, 3));
}

#[tokio::test]
async fn what_only_a_group_handles_is_still_told_once() {
    let told = Arc::new(std::sync::Mutex::new(0));
    let log = told.clone();
    let bus = Bus::builder().stats(true).on_warning(move |_| *log.lock().unwrap() += 1).build();
    bus.emit(Ping).blocking();
    bus.consumer("mailer").handle::<Ping>(|_, _| async {}).start().await.unwrap();
    for _ in 0..3 {
        bus.emit(Ping).await;
    }
    assert_eq!((*told.lock().unwrap(), event::<Ping>(&bus).unheard), (1, 4));
}

#[test]
fn by_default_nothing_of_emissions_is_counted() {
    let bus = Bus::new();
    bus.listener::<Ping>().named("sync").on(|_| {});
    bus.listener_pattern("**").unwrap().named("by pattern").on(|_| {});
    bus.emit(Ping).blocking();
    bus.emit(Pong).blocking();
    bus.emit_name("nobody.knows", 7).unwrap().blocking();
    let stats = bus.stats();
    assert!(!stats.counts_emissions);
    assert_eq!((stats.events.len(), stats.by_pattern.len(), stats.unclaimed), (0, 0, 0));
    assert!(stats.event::<Ping>().is_none() && stats.listener("sync").is_none());
}

#[test]
fn names_that_no_type_claims_are_counted_in_one_number() {
    let bus = counting();
    for name in ["a.a", "a.b", "b.a"] {
        bus.emit_name(name, 7).unwrap().blocking();
    }
    bus.listener_pattern("a.*").unwrap().named("a").on(|_| {});
    bus.listener_pattern("a.*").unwrap().named("async").on_async(|_| async {});
    for name in ["a.a", "a.b", "b.a"] {
        bus.emit_name(name, 7).unwrap().blocking();
    }
    let stats = bus.stats();
    assert_eq!((stats.unclaimed, stats.events.len()), (6, 0));
    assert_eq!((calls(&bus, "a"), calls(&bus, "async")), (2, 2));
}

#[test]
fn a_listener_by_pattern_has_the_calls_of_all_events() {
    let bus = counting();
    bus.emit(Ping).blocking();
    bus.listener_pattern("*").unwrap().named("p").on(|_| {});
    for _ in 0..50 {
        bus.emit(Ping).blocking();
        bus.emit(Pong).blocking();
        bus.emit_name("pang", 7).unwrap().blocking();
        bus.emit_name("two.segments", 7).unwrap().blocking();
    }
    assert_eq!(calls(&bus, "p"), 150);
    assert_eq!((event::<Ping>(&bus).calls, event::<Pong>(&bus).calls), (50, 50));
    assert!(event::<Ping>(&bus).listeners.is_empty());
    assert_eq!(bus.stats().by_pattern.len(), 1);
}

#[test]
fn emissions_nested_in_others_count_for_their_own_events() {
    let bus = counting();
    bus.listener::<Numbered>().named("outer").with_context().on(|e, cx| {
        if e.0 > 0 {
            cx.bus().emit(Numbered(e.0 - 1)).blocking();
        }
        cx.bus().emit(Ping).blocking();
    });
    let weak = bus.downgrade();
    bus.listener::<Numbered>().named("captured").on(move |_| {
        weak.upgrade().unwrap().emit(Pong).blocking();
    });
    bus.listener::<Ping>().named("inner").on(|_| {});
    for _ in 0..40 {
        bus.emit(Numbered(4)).blocking();
    }
    assert_eq!((event::<Numbered>(&bus).emissions, event::<Ping>(&bus).emissions), (200, 200));
    assert_eq!((event::<Pong>(&bus).emissions, event::<Pong>(&bus).unheard), (200, 200));
    assert_eq!((calls(&bus, "outer"), calls(&bus, "captured"), calls(&bus, "inner")), (200, 200, 200));
}

#[test]
fn a_chain_that_is_too_deep_counts_as_not_run() {
    let bus = Bus::builder().stats(true).recursion_limit(3).on_failure(|_| ()).build();
    bus.listener::<Ping>().named("again").with_context().on(|_, cx| drop(cx.bus().emit(Ping).blocking()));
    for _ in 0..30 {
        bus.emit(Ping).blocking();
    }
    let stats = event::<Ping>(&bus);
    assert_eq!((stats.emissions, stats.calls, stats.in_flight), (30 * 4, 30 * 3, 0));
    assert_eq!(stats.failures.to_string(), "30 not run");
    assert_eq!(listener(&bus, "again").failures, stats.failures);
}

#[test]
fn a_listener_sees_its_own_emission_in_flight() {
    let bus = counting();
    let weak = bus.downgrade();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = seen.clone();
    bus.on::<Ping>(move |_| {
        let bus = weak.upgrade().unwrap();
        log.lock().unwrap().push(event::<Ping>(&bus).in_flight);
    });
    for _ in 0..20 {
        bus.emit(Ping).blocking();
    }
    assert_eq!(*seen.lock().unwrap(), [1; 20]);
    assert_eq!(event::<Ping>(&bus).in_flight, 0);
}

#[test]
fn interceptors_do_not_change_what_is_counted() {
    struct Refuses;
    impl eventbus::intercept::Interceptor for Refuses {
        fn call(
            &self,
            _: &eventbus::intercept::EmissionInfo<'_>,
            listener: &eventbus::listener::ListenerInfo,
        ) -> eventbus::intercept::Intercepted<eventbus::intercept::CallEnd> {
            if listener.name() == Some("refused") { Err("not today".into()) } else { Ok(None) }
        }
    }
    let bus = Bus::builder().stats(true).intercept(Refuses).on_failure(|_| ()).build();
    bus.listener::<Ping>().named("refused").on(|_| {});
    bus.listener::<Ping>().named("called").on(|_| {});
    bus.listener::<Ping>().named("refused").on_async(|_| async {});
    for _ in 0..30 {
        bus.emit(Ping).blocking();
    }
    bus.emit(Pong).blocking();
    let stats = event::<Ping>(&bus);
    assert_eq!((stats.emissions, stats.calls, stats.failures.to_string()), (30, 30, "60 not run".into()));
    assert_eq!((calls(&bus, "refused"), calls(&bus, "called")), (0, 30));
    assert_eq!(event::<Pong>(&bus).unheard, 1);
}
