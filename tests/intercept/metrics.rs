//! Metrics: every call is counted, once, however it ends.

use std::{future::pending, sync::Arc, time::Duration};

use eventbus::Bus;
use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::recorder::Recorder;
use crate::support::{Log, Ping, hush};

/// What was noted of a listener: once that it was called, once that it ended.
fn of(log: &[String], listener: &str) -> Vec<String> {
    let name = format!("ping/{listener}");
    let rest = |line: &'_ String| line.strip_prefix(&name).map(str::to_owned);
    log.iter().filter_map(rest).filter(|rest| rest.is_empty() || rest.starts_with(": ")).collect()
}

fn each_kind(bus: &Bus) {
    bus.listener::<Ping>().named("ok").on(|_| {});
    bus.listener::<Ping>().named("fails").on(|_| Err("no"));
    bus.listener::<Ping>().named("panics").on(|_| panic!("boom"));
    bus.listener::<Ping>().named("async ok").on_async(|_| async {});
    bus.listener::<Ping>().named("async fails").on_async(|_| async { Err("no") });
    bus.listener::<Ping>().named("async panics").on_async(|_| async { panic!("boom") });
    bus.listener::<Ping>().named("panics at once").on_async(|_| {
        assert!(std::hint::black_box(false), "boom");
        async {}
    });
}

#[test]
fn calls_are_counted_by_how_they_end_without_a_runtime() {
    hush();
    let (bus, log) = Recorder::bus();
    each_kind(&bus);
    let report = bus.emit(Ping).blocking();
    assert_eq!(report.failures().len(), 5);
    let log = log.take();
    for (listener, end) in [
        ("ok", "ok"),
        ("fails", "failed"),
        ("panics", "panicked"),
        ("async ok", "ok"),
        ("async fails", "failed"),
        ("async panics", "panicked"),
        ("panics at once", "panicked"),
    ] {
        assert_eq!(of(&log, listener), [String::new(), format!(": {end}")], "{listener}");
    }
    let counts = "ping: 2 ok, [failed, panicked, failed, panicked, panicked]";
    assert_eq!(log.iter().filter(|line| line.starts_with("ping:")).collect::<Vec<_>>(), [counts]);
}

#[tokio::test]
async fn the_same_in_tasks_and_on_the_pool() {
    hush();
    let (bus, log) = Recorder::bus();
    bus.listener::<Ping>().named("spawned").spawned().on_async(|_| async {});
    bus.listener::<Ping>().named("spawned panics").spawned().on_async(|_| async { panic!("boom") });
    bus.listener::<Ping>().named("blocking").on_blocking(|_| {});
    bus.listener::<Ping>().named("blocking fails").on_blocking(|_| Err("no"));
    bus.listener::<Ping>().named("blocking panics").on_blocking(|_| panic!("boom"));
    assert_eq!(bus.emit(Ping).await.failures().len(), 3);
    let log = log.take();
    for (listener, end) in [
        ("spawned", "ok"),
        ("spawned panics", "panicked"),
        ("blocking", "ok"),
        ("blocking fails", "failed"),
        ("blocking panics", "panicked"),
    ] {
        assert_eq!(of(&log, listener).last(), Some(&format!(": {end}")), "{listener}");
    }
    assert_eq!(log.len(), 12);
    assert_eq!(log.last().unwrap(), "ping: 2 ok, [panicked, failed, panicked]");
}

