//! Publishing to consumers.

use std::{sync::Arc, time::Duration};

use eventbus::{Delivery, PublishError, publish::PublishAllError};
use tokio::{sync::Semaphore, task::JoinSet};

use super::Log;
use crate::{
    Property,
    lab::Lab,
    messages::{Note, Other, event, sorted},
    outcome::{Checked, broken, ensure, ensure_eq, needs},
    property::property,
};

pub(crate) const ALL: &[Property] = &[
    property!(what_many_publish_is_handled_once_in_each_group: T1 T10 S2 S10 S16),
    property!(handlers_of_each_event_get_their_own: T11 S3 S11),
    property!(a_handler_gets_the_event_and_its_message: T1 S1 S29),
    property!(a_slow_group_does_not_delay_another: T10 S27),
    property!(a_delayed_event_is_handled_when_its_time_has_come: T7 S21),
    property!(an_event_that_is_too_large_is_refused_before_it_is_sent: S28),
    property!(an_event_that_finds_no_room_is_handed_back: T5 S22),
];

/// T1, T10, S2, S10, S16: what many tasks publish at the same time is handled once in each of two groups of many workers.
async fn what_many_publish_is_handled_once_in_each_group(lab: &mut Lab) -> Checked {
    let (bus, errors) = lab.bus();
    let logs = [Log::default(), Log::default()];
    for (name, log) in ["first", "second"].into_iter().zip(&logs) {
        let log = log.clone();
        let handler = move |e: Arc<Note>, _: Delivery| {
            log.add(e.number);
            async { tokio::task::yield_now().await }
        };
        started(bus.consumer(name).handle::<Note>(handler).workers(8).start().await)?;
    }
    let (publishers, each) = (lab.limits.count(10, 50), lab.limits.count(20, 200));
    let mut publishing = JoinSet::new();
    for at in 0..publishers {
        let bus = bus.clone();
        publishing.spawn(async move {
            for number in at * each..(at + 1) * each {
                bus.publish(event(number)).await.map_err(|error| error.to_string())?;
            }
            Ok::<_, String>(())
        });
    }
    let published = lab.answers("T2", "publish", publishing.join_all()).await?;
    ensure(published.iter().all(Result::is_ok), "T1", "each event is taken", published)?;
    lab.drained(&bus, "T10").await?;
    for log in logs {
        ensure_eq(&sorted(log.take()), &(0..publishers * each).collect(), "T10", "each event once in each group")?;
    }
    lab.shut_down(bus, &errors).await
}

/// A consumer that has started.
pub(super) fn started(
    consumer: Result<eventbus::Consumer, eventbus::consumer::ConsumerError>,
) -> Checked<eventbus::Consumer> {
    consumer.map_err(|error| broken("T10", "the group is opened", error.to_string()))
}

/// T11, S3, S11: of two events in one bus, each reaches the group that handles it, and no other.
async fn handlers_of_each_event_get_their_own(lab: &mut Lab) -> Checked {
    let (bus, errors) = lab.bus();
    let (notes, others) = (Log::default(), Log::default());
    let (note_log, other_log) = (notes.clone(), others.clone());
    let note = move |e: Arc<Note>, _: Delivery| {
        note_log.add(e.number);
        async {}
    };
    let other = move |e: Arc<Other>, _: Delivery| {
        other_log.add(e.number);
        async {}
    };
    started(bus.consumer("notes").handle::<Note>(note).start().await)?;
    started(bus.consumer("others").handle::<Other>(other).start().await)?;
    for number in 0..20 {
        lab.publish_notes(&bus, number..number + 1).await?;
        let other = bus.publish(Other { number }).await;
        ensure(other.is_ok(), "T1", "the event is taken", other.map_err(|error| error.to_string()))?;
    }
    lab.drained(&bus, "T11").await?;
    ensure_eq(&sorted(notes.take()), &(0..20).collect(), "T11", "the notes")?;
    ensure_eq(&sorted(others.take()), &(0..20).collect(), "T11", "the others")?;
    lab.shut_down(bus, &errors).await
}

/// T1, S1, S29: a handler sees the event as it was, with its id and key.
async fn a_handler_gets_the_event_and_its_message(lab: &mut Lab) -> Checked {
    let (bus, errors) = lab.bus();
    let seen = Log::default();
    let log = seen.clone();
    let handler = move |e: Arc<Note>, delivery: Delivery| {
        log.add((e, delivery.id(), delivery.message().key().map(str::to_owned)));
        async {}
    };
    started(bus.consumer("group").handle::<Note>(handler).start().await)?;
    let sent = Note { number: u64::MAX - 1, text: "\u{0}\"\\ \u{1f980}\r\n".to_owned() };
    let id = eventbus::transport::MessageId::new();
    let published = bus.publish(sent.clone()).id(id).key("\u{43a}\u{43b}\u{44e}\u{447}").await;
    ensure(published.is_ok(), "T1", "the event is taken", published.map_err(|error| error.to_string()))?;
    lab.drained(&bus, "T1").await?;
    let done = seen.take();
    let expected = vec![(Arc::new(sent), id, Some("\u{43a}\u{43b}\u{44e}\u{447}".to_owned()))];
    ensure_eq(&done, &expected, "T1", "the event, its id, its key")?;
    lab.shut_down(bus, &errors).await
}

