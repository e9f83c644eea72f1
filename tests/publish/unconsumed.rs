//! Events that nobody has consumed are named when a bus shuts down, and counted before.

use std::{sync::Arc, time::Duration};

use eventbus::{
    Bus, Event,
    publish::Unconsumed,
    transport::{
        Answer, BoxFuture, Capabilities, Durability, GroupSpec, GroupState, Memory, Message, Refusal, Source,
        Transport, TransportReports,
    },
};

use crate::support::{HOUR, Job, logging, yield_a_lot};

#[derive(Event)]
struct Placed;

fn named(all: &[Unconsumed]) -> Vec<(&str, Option<&str>, u64)> {
    all.iter().map(|one| (&*one.event, one.group.as_deref(), one.count)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_names_the_events_that_nobody_has_consumed() {
    let bus = Bus::builder().on_warning(|_| {}).build();
    let (jobs, _) = logging(&bus, "jobs").await;
    jobs.stop(HOUR).await;
    for id in 0..2 {
        bus.publish(Job(id)).await.unwrap();
    }
    for _ in 0..3 {
        bus.publish(Placed).await.unwrap();
    }
    let before = bus.stats().unrouted_events;
    assert_eq!(
        before.iter().map(|one| (&*one.event, one.published, one.dropped)).collect::<Vec<_>>(),
        [("placed", 3, 0)]
    );
    let report = bus.shutdown(HOUR).await;
    assert_eq!(named(report.unconsumed()), [("placed", None, 3), ("job", Some("jobs"), 2)]);
    let text = report.to_string();
    assert!(text.contains("\nnot consumed: 3 of `placed`: no group handles it"), "{text}");
    assert!(text.contains("\nnot consumed: 2 of `job`, left in group `jobs`"), "{text}");
    assert!(!report.is_clean());
}

#[tokio::test(start_paused = true)]
async fn what_has_made_room_in_the_log_is_named_too() {
    let bus = Bus::builder().transport(Memory::new().capacity(4)).on_warning(|_| {}).build();
    for _ in 0..10 {
        bus.publish(Placed).await.unwrap();
    }
    for id in 0..3 {
        bus.publish(Job(id)).await.unwrap();
    }
    let stats = bus.stats();
    let counts: Vec<_> = stats.unrouted_events.iter().map(|one| (&*one.event, one.published, one.dropped)).collect();
    assert_eq!(counts, [("placed", 10, 9), ("job", 3, 0)]);
    assert_eq!((stats.unrouted.waiting, stats.unrouted.dropped), (4, 9));
    let report = bus.shutdown(HOUR).await;
    assert_eq!(named(report.unconsumed()), [("placed", None, 10), ("job", None, 3)]);
}

#[tokio::test(start_paused = true)]
async fn what_a_later_group_has_consumed_is_not_named() {
    let bus = Bus::builder().on_warning(|_| {}).build();
    for id in 0..5 {
        bus.publish(Job(id)).await.unwrap();
    }
    let (_, log) = logging(&bus, "late").await;
    let report = bus.shutdown(HOUR).await;
    assert_eq!((log.take().len(), report.unconsumed().len()), (5, 0));
    assert!(report.is_clean() && !report.to_string().contains("not consumed"), "{report}");
    assert_eq!(report.stats().unrouted_events[0].published, 5, "when they were published there was no group");
}

#[tokio::test(start_paused = true)]
async fn names_that_come_from_outside_are_bounded_in_number() {
    let bus = Bus::builder().on_warning(|_| {}).build();
    for number in 0..2_000 {
        bus.publish_json(&format!("outside.n{number}.came"), "1").unwrap().await.unwrap();
    }
    bus.publish(Placed).await.unwrap();
    bus.publish(Placed).await.unwrap();
    assert_eq!(bus.stats().unrouted_events.len(), 1024);
    let report = bus.shutdown(HOUR).await;
    assert_eq!(report.returned().len(), 1024, "that is what the log holds");
    let unconsumed = report.unconsumed();
    assert_eq!((unconsumed.len(), unconsumed[0].count), (256, 2), "the most frequent ones first");
    let text = report.to_string();
    assert!(text.lines().count() < 30 && text.contains("\nnot consumed: and others"), "{text}");
}

/// A transport whose messages outlive the process, as it says.
struct Durable(Memory);

impl Transport for Durable {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities().with_durability(Durability::Disk)
    }
    fn attach(&self, reports: TransportReports) {
        self.0.attach(reports);
    }
    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        self.0.publish(batch)
    }
    fn subscribe(&self, group: GroupSpec) -> Answer<'_, Arc<dyn Source>> {
        self.0.subscribe(group)
    }
    fn groups(&self) -> Answer<'_, Vec<GroupState>> {
        self.0.groups()
    }
    fn remove_group<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<Message>> {
        self.0.remove_group(name)
    }
    fn close(&self, _: Duration) -> Answer<'_, Vec<(Option<Arc<str>>, Message)>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_keeps_its_messages_has_told_which_events_no_group_wanted() {
    let bus = Bus::builder().transport(Durable(Memory::new())).on_warning(|_| {}).build();
    let (_, log) = logging(&bus, "jobs").await;
    bus.publish(Job(1)).await.unwrap();
    bus.publish(Placed).await.unwrap();
    yield_a_lot().await;
    let report = bus.shutdown(HOUR).await;
    assert_eq!((log.take(), named(report.unconsumed())), (vec![1], vec![("placed", None, 1)]));
    assert!(report.is_clean(), "the next process has it: {report}");
}

#[tokio::test(start_paused = true)]
async fn a_report_prints_sixteen_events_and_how_many_others_there_are() {
    for (events, others) in [(16, None), (17, Some("not consumed: and 1 other events"))] {
        let bus = Bus::builder().on_warning(|_| {}).build();
        let (consumer, _) = logging(&bus, "jobs").await;
        for number in 0..events {
            bus.publish_json(&format!("outside.n{number}.came"), "1").unwrap().await.unwrap();
        }
        let report = bus.shutdown(HOUR).await;
        let text = report.to_string();
        assert_eq!(text.matches("no group handles it").count(), 16, "{text}");
        assert_eq!(text.lines().last().filter(|line| line.contains("other")), others, "{text}");
        let groups: Vec<_> = report.consumers().iter().map(|stopped| &*stopped.group).collect();
        assert_eq!(groups, [consumer.group()]);
    }
}
