//! Attempts that fail.

use std::sync::Arc;

use eventbus::{Delivery, Retry};

use super::{Log, consuming::started, soon};
use crate::{
    Property,
    lab::Lab,
    messages::{NOTE, Note, message, sorted},
    outcome::{Checked, broken, ensure, ensure_eq},
    property::property,
};

pub(crate) const ALL: &[Property] = &[
    property!(what_fails_is_tried_again_and_the_rest_goes_on: T22 S4 S8),
    property!(attempts_are_counted_over_consumers: T22 S18),
    property!(the_last_failure_is_one_dead_letter: T23 S19),
    property!(a_dead_letter_is_replayed_or_discarded: T23 S19),
    property!(an_event_that_cannot_be_decoded_does_not_stop_the_rest: T14 S20),
    property!(a_handler_that_panics_is_tried_again: T22 S25),
];

/// T22, S4, S8: two of a hundred events fail at first, and others of a group fail again and again; in the end all are handled.
async fn what_fails_is_tried_again_and_the_rest_goes_on(lab: &mut Lab) -> Checked {
    let (bus, errors) = lab.bus();
    let done = Log::default();
    let log = done.clone();
    let handler = move |e: Arc<Note>, delivery: Delivery| {
        let fails = match e.number {
            13 | 57 => delivery.attempt() < 2,
            20..30 => delivery.attempt() < 5,
            _ => false,
        };
        if !fails {
            log.add(e.number);
        }
        async move { if fails { Err("not yet") } else { Ok(()) } }
    };
    started(bus.consumer("group").handle::<Note>(handler).retry(soon(10)).workers(4).start().await)?;
    lab.publish_notes(&bus, 0..100).await?;
    lab.drained(&bus, "T22").await?;
    ensure_eq(&sorted(done.take()), &(0..100).collect(), "S4", "each event, handled once")?;
    lab.shut_down(bus, &errors).await
}

/// T22, S18: attempts are numbered 1, 2, 3, also when the consumer that made the first one was stopped before the next.
async fn attempts_are_counted_over_consumers(lab: &mut Lab) -> Checked {
    let (bus, errors) = lab.bus();
    let attempts = Log::default();
    for (retry, expected) in [(Retry::fixed(std::time::Duration::from_hours(1)), 1), (soon(3), 3)] {
        let log = attempts.clone();
        let handler = move |_: Arc<Note>, delivery: Delivery| {
            log.add(delivery.attempt());
            async { Err::<(), _>("never") }
        };
        let consumer = started(bus.consumer("group").handle::<Note>(handler).retry(retry).start().await)?;
        if expected == 1 {
            lab.publish_notes(&bus, 0..1).await?;
        }
        lab.until("S18", "the attempts", || attempts.len() >= expected).await?;
        let retried = || bus.stats().group("group").is_some_and(|group| group.retried > 0);
        lab.until("S18", "the first attempt has ended", retried).await?;
        if expected == 1 {
            consumer.stop(lab.limits.patience).await;
        }
    }
    lab.drained(&bus, "S19").await?;
    ensure_eq(&attempts.take(), &vec![1, 2, 3], "T22", "the numbers of the attempts")?;
    lab.shut_down(bus, &errors).await
}

/// T23, S19: after its last attempt an event is one dead letter, and its group goes on.
async fn the_last_failure_is_one_dead_letter(lab: &mut Lab) -> Checked {
    let (bus, errors) = lab.bus();
    let tried = Log::default();
    let log = tried.clone();
    let handler = move |e: Arc<Note>, _: Delivery| {
        log.add(e.number);
        async move { if e.number == 1 { Err("it is odd") } else { Ok(()) } }
    };
    started(bus.consumer("group").handle::<Note>(handler).retry(soon(3)).start().await)?;
    lab.publish_notes(&bus, 0..3).await?;
    lab.drained(&bus, "S19").await?;
    ensure_eq(&sorted(tried.take()), &vec![0, 1, 1, 1, 2], "S19", "three attempts of one, one of each other")?;
    let letters = bus.dead_letters().list().await;
    let letters = letters.map_err(|error| broken("T23", "the dead letters", error.to_string()))?;
    let seen: Vec<_> =
        letters.iter().map(|letter| (&*letter.group, letter.attempts, letter.error.to_string())).collect();
    ensure_eq(&seen, &vec![("group", 3, "it is odd".to_owned())], "S19", "one letter, with attempts and error")?;
    lab.publish_notes(&bus, 4..6).await?;
    lab.drained(&bus, "S19").await?;
    ensure_eq(&sorted(tried.take()), &vec![4, 5], "S19", "what comes after it")?;
    lab.shut_down(bus, &errors).await
}