#[tokio::test(start_paused = true)]
async fn a_listener_whose_time_is_up_ends_as_timed_out() {
    let (bus, log) = Recorder::bus();
    let short = Duration::from_millis(10);
    bus.listener::<Ping>().named("inline").timeout(short).on_async(|_| pending::<()>());
    bus.listener::<Ping>().named("spawned").timeout(short).spawned().on_async(|_| pending::<()>());
    assert_eq!(bus.emit(Ping).await.failures().len(), 2);
    let log = log.take();
    assert!(log.contains(&"ping/inline: timed out".into()), "{log:?}");
    assert!(log.contains(&"ping/spawned: timed out".into()), "{log:?}");
    assert_eq!(log.last().unwrap(), "ping: 0 ok, [timed out, timed out]");
    assert_eq!(log.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn so_does_one_whose_emissions_time_is_up() {
    let (bus, log) = Recorder::bus();
    bus.listener::<Ping>().named("stuck").on_async(|_| pending::<()>());
    assert!(!bus.emit(Ping).timeout(Duration::from_millis(10)).await.is_ok());
    assert_eq!(log.take(), ["ping", "ping/stuck", "ping/stuck: timed out", "ping: 0 ok, [timed out]"]);
}

#[tokio::test]
async fn a_cancelled_emission_ends_its_calls_as_cancelled() {
    let (bus, log) = Recorder::bus();
    let token = CancellationToken::new();
    let cancel = token.clone();
    bus.listener::<Ping>().named("stuck").on_async(move |_| {
        cancel.cancel();
        pending::<()>()
    });
    bus.listener::<Ping>().named("late").on_async(|_| async {});
    assert!(!bus.emit(Ping).cancel_on(&token).await.is_ok());
    let ends = ["ping", "ping/stuck", "ping/stuck: cancelled", "ping: 0 ok, [cancelled, cancelled]"];
    assert_eq!(log.take(), ends, "the second was not called");
}

#[test]
fn a_dropped_emission_ends_with_what_its_report_would_have_said() {
    let (bus, log) = Recorder::bus();
    bus.listener::<Ping>().named("done").on(|_| {});
    bus.listener::<Ping>().named("stuck").on_async(|_| pending::<()>());
    assert!(bus.emit(Ping).now_or_never().is_none());
    let ends = ["ping", "ping/done", "ping/done: ok", "ping/stuck", "ping/stuck: cancelled", "ping: 1 ok, [cancelled]"];
    assert_eq!(log.take(), ends);
    drop(bus.emit(Ping));
    assert_eq!(log.take(), [""; 0], "it had not begun");
}

#[tokio::test]
async fn an_aborted_emission_ends_once() {
    let (bus, log) = Recorder::bus();
    let begun = Arc::new(Notify::new());
    let notify = begun.clone();
    bus.listener::<Ping>().named("stuck").on_async(move |_| {
        notify.notify_one();
        pending::<()>()
    });
    let handle = bus.emit(Ping).spawn();
    begun.notified().await;
    handle.abort();
    assert!(!handle.await.is_ok());
    assert_eq!(log.take(), ["ping", "ping/stuck", "ping/stuck: cancelled", "ping: 0 ok, [cancelled]"]);
}

#[tokio::test]
async fn a_listener_left_behind_ends_when_it_does() {
    let (bus, log) = Recorder::bus();
    let go = Arc::new(Notify::new());
    bus.listener::<Ping>().named("spawned").spawned().with(go.clone()).on_async(|go, _| async move {
        go.notified().await;
    });
    assert!(bus.emit(Ping).now_or_never().is_none());
    assert_eq!(log.take(), ["ping", "ping/spawned", "ping: 0 ok, [still running]"]);
    go.notify_one();
    bus.settled().await.unwrap();
    assert_eq!(log.take(), ["ping/spawned: ok"]);
}

#[tokio::test]
async fn each_of_many_listeners_ends_once() {
    let (bus, log) = Recorder::bus();
    for _ in 0..100 {
        bus.listener::<Ping>().named("many").on_async(|_| tokio::task::yield_now());
    }
    assert_eq!(bus.emit(Ping).await.succeeded(), 100);
    assert_eq!(log.take().iter().filter(|line| *line == "ping/many: ok").count(), 100);
    assert!(bus.emit(Ping).now_or_never().is_none());
    assert_eq!(log.take().iter().filter(|line| *line == "ping/many: cancelled").count(), 100);
}

#[test]
fn a_runtime_that_shuts_down_ends_what_it_held() {
    let (bus, log) = Recorder::bus();
    bus.listener::<Ping>().named("spawned").spawned().on_async(|_| pending::<()>());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { assert!(bus.emit(Ping).now_or_never().is_none()) });
    assert_eq!(log.take(), ["ping", "ping/spawned", "ping: 0 ok, [still running]"]);
    drop(runtime);
    assert_eq!(log.take(), ["ping/spawned: not run"], "its task was dropped before it was polled");
}

#[test]
fn looking_at_a_report_in_end_is_not_reading_it() {
    use crate::support::{bus_lines, in_child};
    let test = "metrics::looking_at_a_report_in_end_is_not_reading_it";
    let Some(output) = in_child(test, || {
        let (bus, _) = Recorder::bus();
        bus.listener::<Ping>().named("fails").on(|_| Err("no"));
        bus.emit(Ping).blocking();
        let log = Log::<String>::default();
        let told = log.clone();
        let bus = Bus::builder().intercept(Recorder::new("")).on_failure(move |failure| told.add(failure.to_string()));
        let bus = bus.build();
        bus.listener::<Ping>().named("told").on(|_| Err("no"));
        bus.emit(Ping).blocking();
        assert_eq!(log.take().len(), 1);
    }) else {
        return;
    };
    let lines = bus_lines(&output);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("listener `fails`"), "{lines:?}");
}
