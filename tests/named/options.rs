//! Every option of a listener by pattern, with each verb, for typed events and for names that no type claims.

use std::{sync::Arc, time::Duration};

use eventbus::{AnyEvent, Bus, Context, Outcome, Subscription, listener::ListenerKind};

use crate::{
    events::UserCreated,
    support::{Log, finishes},
};

/// What a call saw: the state, the event's name, the name that the context knows.
type Seen = (&'static str, String, Option<String>);

type Register = fn(&Bus, Log<Seen>) -> Subscription;

fn seen(log: &Log<Seen>, state: &'static str, e: &AnyEvent<'_>, cx: Option<&Context>) {
    log.add((state, e.name().to_owned(), cx.map(|cx| cx.event_name().to_owned())));
}

/// Each verb in each of the four shapes.
#[rustfmt::skip]
const SHAPES: &[(&str, bool, Register)] = &[
    ("", false, |bus, log| bus.listener_pattern("user.*").unwrap().on(move |e| seen(&log, "", e, None))),
    ("", true, |bus, log| bus.listener_pattern("user.*").unwrap().with_context().on(move |e, cx| seen(&log, "", e, Some(cx)))),
    ("s", false, |bus, log| bus.listener_pattern("user.*").unwrap().with("s").on(move |s, e| seen(&log, s, e, None))),
    ("s", true, |bus, log| bus.listener_pattern("user.*").unwrap().with("s").with_context().on(move |s, e, cx| seen(&log, s, e, Some(cx)))),
    ("s", true, |bus, log| bus.listener_pattern("user.*").unwrap().with_context().with("s").on(move |s, e, cx| seen(&log, s, e, Some(cx)))),
    ("", false, |bus, log| bus.listener_pattern("user.*").unwrap().on_blocking(move |e| seen(&log, "", e, None))),
    ("", true, |bus, log| bus.listener_pattern("user.*").unwrap().with_context().on_blocking(move |e, cx| seen(&log, "", e, Some(cx)))),
    ("s", false, |bus, log| bus.listener_pattern("user.*").unwrap().with("s").on_blocking(move |s, e| seen(&log, s, e, None))),
    ("s", true, |bus, log| bus.listener_pattern("user.*").unwrap().with("s").with_context().on_blocking(move |s, e, cx| seen(&log, s, e, Some(cx)))),
    ("", false, |bus, log| bus.listener_pattern("user.*").unwrap().on_async(move |e| { let log = log.clone(); async move { seen(&log, "", &e, None) } })),
    ("", true, |bus, log| bus.listener_pattern("user.*").unwrap().with_context().on_async(move |e, cx| { let log = log.clone(); async move { seen(&log, "", &e, Some(&cx)) } })),
    ("s", false, |bus, log| bus.listener_pattern("user.*").unwrap().with("s").on_async(move |s, e| { let log = log.clone(); async move { seen(&log, s, &e, None) } })),
    ("s", true, |bus, log| bus.listener_pattern("user.*").unwrap().with("s").with_context().on_async(move |s, e, cx| { let log = log.clone(); async move { seen(&log, s, &e, Some(&cx)) } })),
    ("s", true, |bus, log| bus.listener_pattern("user.*").unwrap().with_context().with("s").spawned().on_async(move |s, e, cx| { let log = log.clone(); async move { seen(&log, s, &e, Some(&cx)) } })),
];

#[tokio::test]
async fn each_verb_takes_state_and_context_in_each_combination() {
    for (at, (state, context, register)) in SHAPES.iter().enumerate() {
        let (bus, log) = (Bus::new(), Log::default());
        register(&bus, log.clone());
        let expected = |name: &str| vec![(*state, name.to_owned(), context.then(|| name.to_owned()))];

        assert_eq!(bus.emit(UserCreated { id: 1 }).await.succeeded(), 1, "shape {at}");
        assert_eq!(log.take(), expected("user.created"), "shape {at}");
        assert_eq!(bus.emit_name("user.lost", ()).unwrap().await.succeeded(), 1, "shape {at}");
        assert_eq!(log.take(), expected("user.lost"), "shape {at}");
        bus.emit_json("user.found", "1").unwrap().await;
        assert_eq!(log.take(), expected("user.found"), "shape {at}");
    }
}

#[tokio::test]
async fn each_verb_may_fail_with_an_error_of_its_own() {
    let bus = Bus::builder().on_failure(|_| ()).build();
    bus.on_pattern("user.*", |_| Err("on")).unwrap();
    bus.on_pattern_async("user.*", |_| async { Err("on_async") }).unwrap();
    bus.on_pattern_blocking("user.*", |_| Err("on_blocking")).unwrap();
    for report in [bus.emit(UserCreated { id: 1 }).await, bus.emit_name("user.lost", ()).unwrap().await] {
        let errors: Vec<_> =
            report.failures().iter().map(|failure| failure.outcome().error().unwrap().to_string()).collect();
        assert_eq!(errors, ["on", "on_async", "on_blocking"]);
    }
}

#[test]
fn a_filter_by_name_decides_and_all_of_several_must_agree() {
    let (bus, log) = (Bus::new(), Log::<String>::default());
    bus.listener_pattern("**")
        .unwrap()
        .filter(|e| e.name().starts_with("user"))
        .filter(|e| e.downcast_ref::<UserCreated>().is_none_or(|user| user.id > 1))
        .with(log.clone())
        .on(|log, e| log.add(e.name().to_owned()));
    assert_eq!(bus.emit(UserCreated { id: 1 }).blocking().succeeded(), 0);
    assert_eq!(bus.emit(UserCreated { id: 2 }).blocking().succeeded(), 1);
    assert_eq!(bus.emit_name("order.lost", ()).unwrap().blocking().succeeded(), 0);
    assert_eq!(bus.emit_name("user.lost", ()).unwrap().blocking().succeeded(), 1);
    assert_eq!(log.take(), ["user.created", "user.lost"]);
}

#[test]
fn a_filter_sees_the_event_as_the_listener_does() {
    let (bus, log) = (Bus::new(), Log::<bool>::default());
    let keeps = log.clone();
    bus.listener_pattern("user.*")
        .unwrap()
        .filter(move |e| {
            keeps.add(e.to_owned().is_some());
            true
        })
        .with(log.clone())
        .on(|log, e| log.add(e.to_owned().is_some()));
    bus.emit(UserCreated { id: 1 }).blocking();
    assert_eq!(log.take(), [false, false], "by value");
    bus.emit(Arc::new(UserCreated { id: 1 })).blocking();
    assert_eq!(log.take(), [true, true], "in an `Arc`");
}

#[test]
fn a_filter_that_says_no_does_not_spend_once() {
    let bus = Bus::new();
    let subscription = bus.listener_pattern("user.*").unwrap().once().filter(|e| e.name() == "user.created").on(|_| ());
    bus.emit_name("user.lost", ()).unwrap().blocking();
    assert!(subscription.is_on());
    assert_eq!(bus.emit(UserCreated { id: 1 }).blocking().succeeded(), 1);
    assert!(!subscription.is_on());
}

#[test]
fn a_panic_in_a_filter_by_name_is_its_listeners() {
    crate::support::hush();
    let bus = Bus::builder().on_failure(|_| ()).build();
    bus.listener_pattern("user.*").unwrap().named("picky").filter(|_| panic!("boom")).on(|_| ());
    bus.listener_pattern("user.*").unwrap().named("late").filter(|_| panic!("boom")).on_async(|_| async {});
    bus.on_pattern("user.*", |_| ()).unwrap();
    for report in [bus.emit(UserCreated { id: 1 }).blocking(), bus.emit_name("user.lost", ()).unwrap().blocking()] {
        let names: Vec<_> = report.failures().iter().map(|failure| failure.listener().name().unwrap()).collect();
        assert_eq!((names, report.succeeded()), (vec!["picky", "late"], 1));
    }
}

#[test]
fn priorities_order_typed_and_by_name_alike() {
    let (bus, log) = (Bus::new(), Log::default());
    let add = |entry| {
        let log = log.clone();
        move || log.add(entry)
    };
    let (a, b, c, d, e) = (add("first"), add("typed"), add("by name"), add("typed again"), add("last"));
    bus.listener_pattern("**").unwrap().priority(-1).on(move |_| e());
    bus.on::<UserCreated>(move |_| b());
    bus.on_pattern("user.*", move |_| c()).unwrap();
    bus.on::<UserCreated>(move |_| d());
    bus.listener_pattern("**").unwrap().priority(1).on(move |_| a());
    bus.emit(UserCreated { id: 1 }).blocking();
    assert_eq!(log.take(), ["first", "typed", "by name", "typed again", "last"]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_its_own_stops_a_listener_by_name() {
    let bus = Bus::builder().on_failure(|_| ()).build();
    bus.listener_pattern("user.*").unwrap().timeout(Duration::from_secs(1)).on_async(|_| std::future::pending::<()>());
    for report in [bus.emit(UserCreated { id: 1 }).await, bus.emit_name("user.lost", ()).unwrap().await] {
        assert!(matches!(report.failures()[0].outcome(), Outcome::TimedOut), "{report}");
    }
}

#[tokio::test]
async fn a_spawned_listener_by_name_runs_in_a_task_of_its_own() {
    let bus = Bus::new();
    let spawned = bus.listener_pattern("user.*").unwrap().spawned().on_async(|_| async {
        assert_ne!(tokio::task::try_id(), None);
    });
    assert_eq!(spawned.info().kind(), ListenerKind::Spawned);
    assert_eq!(bus.emit(UserCreated { id: 1 }).await.succeeded(), 1);
    assert_eq!(bus.emit_name("user.lost", ()).unwrap().await.succeeded(), 1);
}

#[test]
fn async_listeners_by_name_need_no_runtime() {
    finishes("blocking without a runtime", || {
        let bus = Bus::new();
        bus.on_pattern_async("user.*", |_| async {}).unwrap();
        assert_eq!(bus.emit_name("user.lost", ()).unwrap().blocking().succeeded(), 1);
    });
}
