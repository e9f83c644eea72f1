//! `explain`: would it run, and why not; and why did it not.

use std::time::Duration;

use eventbus::{
    BoxError, Bus, Event, Report, Retry,
    catalog::{ExplainedGroup, GroupCondition},
    consumer::Unhandled,
    intercept::{EmissionInfo, Intercepted, Interceptor},
};

use super::shape;
use super::support::{Numbered, Ping, Pong};

const LONG: Duration = Duration::from_mins(1);

struct Closed;

impl Interceptor for Closed {
    fn emission(&self, _: &EmissionInfo<'_>) -> Intercepted<Report> {
        Err("closed for today".into())
    }
}

/// The lines of an answer, without times, ids and lines of files.
fn lines(text: &impl ToString) -> Vec<String> {
    let untimed = |line: String| match line.rsplit_once(", ") {
        Some((line, time)) if time.ends_with('s') && time.starts_with(|first: char| first.is_ascii_digit()) => {
            line.to_owned()
        }
        _ => line,
    };
    shape(text).into_iter().map(untimed).collect()
}

#[test]
fn of_a_type_it_tells_who_runs_and_in_which_order() {
    let bus = Bus::new();
    bus.listener::<Ping>().named("last").filter(|_| true).on(|_| {});
    bus.listener::<Ping>().named("first").priority(5).once().on(|_| {});
    bus.on_pattern("pong", |_| {}).unwrap();
    let explanation = bus.explain_event::<Ping>();
    let names: Vec<_> = explanation.runs().iter().map(|info| info.name().unwrap()).collect();
    assert_eq!(names, ["first", "last"]);
    assert_eq!(explanation.to_string(), bus.explain("ping").unwrap().to_string());
    assert!(explanation.lately().nodes().next().is_none() && explanation.interceptors().is_empty());
}

#[test]
fn of_a_type_that_the_bus_has_not_seen_it_tells_who_would_run_and_leaves_nothing_behind() {
    let bus = Bus::new();
    bus.listener_pattern("*").unwrap().named("all").on(|_| {});
    let text = bus.explain_event::<Ping>().to_string();
    assert!(text.starts_with("`ping` is `observe::trace::support::Ping`, which this bus has not seen yet\nruns, in this order:\n  1. listener `all`"), "{text}");
    assert!(bus.catalog().events().is_empty());
}

#[derive(Event)]
#[event(name = "ping")]
struct OtherPing;

#[test]
fn a_type_whose_name_another_one_has_is_told() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| {});
    let explanation = bus.explain_event::<OtherPing>();
    assert!(explanation.runs().is_empty());
    assert_eq!(explanation.taken_by(), Some(Ping::TYPE));
    let text = explanation.to_string();
    assert!(
        text.starts_with("`ping` is `observe::trace::support::Ping` on this bus: emitting the other type panics"),
        "{text}"
    );
}

#[test]
fn why_it_did_not_run_is_told_for_each_listener() {
    let bus = Bus::builder().trace(100).recursion_limit(2).on_failure(|_| {}).build();
    bus.listener::<Ping>().named("filtered").filter(|_| false).on(|_| {});
    bus.listener::<Ping>().named("fails").on(|_| Err("no such user"));
    bus.listener::<Ping>().named("nests").with_context().on(|_, cx| drop(cx.bus().emit(Pong).blocking()));
    bus.listener::<Pong>().named("back").with_context().on(|_, cx| drop(cx.bus().emit(Ping).blocking()));
    assert!(!bus.emit(Ping).blocking().is_ok());
    let text = bus.explain_event::<Ping>().to_string();
    let lately: Vec<_> = lines(&text).into_iter().skip_while(|line| line != "lately:").collect();
    let limit = "did not run: emissions are nested 2 deep, the limit of this bus: ping -> pong -> ping (break the circle, or \
                 raise `recursion_limit`)";
    let expected = [
        "lately:".to_owned(),
        "  emit ping #_: 1 of 2 listeners did not finish well".to_owned(),
        "    listener `filtered` (explain.rs), sync: skipped: its filter said no".to_owned(),
        "    listener `fails` (explain.rs), sync: failed: no such user".to_owned(),
        "    listener `nests` (explain.rs), sync: ok".to_owned(),
        format!("  emit ping #_: {limit}"),
        format!("    listener `filtered` (explain.rs), sync: {limit}"),
        format!("    listener `fails` (explain.rs), sync: {limit}"),
        format!("    listener `nests` (explain.rs), sync: {limit}"),
    ];
    assert_eq!(lately, expected, "{text}");
}