/// T10, S27: a group whose handlers hang does not hold up another one.
async fn a_slow_group_does_not_delay_another(lab: &mut Lab) -> Checked {
    let (bus, errors) = lab.bus();
    let (gate, quick) = (Arc::new(Semaphore::new(0)), Log::default());
    let begun = Log::default();
    let (held, log, begins) = (Arc::clone(&gate), quick.clone(), begun.clone());
    let hangs = move |e: Arc<Note>, _: Delivery| {
        begins.add(e.number);
        let held = Arc::clone(&held);
        async move { drop(held.acquire().await) }
    };
    let handles = move |e: Arc<Note>, _: Delivery| {
        log.add(e.number);
        async {}
    };
    started(bus.consumer("slow").handle::<Note>(hangs).start().await)?;
    started(bus.consumer("quick").handle::<Note>(handles).start().await)?;
    lab.publish_notes(&bus, 0..1).await?;
    // From here on one group is at work, and stays so.
    lab.until("T10", "the slow group has begun", || begun.len() > 0).await?;
    lab.publish_notes(&bus, 1..50).await?;
    lab.until("S27", "the quick group handles everything", || quick.len() >= 50).await?;
    ensure_eq(&sorted(quick.take()), &(0..50).collect(), "T10", "each event once")?;
    gate.close();
    lab.drained(&bus, "S27").await?;
    lab.shut_down(bus, &errors).await
}

/// T7, S21: an event that is published with a delay is handled when that has passed, and not before.
async fn a_delayed_event_is_handled_when_its_time_has_come(lab: &mut Lab) -> Checked {
    const DELAY: Duration = Duration::from_millis(500);
    needs(lab.can.delay.is_some(), "it keeps no delays")?;
    let (bus, errors) = lab.bus();
    let seen = Log::default();
    let log = seen.clone();
    let handler = move |e: Arc<Note>, _: Delivery| {
        log.add((e.number, std::time::Instant::now()));
        async {}
    };
    started(bus.consumer("group").handle::<Note>(handler).start().await)?;
    let began = std::time::Instant::now();
    let delayed = bus.publish(event(0)).after(DELAY).await;
    ensure(delayed.is_ok(), "T1", "the event is taken", delayed.map_err(|error| error.to_string()))?;
    lab.publish_notes(&bus, 1..2).await?;
    // On a machine that is held up so long, both are due.
    let is_in_time = began.elapsed() < DELAY / 2;
    lab.until("T7", "both events are handled", || seen.len() == 2).await?;
    let mut done = seen.take();
    let order: Vec<_> = done.iter().map(|(number, _)| *number).collect();
    if is_in_time {
        ensure_eq(&order, &vec![1, 0], "T7", "what is not delayed first")?;
    }
    done.sort_by_key(|(number, _)| *number);
    let waited = done[0].1 - began;
    ensure(waited + Duration::from_millis(5) >= DELAY, "T7", format!("not before {DELAY:?}"), waited)?;
    lab.shut_down(bus, &errors).await
}

/// S28: an event with more bytes than the transport takes is handed back, and never sent; one at the bound is handled.
async fn an_event_that_is_too_large_is_refused_before_it_is_sent(lab: &mut Lab) -> Checked {
    let limit = lab
        .can
        .max_payload
        .unwrap_or(eventbus::transport::Message::MAX_DATA)
        .min(eventbus::transport::Message::MAX_DATA);
    needs(lab.can.needs_codec, "it carries events as they are, and measures none")?;
    let (bus, errors) = lab.bus();
    let seen = Log::default();
    let log = seen.clone();
    let handler = move |e: Arc<Note>, _: Delivery| {
        log.add(e.text.len());
        async {}
    };
    started(bus.consumer("group").handle::<Note>(handler).start().await)?;
    let frame = serde_json::to_vec(&Note { number: 1, text: String::new() }).map_or(0, |bytes| bytes.len());
    needs(limit > frame, "it takes less than an event of the suite has")?;
    let large = bus.publish(Note { number: 1, text: "x".repeat(limit - frame + 1) }).await;
    let is_refused = matches!(&large, Err(PublishError::TooLarge { size, .. }) if *size == limit + 1);
    ensure(is_refused, "S28", "`TooLarge`, with the event", large.map_err(|error| error.to_string()))?;
    let fits = bus.publish(Note { number: 2, text: "x".repeat(limit - frame) }).await;
    ensure(
        fits.is_ok(),
        "S30",
        "an event of exactly `max_payload` bytes is taken",
        fits.map_err(|error| error.to_string()),
    )?;
    lab.drained(&bus, "S28").await?;
    ensure_eq(&seen.take(), &vec![limit - frame], "S28", "what is handled")?;
    lab.shut_down(bus, &errors).await
}

/// T5, S22: an event that finds no room is handed back, and the transport holds no part of it.
async fn an_event_that_finds_no_room_is_handed_back(lab: &mut Lab) -> Checked {
    let can = lab.can.bounds_events && lab.can.overflow.contains(&eventbus::Overflow::Fail);
    needs(can, "its groups have no bound at which they fail")?;
    let (bus, errors) = lab.bus();
    let builder = bus.consumer("group").handle::<Note>(|_, _| async {}).capacity(2);
    let consumer = started(builder.overflow(eventbus::Overflow::Fail).start().await)?;
    consumer.pause();
    let results = lab.answers("T2", "publish", bus.publish_all((0..4).map(event))).await?;
    let taken: Vec<_> = results.iter().map(Result::is_ok).collect();
    ensure_eq(&taken, &vec![true, true, false, false], "T2", "two find room, two do not")?;
    let back: Vec<_> = results.into_iter().filter_map(Result::err).filter_map(PublishAllError::into_event).collect();
    ensure_eq(&back, &vec![event(2), event(3)], "T5", "the events that are handed back")?;
    consumer.resume();
    lab.drained(&bus, "T10").await?;
    lab.shut_down(bus, &errors).await
}
