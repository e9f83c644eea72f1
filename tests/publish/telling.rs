//! What goes wrong is told: failed attempts, dead letters, events that nobody handles, publishers that wait.

use std::{sync::Arc, time::Duration};

use eventbus::{
    Bus, Delivery, Event, Overflow, Retry, catalog::ExplainedGroup, listener::ListenerKind, transport::Memory,
};

use crate::support::{HOUR, Job, Log, hush, poll_once, unread, yield_a_lot};

#[derive(Event)]
struct Placed;

fn failing(bus: &Bus) -> eventbus::consumer::ConsumerBuilder {
    let handler = |_: Arc<Job>, delivery: Delivery| async move {
        assert!(delivery.attempt() != 2, "boom in an attempt");
        Err::<(), _>("no server")
    };
    bus.consumer("mailer").handle::<Job>(handler).retry(Retry::fixed(Duration::from_secs(1)).max_attempts(3))
}

#[tokio::test(start_paused = true)]
async fn failed_attempts_and_the_dead_letter_reach_the_failure_hook() {
    hush();
    let log = Log::default();
    let told = log.clone();
    let bus = Bus::builder().on_failure(move |failure| told.add(failure.clone())).build();
    failing(&bus).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    bus.drained(HOUR).await.unwrap();
    let failures = log.take();
    let attempts: Vec<_> = failures.iter().map(|one| (one.attempt(), one.is_dead_letter())).collect();
    assert_eq!(attempts, [(Some(1), false), (Some(2), false), (Some(3), true)]);
    assert!(failures.iter().all(|one| one.listener().kind() == ListenerKind::Handler && one.event_name() == "job"));
    let texts: Vec<_> = failures.iter().map(ToString::to_string).collect();
    assert!(texts[0].starts_with("job: handler of group `mailer` (tests/publish/telling.rs:"), "{texts:?}");
    assert!(texts[0].ends_with("failed: no server (attempt 1, another follows)"), "{texts:?}");
    assert!(texts[1].contains("panicked: boom in an attempt"), "{texts:?}");
    assert!(texts[2].ends_with("(attempt 3, the last: it is a dead letter)"), "{texts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_consumer_has_a_hook_of_its_own_for_failed_attempts() {
    hush();
    let (log, letters) = (Log::default(), Log::default());
    let (told, dead) = (log.clone(), letters.clone());
    let bus = Bus::builder().on_failure(|_| {}).on_dead_letter(move |letter| dead.add(letter.to_string())).build();
    let consumer = failing(&bus);
    let consumer = consumer.on_attempt_failed(move |attempt| told.add((attempt.attempt, attempt.next_after)));
    consumer.start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    bus.drained(HOUR).await.unwrap();
    let second = Some(Duration::from_secs(1));
    assert_eq!(log.take(), [(1, second), (2, second), (3, None)]);
    let letters = letters.take();
    assert!(letters.len() == 1 && letters[0].ends_with("in group `mailer` failed 3 times: no server"), "{letters:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_ends_nothing() {
    hush();
    let bus = Bus::builder().on_failure(|_| panic!("boom")).on_dead_letter(|_| panic!("boom")).build();
    failing(&bus).on_attempt_failed(|_| panic!("boom")).start().await.unwrap();
    for id in 0..3 {
        bus.publish(Job(id)).await.unwrap();
    }
    bus.drained(HOUR).await.unwrap();
    assert_eq!(bus.stats().deliveries().dead_lettered, 3);
}

#[tokio::test]
async fn an_event_that_no_group_handles_is_told_once_by_name() {
    let log = Log::default();
    let told = log.clone();
    let bus = Bus::builder().on_warning(move |notice| told.add(notice.to_string())).build();
    bus.consumer("jobs").handle::<Job>(|_, _| async {}).start().await.unwrap();
    for id in 0..3 {
        bus.publish(Placed).await.unwrap();
        bus.publish(Job(id)).await.unwrap();
    }
    let told = log.take();
    assert!(told.len() == 1 && told[0].starts_with("`placed` was published and no group handles it"), "{told:?}");
    assert_eq!(bus.stats().unrouted.waiting, 3);
}

#[tokio::test]
async fn a_publisher_that_waits_for_room_is_told_once_by_name() {
    let log = Log::default();
    let told = log.clone();
    let memory = unread(Memory::new().capacity(1).overflow(Overflow::Wait));
    let bus = Bus::builder().transport(memory).on_warning(move |notice| told.add(notice.to_string())).build();
    bus.publish(Job(0)).await.unwrap();
    for id in 1..4 {
        assert!(poll_once(&mut bus.publish(Job(id))).is_pending());
    }
    let told = log.take();
    assert!(
        told.len() == 1 && told[0].contains("`publish` of `job` waits for room: group `unread` is full"),
        "{told:?}"
    );
}

#[tokio::test]
async fn nobody_waits_for_a_group_that_does_not_come() {
    let bus = Bus::builder().transport(Memory::new().capacity(4)).on_warning(|_| {}).build();
    for _ in 0..2_000 {
        bus.publish(Placed).await.unwrap();
    }
    yield_a_lot().await;
    let unrouted = bus.stats().unrouted;
    assert_eq!((unrouted.waiting, unrouted.dropped), (4, 1_996));
    let report = bus.shutdown(HOUR).await;
    assert_eq!(report.returned().len(), 4);
}

#[tokio::test]
async fn an_event_that_only_a_group_handles_is_told_once_if_it_is_emitted() {
    let log = Log::default();
    let told = log.clone();
    let bus = Bus::builder().on_warning(move |notice| told.add(notice.to_string())).build();
    bus.emit(Job(0)).await;
    assert!(log.take().is_empty(), "there is no group");
    bus.consumer("jobs").handle::<Job>(|_, _| async {}).start().await.unwrap();
    for id in 1..4 {
        bus.emit(Job(id)).await;
        bus.emit(Job(id)).blocking();
        bus.emit(Job(id)).spawn().await;
        bus.emit(Placed).await;
    }
    let notices = log.take();
    let told =
        |notice: &String| notice.starts_with("`job` was emitted and nobody listens, but group `jobs` handles it");
    assert!(notices.len() == 1 && told(&notices[0]), "{notices:?}");
}

#[tokio::test]
async fn an_event_that_a_group_hands_to_listeners_is_told_once_if_nobody_listens() -> Result<(), eventbus::BoxError> {
    let log = Log::default();
    let told = log.clone();
    let bus = Bus::builder().on_warning(move |notice| told.add(notice.to_string())).build();
    bus.consumer("jobs").to_listeners::<Job>().start().await?;
    for id in 0..2 {
        bus.publish(Job(id)).await?;
    }
    bus.drained(HOUR).await?;
    let notices = log.take();
    let told = |notice: &String| {
        notice.starts_with("nobody listens to `job`, which group `jobs` hands to the listeners of this bus")
    };
    assert!(notices.len() == 1 && told(&notices[0]), "it was published: {notices:?}");
    Ok(())
}

#[tokio::test]
async fn an_event_with_listeners_is_emitted_without_a_word_of_groups() {
    let bus = Bus::builder().on_warning(|notice| panic!("{notice}")).build();
    bus.consumer("jobs").handle::<Job>(|_, _| async {}).start().await.unwrap();
    let _listener = bus.on::<Job>(|_| {});
    bus.emit(Job(1)).await;
}

#[tokio::test]
async fn explain_names_the_groups_that_handle_what_is_published() {
    let bus = Bus::new();
    bus.consumer("jobs").handle::<Job>(|_, _| async {}).start().await.unwrap();
    bus.consumer("rest").handle_rest(|_, _| async {}).start().await.unwrap();
    let explanation = bus.explain("job").unwrap();
    assert_eq!(explanation.groups().iter().map(ExplainedGroup::name).collect::<Vec<_>>(), ["jobs", "rest"]);
    let text = explanation.to_string();
    assert!(text.contains("published, it goes to:\n  group `jobs` (tests/publish/telling.rs:"), "{text}");
    assert_eq!(bus.explain("placed").unwrap().groups().len(), 1);
}