#[test]
fn an_interceptor_that_may_refuse_is_named_and_one_that_has_refused_too() {
    let bus = Bus::builder().intercept(Closed).trace(10).warn_slow_listeners(LONG).on_failure(|_| {}).build();
    bus.listener::<Ping>().named("first").on(|_| {});
    assert!(!bus.emit(Ping).blocking().is_ok());
    let explanation = bus.explain_event::<Ping>();
    assert_eq!(explanation.interceptors(), ["observe::trace::explain::Closed"]);
    let text = explanation.to_string();
    assert!(
        text.contains("interceptors are asked before, and may refuse: `observe::trace::explain::Closed`\n"),
        "{text}"
    );
    assert!(
        text.contains("refused: closed for today (by the interceptor `observe::trace::explain::Closed`)"),
        "{text}"
    );
}

#[test]
fn the_last_five_are_shown() {
    let bus = Bus::builder().trace(100).build();
    bus.on::<Numbered>(|_| {});
    for number in 0..9 {
        assert!(bus.emit(Numbered(number)).blocking().is_ok());
        assert!(bus.emit(Ping).blocking().is_ok());
    }
    let explanation = bus.explain_event::<Numbered>();
    let lately = explanation.lately();
    assert_eq!((lately.roots().count(), lately.nodes().count()), (5, 10));
    assert!(lately.roots().all(|root| root.event() == "numbered" && root.children().count() == 1));
    assert_eq!(bus.explain("ping").unwrap().lately().roots().count(), 5);
    assert_eq!(bus.explain("nobody.knows").unwrap().lately().nodes().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_group_says_whether_it_handles_what_it_gets() {
    let bus = Bus::builder().trace(100).on_failure(|_| {}).build();
    let condition = |group: &str| {
        let explanation = bus.explain_event::<Ping>();
        let group = explanation.groups().iter().find(|one| one.name() == group).map(ExplainedGroup::condition);
        (group, explanation.to_string())
    };
    let fails = |_, _| async { Err::<(), BoxError>("no server".into()) };
    let mail = bus.consumer("mail").handle::<Ping>(fails).retry(Retry::never()).start().await.unwrap();
    bus.consumer("strict").handle::<Pong>(|_, _| async {}).unknown(Unhandled::Fail).start().await.unwrap();
    bus.consumer("other").handle::<Pong>(|_, _| async {}).start().await.unwrap();
    assert_eq!(condition("mail").0, Some(GroupCondition::Running));
    assert_eq!(condition("other").0, None);

    bus.publish(Ping).await.unwrap();
    bus.drained(LONG).await.unwrap();
    let (_, text) = condition("mail");
    let told = lines(&text);
    assert!(told.contains(&"  group `strict`: has no handler for it, so it is a dead letter".to_owned()), "{text}");
    let handled = |line: &String| line.starts_with("  group `mail` (explain.rs") && line.ends_with(": handles it");
    assert!(told.iter().any(handled), "{text}");
    let delivered = "    handler of group `mail` (explain.rs), attempt 1: failed: no server; it is a dead letter";
    assert!(told.contains(&delivered.to_owned()), "{text}");

    mail.pause();
    let (paused, text) = condition("mail");
    assert!(paused == Some(GroupCondition::Paused) && text.contains(": its consumer is paused, so it waits"), "{text}");
    mail.stop(LONG).await;
    let (stopped, text) = condition("mail");
    assert_eq!(stopped, Some(GroupCondition::Stopped));
    assert!(text.contains("group `mail`: its consumer has stopped, so it waits for another one"), "{text}");
    bus.consumer("mail").handle::<Ping>(|_, _| async {}).start().await.unwrap();
    assert_eq!(condition("mail").0, Some(GroupCondition::Running));
    bus.shutdown(LONG).await;
    assert!(condition("mail").1.contains("publishing it is refused: the bus shuts down"));
}

#[tokio::test]
async fn a_group_that_was_removed_is_not_told() {
    let bus = Bus::new();
    let mail = bus.consumer("mail").handle::<Ping>(|_, _| async {}).start().await.unwrap();
    mail.remove(LONG).await.unwrap();
    assert!(bus.explain_event::<Ping>().groups().is_empty());
}

#[cfg(feature = "serde")]
#[tokio::test]
async fn serialised_it_has_the_same() {
    let bus = Bus::builder().trace(10).intercept(Closed).on_failure(|_| {}).build();
    bus.on::<Ping>(|_| {});
    bus.consumer("g").handle::<Ping>(|_, _| async {}).start().await.unwrap();
    assert!(!bus.emit(Ping).await.is_ok());
    let explanation = serde_json::to_value(bus.explain_event::<Ping>()).unwrap();
    assert_eq!(explanation["groups"][0]["name"], "g");
    assert_eq!(explanation["groups"][0]["condition"], "running");
    assert_eq!(explanation["interceptors"][0], "observe::trace::explain::Closed");
    assert_eq!(explanation["lately"]["nodes"][0]["outcome"]["word"], "refused");
}
