//! Authorisation: an emission, or the call of one listener, is refused.

use std::{error::Error, fmt};

use eventbus::{Bus, EmitError, Event, Outcome, Report, emit::NotRun, intercept::Intercepted};

use super::recorder::{OnEmission, Recorder, Refuses, word};
use crate::support::{Log, Ping, Pong};

#[derive(Event)]
struct AccountClosed {
    by: &'static str,
}

#[derive(Debug)]
struct Forbidden(&'static str);

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} may not close accounts", self.0)
    }
}

impl Error for Forbidden {}

fn guarded() -> (Bus, Log) {
    let only_root = OnEmission(|emission: &eventbus::intercept::EmissionInfo<'_>| -> Intercepted<Report> {
        match emission.event().downcast_ref::<AccountClosed>() {
            Some(closed) if closed.by != "root" => Err(Forbidden(closed.by).into()),
            _ => Ok(None),
        }
    });
    let (bus, log) = (Bus::builder().intercept(only_root).build(), Log::default());
    let noted = log.clone();
    bus.listener::<AccountClosed>().named("sync").on(move |_| noted.add("sync"));
    let noted = log.clone();
    bus.listener::<AccountClosed>().named("async").on_async(move |_| {
        noted.add("async");
        async {}
    });
    (bus, log)
}

#[test]
fn a_refused_emission_calls_nobody_and_says_why_for_each() {
    let (bus, log) = guarded();
    let report = bus.emit(AccountClosed { by: "mallory" }).blocking();
    assert_eq!(log.take(), [""; 0]);
    assert_eq!((report.succeeded(), report.failures().len(), report.emission()), (0, 2, None));
    for failure in report.failures() {
        let Outcome::NotRun(NotRun::Refused(reason)) = failure.outcome() else { panic!("{failure}") };
        assert_eq!(reason.downcast_ref::<Forbidden>().unwrap().0, "mallory");
        assert!(failure.to_string().ends_with("did not run: refused: mallory may not close accounts"), "{failure}");
    }
    assert!(matches!(report.into_result(), Err(EmitError::Failed(_))));

    assert!(bus.emit(AccountClosed { by: "root" }).blocking().is_ok());
    assert_eq!(log.take(), ["sync", "async"]);
}

#[tokio::test]
async fn it_is_refused_however_it_is_finished() {
    let (bus, log) = guarded();
    let mallory = || AccountClosed { by: "mallory" };
    assert_eq!(bus.emit(mallory()).await.failures().len(), 2);
    assert_eq!(bus.emit(mallory()).spawn().await.failures().len(), 2);
    assert_eq!(bus.emitter().emit(mallory()).await.failures().len(), 2);
    assert_eq!(bus.emit_name("account.closed", mallory()).unwrap().await.failures().len(), 2);
    assert_eq!(log.take(), [""; 0]);
}

#[tokio::test]
async fn a_refused_call_stops_no_other_one() {
    let bus = Bus::builder().intercept(Refuses("x")).build();
    let log = Log::default();
    for name in ["a", "x", "b"] {
        let noted = log.clone();
        bus.listener::<Ping>().named(name).on(move |_| noted.add(name));
        let noted = log.clone();
        bus.listener::<Ping>().named(name).on_async(move |_| {
            noted.add(name);
            async {}
        });
        let noted = log.clone();
        bus.listener::<Ping>().named(name).spawned().on_async(move |_| {
            noted.add(name);
            async {}
        });
        let noted = log.clone();
        bus.listener::<Ping>().named(name).on_blocking(move |_| noted.add(name));
    }
    let report = bus.emit(Ping).await;
    let refused: Vec<_> = report.failures().iter().map(|failure| word(Some(failure.outcome()))).collect();
    assert_eq!(refused, ["refused"; 4]);
    assert!(report.failures().iter().all(|failure| failure.listener().name() == Some("x")));
    assert_eq!(report.succeeded(), 8);
    let mut ran = log.take();
    ran.sort_unstable();
    assert_eq!(ran, ["a", "a", "a", "a", "b", "b", "b", "b"]);
}

#[test]
fn those_around_a_refusal_are_told() {
    let outer = Recorder::new("outer ");
    let (log, inner) = (outer.log.clone(), Recorder::new("inner "));
    let (inner_log, no) = (inner.log.clone(), Refuses("x"));
    let bus = Bus::builder().intercept(outer).intercept(no).intercept(inner).build();
    bus.listener::<Ping>().named("x").on(|_| {});
    assert!(!bus.emit(Ping).blocking().is_ok());
    let told = ["outer ping", "outer ping/x", "outer ping/x: refused", "outer ping: 0 ok, [refused]"];
    assert_eq!(log.take(), told);
    assert_eq!(inner_log.take(), ["inner ping", "inner ping: 0 ok, [refused]"], "further in nobody was asked");
}

#[test]
fn those_around_a_refused_emission_are_told() {
    let outer = Recorder::new("");
    let log = outer.log.clone();
    let no = OnEmission(|_: &eventbus::intercept::EmissionInfo<'_>| -> Intercepted<Report> { Err("closed".into()) });
    let bus = Bus::builder().intercept(outer).intercept(no).build();
    bus.on::<Ping>(|_| {});
    assert!(!bus.emit(Ping).blocking().is_ok());
    assert_eq!(log.take(), ["ping", "ping: 0 ok, [refused]"]);
    assert!(bus.emit(Pong).blocking().is_ok(), "nobody listens: there is nothing to refuse");
}
