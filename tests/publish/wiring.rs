//! Mistakes of wiring, and what is said to them.

use std::time::Duration;

use eventbus::{
    AnyEvent, Bus, Delivery, Event, PublishError,
    by_name::Pattern,
    consumer::{ConsumerBuilder, ConsumerError},
};
use proptest::prelude::*;

use crate::support::{HOUR, Job, Log, yield_a_lot};

async fn unit<E>(_: E, _: Delivery) {}

fn builder() -> ConsumerBuilder {
    Bus::new().consumer("group")
}

async fn mistake(builder: ConsumerBuilder) -> String {
    let error = builder.start().await.err().unwrap();
    error.to_string()
}

#[tokio::test]
async fn two_handlers_for_one_event_are_refused_and_both_places_named() {
    let line = line!();
    let two = builder().handle::<Job>(unit).handle::<Job>(unit);
    let error = mistake(two).await;
    let place = format!("tests/publish/wiring.rs:{}:", line + 1);
    assert_eq!(error.matches(&place).count(), 2, "{error}");
    assert!(error.contains("group `group` has two handlers for one event: for `job` at"), "{error}");

    for (first, second) in [("job", "job"), ("*", "job"), ("**", "a.b"), ("a.*", "*.b"), ("**.z", "a.**")] {
        let pair = builder().handle_pattern(first, |_, _| async {}).handle_pattern(second, |_, _| async {});
        let error = mistake(pair).await;
        assert!(
            error.contains(&format!("for `{first}` at")) && error.contains(&format!("for `{second}` at")),
            "{error}"
        );
    }
    for pattern in ["job", "*", "**"] {
        let error = mistake(builder().handle_pattern(pattern, |_, _| async {}).handle::<Job>(unit)).await;
        assert!(error.contains(&format!("for `{pattern}` at")) && error.contains("for `job` at"), "{error}");
        let error = mistake(builder().to_listeners::<Job>().handle_pattern(pattern, |_, _| async {})).await;
        assert!(error.contains("has two handlers for one event"), "{error}");
    }
    builder().handle::<Job>(unit).handle_pattern("jobs.*", |_, _| async {}).start().await.unwrap();
}

#[tokio::test]
async fn a_group_without_handlers_a_bad_name_and_a_bad_pattern_are_refused() {
    assert!(mistake(builder()).await.contains("group `group` has no handler; add `.handle::<E>(..)`"));
    let long = "x".repeat(129);
    for name in ["", "a b", "groupé", "a\nb", "\u{7f}", &long] {
        let error = Bus::new().consumer(name).handle::<Job>(unit).start().await.unwrap_err();
        assert!(matches!(error, ConsumerError::Name { .. }), "{error}");
        assert!(!error.to_string().contains('\n'));
    }
    Bus::new().consumer(&long[1..]).handle::<Job>(unit).start().await.unwrap();
    for pattern in ["", "a..b", "A b", "***"] {
        let error = builder().handle_pattern(pattern, |_, _| async {}).start().await.unwrap_err();
        assert!(matches!(error, ConsumerError::Pattern(_)), "{error}");
    }
}

#[tokio::test]
async fn a_group_is_taken_until_its_consumer_has_stopped() {
    let bus = Bus::new();
    let first = bus.consumer("group").handle::<Job>(unit).start().await.unwrap();
    let error = bus.consumer("group").handle::<Job>(unit).start().await.unwrap_err();
    assert!(matches!(error, ConsumerError::GroupTaken { .. }), "{error}");
    assert!(error.to_string().contains("group `group` has a consumer on this bus already"));
    let report = first.stop(HOUR).await;
    assert_eq!(&*report.group, "group");
    let second = bus.consumer("group").handle::<Job>(unit).start().await.unwrap();
    first.stop(HOUR).await;
    let error = bus.consumer("group").handle::<Job>(unit).start().await.unwrap_err();
    assert!(matches!(error, ConsumerError::GroupTaken { .. }), "stopping the old one again frees nothing: {error}");
    second.stop(HOUR).await;
}

#[tokio::test]
async fn a_start_that_fails_or_is_given_up_leaves_its_group_free() {
    let bus = Bus::new();
    bus.consumer("group").start().await.unwrap_err();
    drop(bus.consumer("group").handle::<Job>(unit).start());
    bus.consumer("group").handle::<Job>(unit).start().await.unwrap();
}

