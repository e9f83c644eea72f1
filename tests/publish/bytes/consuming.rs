//! Consuming what came as bytes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{AnyEvent, Bus, Delivery, Retry, consumer::AttemptError};

use super::{Moved, transport::Wire};
use crate::support::{HOUR, Log, assert_balanced, group, yield_a_lot};

fn bus() -> (Bus, Wire) {
    let wire = Wire::default();
    (Bus::builder().transport(wire.clone()).build(), wire)
}

/// A consumer that logs numbers and attempts, and fails those for which `fails` says so.
async fn logging(bus: &Bus, fails: fn(u64, u32) -> bool) -> (eventbus::Consumer, Log<(u64, u32)>) {
    let log = Log::default();
    let seen = log.clone();
    let handler = move |e: Arc<Moved>, delivery: Delivery| {
        seen.add((e.number, delivery.attempt()));
        async move { if fails(e.number, delivery.attempt()) { Err("no") } else { Ok(()) } }
    };
    let retry = Retry::fixed(Duration::from_secs(1)).max_attempts(3);
    (bus.consumer("group").handle::<Moved>(handler).retry(retry).start().await.unwrap(), log)
}

async fn publish(bus: &Bus, numbers: std::ops::Range<u64>) {
    for number in numbers {
        bus.publish(Moved { of: 0, number }).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn events_come_through_as_bytes_typed_and_by_name() {
    let (bus, _) = bus();
    let (_, typed) = logging(&bus, |_, _| false).await;
    let named = Log::default();
    let seen = named.clone();
    let handler = move |e: AnyEvent<'static>, delivery: Delivery| {
        assert!(e.downcast_ref::<Moved>().is_none(), "it carries bytes");
        seen.add((
            e.name().to_owned(),
            e.to_json().unwrap()["number"].as_u64(),
            delivery.message().key().map(str::to_owned),
        ));
        async {}
    };
    bus.consumer("named").handle_pattern("stock.*", handler).start().await.unwrap();
    bus.publish(Moved { of: 3, number: 4 }).key("k").await.unwrap();
    yield_a_lot().await;
    assert_eq!(typed.take(), [(4, 1)]);
    assert_eq!(named.take(), [("stock.moved".to_owned(), Some(4), Some("k".to_owned()))]);
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn the_order_of_a_key_is_kept_over_bytes() {
    for on_consumer in [false, true] {
        let (bus, _) = bus();
        let seen: Arc<Mutex<HashMap<u64, Vec<u64>>>> = Arc::default();
        let log = Arc::clone(&seen);
        let handler = move |e: Arc<Moved>, delivery: Delivery| {
            let log = Arc::clone(&log);
            async move {
                if (e.number + e.of).is_multiple_of(3) && delivery.attempt() == 1 {
                    return Err("stumbles");
                }
                tokio::task::yield_now().await;
                log.lock().unwrap().entry(e.of).or_default().push(e.number);
                Ok(())
            }
        };
        let retry = Retry::exponential(Duration::from_millis(50));
        let builder = bus.consumer("group").handle::<Moved>(handler).workers(8).retry(retry);
        let builder = if on_consumer { builder.key::<Moved>(|e| e.of) } else { builder };
        builder.start().await.unwrap();
        for number in 0..30 {
            for of in 0..5 {
                bus.publish(Moved { of, number }).key(of.to_string()).await.unwrap();
            }
        }
        while group(&bus, "group").handled < 150 {
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        for numbers in seen.lock().unwrap().values() {
            assert!(numbers.iter().copied().eq(0..30), "{numbers:?}");
        }
        assert_balanced(&bus.stats());
    }
}

/// B23: by the transport where it can, else by the bus.
#[tokio::test(start_paused = true)]
async fn dead_letters_are_kept_by_the_transport_where_it_can_and_are_replayed_to_their_group() {
    for keeps_letters in [true, false] {
        let wire = Wire::new(keeps_letters);
        let bus = Bus::builder().transport(wire.clone()).on_failure(|_| {}).build();
        let (_, log) = logging(&bus, |_, _| true).await;
        publish(&bus, 7..10).await;
        yield_a_lot().await;
        for _ in 0..2 {
            tokio::time::advance(Duration::from_secs(1)).await;
            yield_a_lot().await;
        }
        assert_eq!(log.take().len(), 9);
        let letters = bus.dead_letters().list().await.unwrap();
        let told: Vec<_> =
            letters.iter().map(|letter| (&*letter.group, letter.error.to_string(), letter.attempts)).collect();
        assert_eq!(told, vec![("group", "no".to_owned(), 3); 3]);
        assert_eq!(
            (bus.dead_letters().in_memory().is_empty(), wire.state().letters.is_empty()),
            (keeps_letters, !keeps_letters)
        );
        let page = bus.dead_letters().page(Some("group"), None, 2).await.unwrap();
        let next = bus.dead_letters().page(None, page.next.as_ref(), 2).await.unwrap();
        assert_eq!((page.letters.len(), next.letters.len(), next.next), (2, 1, None));
        bus.dead_letters().discard(&letters[0].id).await.unwrap();
        let third = letters[2].message.id();
        assert_eq!(bus.dead_letters().replay_where(|letter| letter.message.id() == third).await.unwrap(), 1);
        yield_a_lot().await;
        let replayed = log.take();
        assert_eq!((replayed.len(), replayed[0].1), (1, 1), "its attempts count from one");
        assert_eq!(bus.dead_letters().list().await.unwrap().len(), 1);
        assert!(bus.dead_letters().replay(&letters[0].id).await.is_err());
        assert_balanced(&bus.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_a_dead_letter_at_once() {
    let (bus, wire) = bus();
    let (_, log) = logging(&bus, |_, _| false).await;
    wire.write(&[("type", "stock.moved")], "{\"of\": \"x\"}");
    wire.write(&[("type", "stock.moved")], "\u{1}");
    wire.write(&[("type", "stock.moved.v2")], "{}");
    wire.write(&[("type", "stock.moved")], "{\"of\": 1, \"number\": 2}");
    yield_a_lot().await;
    assert_eq!(log.take(), [(2, 1)]);
    let errors: Vec<_> =
        bus.dead_letters().list().await.unwrap().iter().map(|letter| letter.error.to_string()).collect();
    assert_eq!(errors.len(), 2);
    assert!(errors[0].starts_with("cannot be read: at `of`"), "{errors:?}");
    assert_eq!(group(&bus, "group").ignored, 1, "the other version is another event");
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn a_read_error_passes_and_is_counted() {
    let (bus, wire) = bus();
    wire.state().read_errors = 5;
    let (_, log) = logging(&bus, |_, _| false).await;
    publish(&bus, 0..3).await;
    for _ in 0..100 {
        tokio::time::advance(Duration::from_millis(100)).await;
        yield_a_lot().await;
    }
    assert_eq!(log.take(), [(0, 1), (1, 1), (2, 1)]);
    assert_eq!(group(&bus, "group").read_errors, 5);
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_settled_is_counted_and_settled_again() {
    let (bus, wire) = bus();
    wire.state().settle_errors = 3;
    let (consumer, log) = logging(&bus, |_, _| false).await;
    publish(&bus, 0..1).await;
    yield_a_lot().await;
    assert_eq!((log.take(), group(&bus, "group").settle_errors), (vec![(0, 1)], 1));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let left = wire.state().settle_errors;
    assert_eq!((left, group(&bus, "group").settle_errors), (0, 3));
    consumer.stop(HOUR).await;
    drop(consumer);
    yield_a_lot().await;
    let (_, log) = logging(&bus, |_, _| false).await;
    yield_a_lot().await;
    assert_eq!(log.take(), [], "it was settled in the end");
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn the_books_hold_where_the_transport_does_not_count_and_a_stop_gives_back() {
    let (bus, _) = bus();
    let (consumer, log) = logging(&bus, |number, attempt| number == 1 && attempt == 1).await;
    publish(&bus, 0..3).await;
    yield_a_lot().await;
    assert_eq!(group(&bus, "group").in_flight, 1);
    let report = consumer.stop(HOUR).await;
    assert_eq!((report.returned, log.take()), (1, vec![(0, 1), (1, 1), (2, 1)]));
    assert_balanced(&bus.stats());
    let (_, log) = logging(&bus, |_, _| false).await;
    yield_a_lot().await;
    assert_eq!(log.take(), [(1, 2)]);
    let stats = group(&bus, "group");
    assert_eq!((stats.created, stats.handled, stats.in_flight), (3, 3, 0));
    let report = bus.shutdown(HOUR).await;
    assert!(report.is_clean() && report.returned().is_empty());
    assert_balanced(report.stats());
}

/// B21: three times in a lease, for as long as the handler takes.
#[tokio::test(start_paused = true)]
async fn leases_are_extended_three_times_in_their_time_while_they_are_held() {
    let mut wire = Wire::default();
    wire.lease = Some(Duration::from_secs(3));
    let bus = Bus::builder().transport(wire.clone()).build();
    let handler = |_: Arc<Moved>, _| tokio::time::sleep(Duration::from_millis(9500));
    bus.consumer("group").handle::<Moved>(handler).start().await.unwrap();
    publish(&bus, 0..1).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(group(&bus, "group").handled, 1);
    let extended = wire.state().extended;
    assert!((9..=10).contains(&extended), "{extended}");
}

#[tokio::test(start_paused = true)]
async fn hops_that_come_from_outside_do_not_overflow() {
    let (bus, wire) = bus();
    let log = Log::default();
    let told = log.clone();
    let handler = move |e: Arc<Moved>, delivery: Delivery| {
        let told = told.clone();
        async move {
            let event = Moved { of: e.of, number: e.number + 1 };
            told.add(delivery.bus().unwrap().publish(event).await.unwrap_err().to_string());
        }
    };
    bus.consumer("group").handle::<Moved>(handler).start().await.unwrap();
    let hops = u32::MAX.to_string();
    let cause = [("type", "stock.moved"), ("causationid", "1"), ("hops", &hops)];
    wire.write(&cause, "{\"of\": 1, \"number\": 2}");
    yield_a_lot().await;
    let errors = log.take();
    assert!(errors.len() == 1 && errors[0].contains("the limit is 64"), "{errors:?}");
    assert_eq!(group(&bus, "group").handled, 1);
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_each_event_ends_as_its_own_result_says_beside_those_that_do_not_decode() {
    const BAD: &str = "not a number";
    for bad in 0..4 {
        let (bus, wire) = bus();
        let results = |batch: eventbus::consumer::Batch<Moved>| async move {
            batch.iter().map(|moved| if moved.number == 1 { Err("odd") } else { Ok(()) }).collect::<Vec<_>>()
        };
        let consumer =
            bus.consumer("group").handle_batch::<Moved>(4, Duration::from_secs(1), results).retry(Retry::never());
        consumer.start().await.unwrap();
        for number in 0..4 {
            let number = if number == bad { format!("\"{BAD}\"") } else { number.to_string() };
            wire.write(&[("type", "stock.moved")], format!(r#"{{"of": 0, "number": {number}}}"#));
        }
        // Longer than the batch waits to become full.
        tokio::time::sleep(Duration::from_mins(1)).await;
        let letters = bus.dead_letters().list().await.unwrap();
        let of_letter = |letter: &eventbus::dead_letter::DeadLetter| {
            let data = letter.message.data().unwrap();
            (String::from_utf8_lossy(&data).contains(BAD), matches!(letter.error, AttemptError::Undecodable(_)))
        };
        let letters: Vec<_> = letters.iter().map(of_letter).collect();
        assert!(letters.iter().all(|(is_bad, is_undecodable)| is_bad == is_undecodable), "{bad}: {letters:?}");
        let failed = if bad == 1 { 1 } else { 2 };
        assert_eq!((letters.len(), group(&bus, "group").handled), (failed, 4 - failed as u64), "{bad}");
        bus.shutdown(HOUR).await;
    }
}
