//! What does not run is told to interceptors, which cannot change it.

use std::{sync::mpsc, time::Duration};

use eventbus::{
    Bus, Outcome, Report, Subscription,
    emit::NotRun,
    intercept::{Around, CallEnd, EmissionInfo, Intercepted, Interceptor, Skipped},
    listener::ListenerInfo,
};

use crate::support::{Log, Ping, Pong, hush};

/// Notes what does not run.
struct NotRunLog(Log<String>);

impl Interceptor for NotRunLog {
    fn skipped(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo, why: Skipped) {
        self.0.add(format!("{}: {}: {why:?}", emission.event_name(), listener.name().unwrap_or("-")));
    }

    fn not_begun(&self, emission: &EmissionInfo<'_>, report: &Report) {
        let why = match report.failures().first().map(eventbus::Failure::outcome) {
            Some(Outcome::NotRun(NotRun::RecursionLimit(chain))) => format!("depth {}", chain.depth()),
            Some(Outcome::NotRun(NotRun::TooManySpawned { limit })) => format!("{limit} spawned"),
            other => format!("{other:?}"),
        };
        let inside = emission.parent().is_some_and(|parent| parent != emission.emission());
        self.0.add(format!("{}: {why}, inside: {inside}", emission.event_name()));
    }
}

fn watched() -> (eventbus::BusBuilder, Log<String>) {
    let log = Log::default();
    (Bus::builder().intercept(NotRunLog(log.clone())).on_failure(|_| {}), log)
}

#[test]
fn a_listener_that_is_passed_over_is_told_with_the_reason() {
    let (bus, log) = watched();
    let bus = bus.build();
    let off = std::sync::Arc::new(std::sync::Mutex::new(None::<Subscription>));
    let to_end = off.clone();
    bus.on::<Ping>(move |_| _ = to_end.lock().unwrap().take().map(|subscription| subscription.off()));
    *off.lock().unwrap() = Some(bus.listener::<Ping>().named("second").on(|_| {}));
    bus.listener::<Ping>().named("filtered").filter(|_| false).on_async(|_| async {});
    let report = bus.emit(Ping).blocking();
    assert!(report.is_ok() && report.succeeded() == 1);
    assert_eq!(log.take(), ["ping: second: Off", "ping: filtered: Filter"]);
}

#[test]
fn an_emission_beyond_the_recursion_limit_is_told_with_its_parent() {
    let (bus, log) = watched();
    let bus = bus.recursion_limit(2).build();
    bus.listener::<Ping>().with_context().on(|_, cx| drop(cx.bus().emit(Pong).blocking()));
    bus.listener::<Pong>().with_context().on(|_, cx| drop(cx.bus().emit(Ping).blocking()));
    assert!(bus.emit(Ping).blocking().is_ok());
    assert_eq!(log.take(), ["ping: depth 2, inside: true"]);
}

#[tokio::test]
async fn an_emission_beyond_the_limit_of_spawned_ones_is_told() {
    let (bus, log) = watched();
    let bus = bus.max_spawned(0).build();
    bus.on::<Ping>(|_| {});
    assert!(!bus.emit(Ping).spawn().await.is_ok());
    assert_eq!(log.take(), ["ping: 0 spawned, inside: false"]);
}

#[test]
fn looking_at_the_report_does_not_count_as_reading_it() {
    struct Looks;
    impl Interceptor for Looks {
        fn not_begun(&self, _: &EmissionInfo<'_>, report: &Report) {
            assert!(!report.is_ok());
        }
    }
    let output = crate::support::in_child("not_run::looking_at_the_report_does_not_count_as_reading_it", || {
        let bus = Bus::builder().intercept(Looks).recursion_limit(1).build();
        bus.listener::<Ping>().with_context().on(|_, cx| drop(cx.bus().emit(Pong).blocking()));
        bus.listener::<Pong>().named("never").on(|_| {});
        drop(bus.emit(Ping).blocking());
    });
    let Some(output) = output else { return };
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("listener `never`"), "{told}");
}

#[test]
fn an_interceptor_that_panics_there_changes_nothing() {
    struct Panics;
    impl Interceptor for Panics {
        fn skipped(&self, _: &EmissionInfo<'_>, _: &ListenerInfo, _: Skipped) {
            panic!("boom")
        }

        fn not_begun(&self, _: &EmissionInfo<'_>, _: &Report) {
            panic!("boom")
        }
    }
    hush();
    let bus = Bus::builder().intercept(Panics).recursion_limit(1).on_failure(|_| {}).build();
    bus.listener::<Ping>().filter(|_| false).on(|_| {});
    bus.listener::<Ping>().with_context().on(|_, cx| drop(cx.bus().emit(Pong).blocking()));
    bus.on::<Pong>(|_| {});
    let report = bus.emit(Ping).blocking();
    assert!(report.is_ok() && report.succeeded() == 1);
}

/// Notes whether calls end because no thread was free in time.
#[derive(Clone)]
struct NotBegunLog(Log<bool>);

impl Interceptor for NotBegunLog {
    fn call(&self, _: &EmissionInfo<'_>, _: &ListenerInfo) -> Intercepted<CallEnd> {
        Ok(Some(Box::new(self.clone())))
    }
}

impl Around<CallEnd> for NotBegunLog {
    fn end(self: Box<Self>, end: &CallEnd) {
        self.0.add(matches!(end.outcome(), Some(Outcome::NotRun(NotRun::NotBegun))));
    }
}

#[test]
fn a_blocking_listener_that_gets_no_thread_in_time_is_told_as_not_begun() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let (release, released) = mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || released.recv());
        let log = Log::default();
        let bus = Bus::builder().intercept(NotBegunLog(log.clone())).build();
        bus.on_blocking::<Ping>(|_| {});
        assert!(!bus.emit(Ping).timeout(Duration::from_millis(1)).await.is_ok());
        drop(release);
        busy.await.unwrap().unwrap_err();
        bus.settled().await.unwrap();
        assert_eq!(log.take(), [true]);
    });
}