/// T23, S19: a dead letter is replayed to its group, with attempts from 1, or discarded; and is a letter no more.
async fn a_dead_letter_is_replayed_or_discarded(lab: &mut Lab) -> Checked {
    let (bus, errors) = lab.bus();
    let tried = Log::default();
    let log = tried.clone();
    let handler = move |e: Arc<Note>, delivery: Delivery| {
        log.add((e.number, delivery.attempt()));
        async { Err::<(), _>("never") }
    };
    let failing = started(bus.consumer("group").handle::<Note>(handler).retry(Retry::never()).start().await)?;
    lab.publish_notes(&bus, 0..2).await?;
    lab.drained(&bus, "S19").await?;
    failing.stop(lab.limits.patience).await;
    let listed = bus.dead_letters().list().await;
    let letters = listed.map_err(|error| broken("T23", "the dead letters", error.to_string()))?;
    ensure_eq(&letters.len(), &2, "T23", "two letters")?;
    let log = tried.clone();
    let handler = move |e: Arc<Note>, delivery: Delivery| {
        log.add((e.number, delivery.attempt()));
        async {}
    };
    tried.take();
    started(bus.consumer("group").handle::<Note>(handler).start().await)?;
    let replayed = bus.dead_letters().replay(&letters[0].id).await;
    ensure(replayed.is_ok(), "T23", "the letter is replayed", replayed)?;
    let discarded = bus.dead_letters().discard(&letters[1].id).await;
    ensure(discarded.is_ok(), "T23", "the other is discarded", discarded)?;
    lab.drained(&bus, "T23").await?;
    let number = crate::messages::number(&letters[0].message);
    ensure_eq(&tried.take(), &vec![(number, 1)], "T23", "the replayed event, with its first attempt")?;
    let left = bus.dead_letters().list().await.map(|letters| letters.len());
    ensure(matches!(left, Ok(0)), "T23", "no letters", left)?;
    lab.shut_down(bus, &errors).await
}

/// T14, S20: an event whose bytes do not decode is a dead letter, and those behind it are handled.
async fn an_event_that_cannot_be_decoded_does_not_stop_the_rest(lab: &mut Lab) -> Checked {
    let (bus, errors) = lab.bus();
    let done = Log::default();
    let log = done.clone();
    let handler = move |e: Arc<Note>, _: Delivery| {
        log.add(e.number);
        async {}
    };
    started(bus.consumer("group").handle::<Note>(handler).start().await)?;
    lab.publish(&[message(NOTE, b"{\"number\":\"no number\"}", &[]), message(NOTE, b"{", &[])]).await?;
    lab.publish_notes(&bus, 0..3).await?;
    lab.drained(&bus, "S20").await?;
    ensure_eq(&sorted(done.take()), &vec![0, 1, 2], "S20", "the events behind it")?;
    let letters = bus.dead_letters().list().await.map(|letters| letters.len());
    ensure(matches!(letters, Ok(2)), "S20", "two dead letters", letters)?;
    lab.shut_down(bus, &errors).await
}

/// T22, S25: a delivery whose handler panics, or is dropped, is tried again.
async fn a_handler_that_panics_is_tried_again(lab: &mut Lab) -> Checked {
    let (bus, errors) = lab.bus();
    let done = Log::default();
    let log = done.clone();
    let handler = move |e: Arc<Note>, delivery: Delivery| {
        let log = log.clone();
        async move {
            // Without the message of a panic on the terminal.
            if delivery.attempt() == 1 {
                std::panic::resume_unwind(Box::new("boom"));
            }
            log.add((e.number, delivery.attempt()));
        }
    };
    started(bus.consumer("group").handle::<Note>(handler).retry(soon(3)).start().await)?;
    lab.publish_notes(&bus, 0..5).await?;
    lab.drained(&bus, "S25").await?;
    let mut seen = done.take();
    seen.sort_unstable();
    ensure_eq(&seen, &(0..5).map(|number| (number, 2)).collect(), "S25", "each event, at the second attempt")?;
    lab.shut_down(bus, &errors).await
}
