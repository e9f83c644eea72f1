//! Who hears what, and how listeners by pattern come and go.

use std::sync::Arc;

use eventbus::{Bus, Event, by_name::PatternErrorKind, listener::ListenerKind};
use serde_json::json;

use crate::{
    events::{OrderDone, OrderDoneV2, UserCreated, UserRenamed},
    support::{Log, OnDrop},
};

/// A bus whose listeners by all three verbs, one for each pattern, write their patterns down.
fn listening(patterns: &[&'static str]) -> (Bus, Log) {
    let (bus, log) = (Bus::new(), Log::default());
    for &pattern in patterns {
        let adds = |log: &Log| {
            let log = log.clone();
            move || log.add(pattern)
        };
        let (sync, late, blocking) = (adds(&log), adds(&log), adds(&log));
        bus.on_pattern(pattern, move |_| sync()).unwrap();
        bus.on_pattern_async(pattern, move |_| {
            late();
            async {}
        })
        .unwrap();
        bus.on_pattern_blocking(pattern, move |_| blocking()).unwrap();
    }
    (bus, log)
}

/// What three verbs say of these patterns.
fn thrice(patterns: &[&'static str]) -> Vec<&'static str> {
    let mut all: Vec<_> = patterns.iter().flat_map(|pattern| [*pattern; 3]).collect();
    all.sort_unstable();
    all
}

fn sorted(log: &Log) -> Vec<&'static str> {
    let mut entries = log.take();
    entries.sort_unstable();
    entries
}

const PATTERNS: &[&str] = &["user.created", "user.*", "user.**", "**", "*.created", "*", "order.*", "user", "**.done"];

#[tokio::test]
async fn each_matching_subscription_is_called_exactly_once() {
    let (bus, log) = listening(PATTERNS);
    let users = thrice(&["user.created", "user.*", "user.**", "**", "*.created"]);

    assert_eq!(bus.emit(UserCreated { id: 1 }).await.succeeded(), users.len());
    assert_eq!(sorted(&log), users, "typed");
    assert_eq!(bus.emitter().emit(Arc::new(UserCreated { id: 1 })).await.succeeded(), users.len());
    assert_eq!(sorted(&log), users, "through an emitter");
    bus.emit_name("user.created", UserCreated { id: 1 }).unwrap().await;
    assert_eq!(sorted(&log), users, "by name");
    bus.emit_json("user.created", r#"{"id": 1}"#).unwrap().await;
    assert_eq!(sorted(&log), users, "as JSON");

    bus.emit(OrderDone { id: 1 }).await;
    assert_eq!(sorted(&log), thrice(&["**", "order.*", "**.done"]));
    bus.emit_name("startup", ()).unwrap().await;
    assert_eq!(sorted(&log), thrice(&["**", "*"]), "a name that no type claims");
    bus.emit_json("user.email.changed", &json!(7)).unwrap().await;
    assert_eq!(sorted(&log), thrice(&["**", "user.**"]));
}

#[test]
fn a_listener_hears_all_versions_and_is_told_which() {
    let (bus, log) = (Bus::new(), Log::<(String, u32)>::default());
    bus.listener_pattern("order.*").unwrap().with(log.clone()).on(|log, e| log.add((e.name().to_owned(), e.version())));
    bus.emit(OrderDone { id: 1 }).blocking();
    bus.emit(OrderDoneV2 { id: String::new() }).blocking();
    bus.emit_name("order.lost.v3", ()).unwrap().blocking();
    assert_eq!(log.take(), [("order.done".into(), 1), ("order.done".into(), 2), ("order.lost".into(), 3)]);
}

#[test]
fn a_scope_has_the_same_verbs_and_takes_its_listeners_along() {
    let (bus, log) = (Bus::new(), Log::default());
    let scope = bus.scope("audit");
    let add = |entry| {
        let log = log.clone();
        move || log.add(entry)
    };
    let (a, b, c, d) = (add("on"), add("on_async"), add("on_blocking"), add("listener"));
    let first = scope.on_pattern("user.*", move |_| a()).unwrap();
    scope
        .on_pattern_async("user.*", move |_| {
            b();
            async {}
        })
        .unwrap();
    scope.on_pattern_blocking("user.*", move |_| c()).unwrap();
    scope.listener_pattern("user.*").unwrap().priority(1).on(move |_| d());
    assert_eq!(first.info().scope(), Some("audit"));
    assert_eq!(scope.listener_count(), 4);

    bus.emit(UserCreated { id: 1 }).blocking();
    assert_eq!(log.take(), ["listener", "on", "on_async", "on_blocking"]);
    assert_eq!(scope.off(), 4);
    assert_eq!(bus.emit(UserCreated { id: 1 }).blocking().succeeded(), 0);
    assert_eq!(bus.emit_name("user.lost", ()).unwrap().blocking().succeeded(), 0);
    assert!(bus.listener_infos().is_empty() && !first.is_on());
}

#[test]
fn a_scope_outlives_its_bus_and_registers_nowhere() {
    let scope = Bus::new().scope("orphan");
    let subscription = scope.on_pattern("**", |_| ()).unwrap();
    assert!(!subscription.is_on() && !subscription.off());
    assert!(scope.on_pattern("a..b", |_| ()).is_err(), "a mistake is one even so");
}

#[test]
fn off_ends_it_for_every_name() {
    let bus = Bus::new();
    bus.declare::<UserCreated>().unwrap();
    let subscription = bus.on_pattern("user.*", |_| ()).unwrap();
    bus.emit(UserRenamed(1)).blocking();
    assert!(subscription.is_on());

    assert!(subscription.off());
    assert!(!subscription.off() && !subscription.is_on());
    assert_eq!(bus.emit(UserCreated { id: 1 }).blocking().succeeded(), 0);
    assert_eq!(bus.emit(UserRenamed(1)).blocking().succeeded(), 0);
    assert_eq!(bus.emit_name("user.lost", ()).unwrap().blocking().succeeded(), 0);
    assert!(bus.event_names().is_empty() && bus.listener_infos().is_empty());
}

#[test]
fn a_guard_ends_it_where_it_is_dropped() {
    let bus = Bus::new();
    bus.declare::<UserCreated>().unwrap();
    {
        let _guard = bus.on_pattern("user.*", |_| ()).unwrap().guard();
        assert_eq!(bus.listener_count::<UserCreated>(), 1);
    }
    assert_eq!(bus.listener_count::<UserCreated>(), 0);
    let kept = bus.on_pattern("user.*", |_| ()).unwrap().guard().keep();
    assert!(kept.is_on());
}

#[tokio::test]
async fn off_and_wait_returns_when_the_closure_is_dropped() {
    let (bus, log) = (Bus::new(), Log::default());
    let dropped = {
        let log = log.clone();
        OnDrop(move || log.add("dropped"))
    };
    let subscription = bus
        .on_pattern("user.*", move |_| {
            let _ = &dropped;
        })
        .unwrap();
    bus.emit(UserCreated { id: 1 }).await;
    bus.emit(UserRenamed(1)).await;
    bus.emit_name("user.lost", ()).unwrap().await;
    subscription.off_and_wait().await.unwrap();
    assert_eq!(log.take(), ["dropped"]);
}

#[tokio::test]
async fn off_and_wait_inside_an_emission_by_name_is_refused() {
    let (bus, log) = (Bus::new(), Log::default());
    let other = bus.on_pattern("**", |_| ()).unwrap();
    bus.listener_pattern("user.*").unwrap().with((log.clone(), other)).on_async(|(log, other), _| async move {
        if other.off_and_wait().await.is_err() {
            log.add("refused");
        }
    });
    bus.emit_name("user.lost", ()).unwrap().await;
    assert_eq!(log.take(), ["refused"]);
}

#[test]
fn clear_ends_those_by_name_too() {
    let bus = Bus::new();
    bus.declare::<UserCreated>().unwrap();
    let subscription = bus.on_pattern("user.*", |_| ()).unwrap();
    bus.on::<UserCreated>(|_| ());
    bus.clear();
    assert!(!subscription.is_on() && !subscription.off());
    assert_eq!(bus.listener_count::<UserCreated>(), 0);
    assert!(bus.listener_infos().is_empty());
    assert_eq!(bus.emit_name("user.lost", ()).unwrap().blocking().succeeded(), 0);
    assert_eq!(bus.emit(UserCreated { id: 1 }).blocking().succeeded(), 0);
    // And for events that come later.
    assert_eq!(bus.emit(UserRenamed(1)).blocking().succeeded(), 0);
}

#[test]
fn listeners_lists_those_by_name_behind_the_typed_ones() {
    let bus = Bus::new();
    bus.listener_pattern("user.*").unwrap().named("low").priority(-1).on(|_| ());
    bus.on_pattern("**", |_| ()).unwrap();
    bus.on::<UserCreated>(|_| ());
    let here = line!() + 1;
    bus.listener_pattern("order.*").unwrap().named("high").priority(9).on_async(|_| async {});

    let listeners = bus.listener_infos();
    let patterns: Vec<_> = listeners.iter().map(|info| info.pattern().map(|pattern| pattern.as_str())).collect();
    assert_eq!(patterns, [None, Some("order.*"), Some("**"), Some("user.*")]);
    assert_eq!(listeners[0].event(), Some(UserCreated::TYPE));
    assert_eq!(listeners[1].event(), None);
    assert_eq!((listeners[1].name(), listeners[1].kind()), (Some("high"), ListenerKind::Async));
    assert_eq!((listeners[1].location().file(), listeners[1].location().line()), (file!(), here));
    assert_eq!(bus.event_names(), ["user.created"]);
}

#[test]
fn listener_count_includes_those_by_name_also_of_an_event_not_yet_seen() {
    let bus = Bus::new();
    bus.on_pattern("user.*", |_| ()).unwrap();
    bus.on_pattern("order.*", |_| ()).unwrap();
    assert_eq!(bus.listener_count::<UserCreated>(), 1, "not yet seen");
    bus.on::<UserCreated>(|_| ());
    assert_eq!(bus.listener_count::<UserCreated>(), 2);
}

#[test]
fn an_emitter_hears_of_listeners_by_name_that_come_and_go() {
    let bus = Bus::new();
    let mut emitter = bus.emitter::<UserCreated>();
    assert_eq!(emitter.emit(UserCreated { id: 1 }).blocking().succeeded(), 0);
    let subscription = bus.on_pattern("user.*", |_| ()).unwrap();
    assert_eq!(emitter.emit(UserCreated { id: 1 }).blocking().succeeded(), 1);
    subscription.off();
    assert_eq!(emitter.emit(UserCreated { id: 1 }).blocking().succeeded(), 0);
}

#[test]
fn a_malformed_pattern_is_an_error_that_points_at_the_place() {
    let bus = Bus::new();
    for result in [
        bus.on_pattern("user_*.x", |_| ()).map(drop),
        bus.on_pattern_async("user_*.x", |_| async {}).map(drop),
        bus.on_pattern_blocking("user_*.x", |_| ()).map(drop),
        bus.listener_pattern("user_*.x").map(drop),
        bus.scope("s").on_pattern("user_*.x", |_| ()).map(drop),
    ] {
        let Err(error) = result else { panic!("accepted: {result:?}") };
        assert_eq!((error.at(), error.kind()), (5, PatternErrorKind::PartialWildcard));
    }
    assert!(bus.listener_infos().is_empty());
}
