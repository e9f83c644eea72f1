//! How each thing ended, in the words of the report, and never with a payload.

use std::time::Duration;

use eventbus::{
    Bus, Event, Report,
    intercept::{CallEnd, EmissionInfo, Intercepted, Interceptor, PublishEnd, PublishInfo},
    listener::ListenerInfo,
    trace::TraceNode,
};

use super::support::{Ping, Pong};
use super::{shape, words};
use crate::hush;

const LONG: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn each_listener_has_its_outcome() {
    hush();
    let bus = Bus::builder().trace(10).on_failure(|_| {}).build();
    bus.listener::<Ping>().named("fails").on(|_| Err("no such user"));
    bus.listener::<Ping>().named("panics").on(|_| panic!("boom"));
    bus.listener::<Ping>().named("late").timeout(Duration::from_secs(2)).on_async(|_| std::future::pending::<()>());
    assert!(!bus.emit(Ping).await.is_ok());
    let expected = [
        "emit ping #_: 3 of 3 listeners did not finish well, 2s",
        "  listener `fails` (outcomes.rs), sync: failed: no such user, 0ns",
        "  listener `panics` (outcomes.rs), sync: panicked: boom, 0ns",
        "  listener `late` (outcomes.rs), async: timed out, 2s",
    ];
    assert_eq!(shape(&bus.trace()), expected);
}

#[tokio::test(start_paused = true)]
async fn an_emission_that_ends_early_says_what_became_of_those_not_called() {
    let bus = Bus::builder().trace(10).on_failure(|_| {}).build();
    bus.on_async::<Ping>(|_| std::future::pending::<()>());
    bus.listener::<Ping>().named("task").spawned().on_async(|_| std::future::pending::<()>());
    assert!(!bus.emit(Ping).timeout(Duration::from_secs(1)).await.is_ok());
    let trace = bus.trace();
    // The one in a task of its own goes on.
    assert_eq!(words(&trace), [(0, "timed out"), (1, "timed out"), (1, "running")], "{trace}");
    drop(tokio::time::timeout(Duration::from_secs(1), bus.emit(Ping)).await);
    let trace = bus.trace();
    assert_eq!(words(&trace)[3..], [(0, "cancelled"), (1, "cancelled"), (1, "running")], "{trace}");
}

#[test]
fn a_listener_without_its_means_is_told_though_it_was_never_asked() {
    let bus = Bus::builder().trace(10).on_failure(|_| {}).build();
    bus.listener::<Ping>().named("task").spawned().on_async(|_| async {});
    assert!(!bus.emit(Ping).blocking().is_ok());
    let trace = bus.trace();
    assert_eq!(words(&trace), [(0, "failed"), (1, "not run")]);
    assert!(trace.to_string().contains("did not run: it needs a tokio runtime"), "{trace}");
}

#[test]
fn a_listener_that_was_switched_off_in_between_is_told() {
    let bus = Bus::builder().trace(10).build();
    let off = std::sync::Arc::new(std::sync::Mutex::new(None::<eventbus::Subscription>));
    let to_end = off.clone();
    bus.on::<Ping>(move |_| _ = to_end.lock().unwrap().take().unwrap().off());
    *off.lock().unwrap() = Some(bus.listener::<Ping>().named("second").on(|_| {}));
    assert!(bus.emit(Ping).blocking().is_ok());
    let trace = bus.trace();
    assert_eq!(words(&trace), [(0, "ok"), (1, "ok"), (1, "skipped")]);
    assert!(
        trace.to_string().contains("skipped: it was switched off, or had its only run, before its turn"),
        "{trace}"
    );
}

struct NoPing;

impl Interceptor for NoPing {
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        if emission.event_name() == "ping" { Err("closed".into()) } else { Ok(None) }
    }

    fn publish(&self, publish: &mut PublishInfo<'_>) -> Intercepted<PublishEnd> {
        if publish.message().event_name() == "ping" { Err("no pings".into()) } else { Ok(None) }
    }

    fn call(&self, _: &EmissionInfo<'_>, listener: &ListenerInfo) -> Intercepted<CallEnd> {
        if listener.name() == Some("guarded") { Err("not you".into()) } else { Ok(None) }
    }
}

