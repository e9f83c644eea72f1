//! Emissions that nobody hears: told to interceptors that ask for them, and to no other.

use eventbus::{EventName, prelude::Bus, warning::Warning};

use super::{recorder::Recorder, watcher::Unheard};
use crate::support::{Log, Ping, Pong};

const UNHEARD: &str = "ping unheard: 0 called";

fn watched() -> (Bus, Log<String>) {
    let log = Log::default();
    (Bus::builder().intercept(Unheard(log.clone())).build(), log)
}

#[test]
fn an_interceptor_that_does_not_ask_is_told_of_no_unheard_emission() {
    let (log, other) = (Log::default(), Recorder::with_parts("", &Log::default()));
    let seen = other.log.clone();
    let bus = Bus::builder().intercept(other).intercept(Unheard(log.clone())).build();
    assert!(bus.emit(Ping).blocking().is_ok());
    assert_eq!((log.take(), seen.take()), (vec![UNHEARD.to_owned()], Vec::new()));
}

#[test]
fn each_unheard_emission_is_told_however_it_is_made() {
    let (bus, log) = watched();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut emitter = bus.emitter::<Ping>();
    let reports = runtime.block_on(async {
        [
            bus.emit(Ping).blocking(),
            bus.emit(Ping).await,
            bus.emit(Ping).spawn().await,
            emitter.emit(Ping).await,
            bus.emit_name("ping", Ping).unwrap().await,
            bus.emit(std::sync::Arc::new(Ping)).timeout(std::time::Duration::from_secs(9)).blocking(),
            bus.emit_name("nobody.knows", 7).unwrap().await,
        ]
    });
    assert!(reports.iter().all(|report| report.is_ok() && report.succeeded() == 0));
    let mut told = vec![UNHEARD; 6];
    told.push("nobody.knows unheard: 0 called");
    assert_eq!(log.take(), told);
}

#[test]
fn whoever_listens_for_unheard_emissions_counts_as_no_listener() {
    let (bus, log) = watched();
    assert!(bus.emit(Ping).blocking().is_ok());
    assert_eq!((bus.listener_count::<Ping>(), bus.event_names()), (0, Vec::<EventName>::new()));
    let sub = bus.on::<Ping>(|_| {});
    assert_eq!(bus.listener_count::<Ping>(), 1);
    assert_eq!(bus.emit(Ping).blocking().succeeded(), 1);
    sub.off();
    assert_eq!(bus.emit(Ping).blocking().succeeded(), 0);
    assert_eq!(log.take(), [UNHEARD, "ping heard: 1 called", UNHEARD]);
}

#[test]
fn an_unheard_emission_has_a_parent_too() {
    let parents = Log::default();
    let seen = parents.clone();
    let bus = Bus::builder()
        .intercept(Unheard(Log::default()))
        .intercept(super::recorder::OnEmission(move |emission: &eventbus::intercept::EmissionInfo<'_>| {
            seen.add((emission.emission(), emission.parent()));
            Ok(None)
        }))
        .build();
    bus.listener::<Ping>().with_context().on(|_, cx| cx.bus().emit(Pong).blocking().into_result().map(drop));
    bus.on::<Pong>(|_| {});
    assert!(bus.emit(Ping).blocking().is_ok());
    let seen = parents.take();
    let [(ping, None), (_, Some(parent))] = seen[..] else { panic!("{seen:?}") };
    assert_eq!(parent, ping);
}

#[tokio::test]
async fn an_unheard_event_of_a_group_is_noticed_once_on_a_watched_bus_too() {
    let (log, notices) = (Log::default(), Log::default());
    let told = notices.clone();
    let builder = Bus::builder().intercept(Unheard(log.clone()));
    let bus = builder.on_warning(move |notice: &Warning| told.add(notice.clone())).build();
    bus.consumer("group").handle::<Ping>(|_, _| async {}).start().await.unwrap();
    for _ in 0..3 {
        assert!(bus.emit(Ping).await.is_ok());
    }
    assert_eq!(log.take(), [UNHEARD; 3]);
    assert!(matches!(&notices.take()[..], [Warning::EmittedToGroup { .. }]));
}