#[test]
fn a_consumer_needs_a_runtime_of_the_code_or_of_the_bus() {
    let started = futures_executor::block_on(builder().handle::<Job>(unit).start());
    assert!(matches!(started, Err(ConsumerError::NoRuntime { .. })));
    let runtime = crate::support::multi_thread(1);
    let bus = Bus::builder().runtime(runtime.handle().clone()).build();
    futures_executor::block_on(bus.consumer("group").handle::<Job>(unit).start()).unwrap();
    bus.try_publish(Job(0)).unwrap();
    let report = futures_executor::block_on(bus.shutdown(Duration::from_secs(5)));
    assert_eq!(report.stats().deliveries().handled, 1);
}

#[test]
fn a_bus_whose_consumers_have_a_runtime_shuts_down_from_anywhere() {
    let runtime = crate::support::multi_thread(1);
    let bus = Bus::new();
    runtime.block_on(bus.consumer("group").handle::<Job>(unit).start()).unwrap();
    bus.try_publish(Job(0)).unwrap();
    let report = futures_executor::block_on(bus.shutdown(Duration::from_secs(5)));
    assert_eq!(report.stats().deliveries().handled, 1);
}

#[tokio::test]
async fn an_event_without_a_codec_is_refused_where_codecs_are_required() {
    let bus = Bus::builder().require_codecs().build();
    let error = bus.consumer("group").handle::<Job>(unit).start().await.unwrap_err();
    assert!(matches!(error, ConsumerError::NoCodec { .. }), "{error}");
    assert!(
        error.to_string().contains("group `group` cannot handle") && error.to_string().contains("serde"),
        "{error}"
    );
    let error = bus.publish(Job(1)).await.unwrap_err();
    assert!(matches!(error, PublishError::NoCodec(Job(1))), "{error}");
    assert!(bus.stats().published.is_balanced());
}

#[tokio::test]
async fn two_types_of_one_name_are_a_mistake_of_wiring() {
    #[derive(Event)]
    #[event(name = "job")]
    struct Impostor;
    let error = mistake(builder().handle::<Job>(unit).handle::<Impostor>(unit)).await;
    assert!(error.contains("Impostor") && error.contains("Job") && error.contains("wiring.rs"), "{error}");
}

#[tokio::test]
async fn two_versions_of_one_event_have_a_handler_each() {
    #[derive(Event)]
    #[event(name = "job", version = 2)]
    struct JobTwo;
    let (bus, log) = (Bus::new(), Log::default());
    let (one, two) = (log.clone(), log.clone());
    let note = |log: &Log<u32>, of: u32| {
        log.add(of);
        async {}
    };
    let builder = bus.consumer("group").handle::<Job>(move |_, _| note(&one, 1));
    builder.handle::<JobTwo>(move |_, _| note(&two, 2)).start().await.unwrap();
    bus.publish(JobTwo).await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    yield_a_lot().await;
    assert_eq!(log.take(), [2, 1]);
}

fn short_pattern() -> impl Strategy<Value = String> {
    let segment = prop_oneof!["[ab]", Just("*".to_owned()), Just("**".to_owned())];
    prop::collection::vec(segment, 1..5).prop_map(|segments| segments.join("."))
}

/// All names of up to seven of the segments that occur, and of one that does not.
fn names() -> Vec<String> {
    let mut names: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
    let mut last = names.clone();
    for _ in 1..7 {
        last = last.iter().flat_map(|name| ["a", "b", "c"].map(|next| format!("{name}.{next}"))).collect();
        names.extend(last.iter().cloned());
    }
    names
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::support::scaled(300, 5_000)))]

    #[test]
    fn patterns_overlap_where_a_name_matches_both(one in short_pattern(), other in short_pattern()) {
        let (Ok(first), Ok(second)) = (Pattern::new(&one), Pattern::new(&other)) else { return Ok(()) };
        let share = names().iter().any(|name| first.matches(name) && second.matches(name));
        let nothing = |_: AnyEvent<'static>, _: Delivery| async {};
        let pair = builder().handle_pattern(&one, nothing).handle_pattern(&other, nothing);
        let started = crate::support::current_thread().block_on(pair.start());
        prop_assert_eq!(matches!(started, Err(ConsumerError::HandlerTaken { .. })), share, "`{}` and `{}`", one, other);
    }
}