#[test]
fn what_an_interceptor_refuses_names_the_interceptor() {
    let bus = Bus::builder().intercept(NoPing).trace(10).on_failure(|_| {}).build();
    bus.listener::<Ping>().named("first").on(|_| {});
    bus.listener::<Pong>().named("guarded").on(|_| {});
    assert_eq!(bus.emit(Ping).blocking().refused_by(), Some("observe::trace::outcomes::NoPing"));
    assert_eq!(bus.emit(Pong).blocking().refused_by(), None);
    let expected = [
        "emit ping #_: did not run: refused: closed (by the interceptor `observe::trace::outcomes::NoPing`)",
        "  listener `first` (outcomes.rs), sync: did not run: refused: closed",
        "emit pong #_: 1 of 1 listeners did not finish well",
        "  listener `guarded` (outcomes.rs), sync: did not run: refused: not you (by the interceptor \
         `observe::trace::outcomes::NoPing`)",
    ];
    let trace = bus.trace();
    let untimed = |line: String| {
        line.rsplit_once(", ").filter(|(_, end)| end.ends_with('s')).map_or(line.clone(), |(line, _)| line.into())
    };
    assert_eq!(shape(&trace).into_iter().map(untimed).collect::<Vec<_>>(), expected);
}

#[derive(Event)]
#[event(name = "a.b")]
struct First;

#[derive(Event)]
#[event(name = "c.d")]
struct Second;

#[test]
fn a_loop_names_its_chain() {
    let bus = Bus::builder().trace(100).recursion_limit(4).on_failure(|_| {}).build();
    bus.listener::<First>().named("there").with_context().on(|_, cx| drop(cx.bus().emit(Second).blocking()));
    bus.listener::<Second>().named("back").with_context().on(|_, cx| drop(cx.bus().emit(First).blocking()));
    assert!(bus.emit(First).blocking().is_ok());
    let trace = bus.trace();
    assert_eq!(trace.roots().count(), 1);
    let last = trace.nodes().filter(|node| node.depth() == 8).last().unwrap();
    assert_eq!((last.event(), last.outcome().word()), ("a.b", "not run"));
    let text = "emissions are nested 4 deep, the limit of this bus: a.b -> c.d -> a.b -> c.d -> a.b";
    assert!(last.outcome().text().unwrap().contains(text), "{trace}");
    assert_eq!(last.parent().and_then(TraceNode::listener).and_then(ListenerInfo::name), Some("back"));
    assert_eq!(last.children().map(|call| call.outcome().word()).collect::<Vec<_>>(), ["not run"]);
}

#[tokio::test]
async fn a_delivery_without_a_handler_and_a_refused_publish_are_told() {
    let bus = Bus::builder().intercept(NoPing).trace(10).on_failure(|_| {}).build();
    let fail = eventbus::consumer::Unhandled::Fail;
    bus.consumer("g").handle::<Ping>(|_, _| async {}).unknown(fail).start().await.unwrap();
    bus.publish(Pong).await.unwrap();
    bus.drained(LONG).await.unwrap();
    bus.settled().await.unwrap();
    assert!(bus.publish(Ping).await.is_err());
    let trace = bus.trace();
    let expected = [(0, "ok"), (1, "dead letter"), (2, "nobody listens"), (0, "refused")];
    assert_eq!(words(&trace), expected, "{trace}");
    let delivery = trace.nodes().nth(1).unwrap().to_string();
    assert!(delivery.starts_with("group `g`, which has no handler for it, attempt 1: failed: "), "{delivery}");
    assert!(trace.nodes().nth(3).unwrap().to_string().contains("refused: no pings"), "{trace}");
}

#[test]
fn a_payload_is_nowhere_in_a_trace() {
    #[derive(Event, Debug)]
    struct Secret(#[expect(dead_code, reason = "not to be seen")] &'static str);
    let bus = Bus::builder().trace(10).on_failure(|_| {}).build();
    bus.on::<Secret>(|_| Err("refused"));
    assert!(!bus.emit(Secret("hunter2")).blocking().is_ok());
    let trace = bus.trace();
    assert!(!format!("{trace} {trace:?} {:?}", trace.nodes().collect::<Vec<_>>()).contains("hunter2"));
}

#[test]
fn an_error_whose_text_is_endless_is_cut_off() {
    let bus = Bus::builder().trace(10).on_failure(|_| {}).build();
    bus.on::<Ping>(|_| Err("x".repeat(10_000)));
    assert!(!bus.emit(Ping).blocking().is_ok());
    let trace = bus.trace();
    let call = trace.nodes().nth(1).unwrap();
    assert!(call.outcome().text().unwrap().len() <= 520, "{trace}");
}
