//! What interceptors see of deliveries, and may do to them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{
    Bus, Retry,
    consumer::{AttemptError, ConsumerBuilder, FailedAttempt, Unhandled},
    intercept::{DeliveryInfo, EmissionInfo},
    listener::ListenerKind,
    transport::MessageId,
};

use super::{
    recorder::OnEmission,
    watcher::{OnDelivery, OnPublish, Watcher},
};
use crate::support::{Log, Numbered, Ping, Pong, hush};

const LONG: Duration = Duration::from_mins(1);

/// A consumer that ends its attempts in a certain way.
type End = fn(&Bus) -> ConsumerBuilder;

/// What is noted when a bus with this watcher has published a `Ping`, and everything has ended.
async fn pinged(watcher: Watcher, log: &Log<String>, consumer: impl FnOnce(&Bus) -> ConsumerBuilder) -> Vec<String> {
    let bus = Bus::builder().intercept(watcher).on_failure(|_| {}).build();
    consumer(&bus).start().await.unwrap();
    bus.publish(Ping).await.unwrap();
    let report = bus.shutdown(LONG).await;
    assert!(report.is_clean(), "{report}");
    let is_of_delivery = |line: &String| line.contains("g/");
    log.take().into_iter().filter(is_of_delivery).collect()
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_intercepted_once_and_told_how_it_ended() {
    hush();
    let log = Log::default();
    let watch = || Watcher::new(&log);
    let handled: End = |bus| bus.consumer("g").handle::<Ping>(|_, _| async {});
    let fails: End = |bus| bus.consumer("g").handle::<Ping>(|_, _| async { Err("no") }).retry(Retry::never());
    let panics: End = |bus| bus.consumer("g").handle::<Ping>(|_, _| async { panic!("boom") }).retry(Retry::never());
    let late: End = |bus| {
        let consumer = bus.consumer("g").handle::<Ping>(|_, _| std::future::pending::<()>());
        consumer.timeout(Duration::from_secs(1)).retry(Retry::never())
    };
    for (consumer, end) in [
        (handled, "g/ping 1: ok"),
        (fails, "g/ping 1: failed, dead"),
        (panics, "g/ping 1: panicked, dead"),
        (late, "g/ping 1: timed out, dead"),
    ] {
        assert_eq!(pinged(watch(), &log, consumer).await, ["g/ping 1", end]);
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_intercepted_and_told_when_the_next_one_follows() {
    let log = Log::default();
    let fails = |bus: &Bus| {
        let fails = |_, delivery: eventbus::Delivery| async move {
            if delivery.attempt() < 3 { Err("no") } else { eventbus::Ok(()).map_err(|_: eventbus::BoxError| "") }
        };
        bus.consumer("g").handle::<Ping>(fails).retry(Retry::fixed(Duration::from_secs(2)))
    };
    let noted = pinged(Watcher::new(&log), &log, fails).await;
    let expected = [
        "g/ping 1",
        "g/ping 1: failed, again after 2s",
        "g/ping 2",
        "g/ping 2: failed, again after 2s",
        "g/ping 3",
        "g/ping 3: ok",
    ];
    assert_eq!(noted, expected);
}

#[tokio::test]
async fn every_poll_of_a_handler_is_a_part_of_its_attempt() {
    let log = Log::default();
    let waits = |bus: &Bus| bus.consumer("g").handle::<Ping>(|_, _| tokio::task::yield_now());
    let noted = pinged(Watcher::new(&log).with_parts(), &log, waits).await;
    let part = [">g/ping 1", "<g/ping 1"];
    assert_eq!(noted, ["g/ping 1", part[0], part[1], part[0], part[1], "g/ping 1: ok"]);
}

#[tokio::test]
async fn one_delivery_after_the_other_is_inside_of_its_own_guard() {
    let log = Log::default();
    let bus = Bus::builder().intercept(Watcher::new(&log).with_parts()).build();
    let inside = log.clone();
    let handler = move |e: Arc<Numbered>, _| {
        inside.add(format!("g/handles {}", e.0));
        async {}
    };
    let consumer = bus.consumer("g").handle::<Numbered>(handler).start().await.unwrap();
    consumer.pause();
    for number in 0..3 {
        bus.publish(Numbered(number)).await.unwrap();
    }
    consumer.resume();
    assert!(bus.shutdown(LONG).await.is_clean());
    let is_of_delivery = |line: &String| line.contains("g/");
    let noted: Vec<_> = log.take().into_iter().filter(is_of_delivery).collect();
    let each = |number| {
        let line = |text: &str| text.to_owned();
        [
            line("g/numbered 1"),
            line(">g/numbered 1"),
            format!("g/handles {number}"),
            line("<g/numbered 1"),
            line("g/numbered 1: ok"),
        ]
    };
    assert_eq!(noted, [each(0), each(1), each(2)].concat());
}

#[tokio::test]
async fn an_interceptor_sees_the_handler_and_the_message() {
    let seen = Log::default();
    let log = seen.clone();
    let look = move |delivery: &DeliveryInfo<'_>| {
        let (message, handler) = (delivery.message(), delivery.handler().unwrap());
        assert_eq!((handler.kind(), handler.name()), (ListenerKind::Handler, Some("group")));
        let event = message.event().unwrap();
        let what = (message.id(), event.downcast_ref::<Numbered>().map(|e| e.0), delivery.group().to_owned());
        let by = (handler.event().map(|event| event.name().to_string()), handler.pattern().map(ToString::to_string));
        log.add((what, by, (delivery.attempt(), delivery.deliveries(), delivery.batch_len())));
        Ok(None)
    };
    let bus = Bus::builder().intercept(OnDelivery(look)).build();
    let consumer = bus.consumer("group").handle::<Numbered>(|_, _| async {}).handle_pattern("ping", |_, _| async {});
    consumer.start().await.unwrap();
    let (number, ping) = (MessageId::new(), MessageId::new());
    bus.publish(Numbered(7)).id(number).await.unwrap();
    bus.publish(Ping).id(ping).await.unwrap();
    assert!(bus.shutdown(LONG).await.is_clean());
    let group = || "group".to_owned();
    let expected = [
        ((number, Some(7), group()), (Some("numbered".to_owned()), None), (1, 1, 1)),
        ((ping, None, group()), (None, Some("ping".to_owned())), (1, 1, 1)),
    ];
    assert_eq!(seen.take(), expected);
}

#[tokio::test]
async fn handlers_of_every_kind_are_reached() {
    let log = Log::default();
    let handlers = |bus: &Bus| bus.consumer("g").handle_rest(|_, _| async {});
    assert_eq!(pinged(Watcher::new(&log), &log, handlers).await, ["g/ping 1", "g/ping 1: ok"]);

    let emissions = Log::default();
    let seen = emissions.clone();
    let on_emission = move |emission: &EmissionInfo<'_>| {
        seen.add((emission.message_id(), emission.correlation_id()));
        Ok(None)
    };
    let bus = Bus::builder().intercept(Watcher::new(&log)).intercept(OnEmission(on_emission)).build();
    bus.on::<Ping>(|_| {});
    bus.consumer("g").to_listeners::<Ping>().start().await.unwrap();
    let id = MessageId::new();
    bus.publish(Ping).id(id).await.unwrap();
    assert!(bus.shutdown(LONG).await.is_clean());
    assert_eq!(emissions.take(), [(Some(id), Some(id))]);
    assert!(bus.emit(Ping).await.is_ok());
    assert_eq!(emissions.take(), [(None, None)]);
}

#[tokio::test]
async fn what_a_handler_publishes_is_caused_by_its_delivery() {
    let seen = Log::default();
    let log = seen.clone();
    let look = move |publish: &mut eventbus::intercept::PublishInfo<'_>| {
        let message = publish.message();
        log.add((message.causation_id(), message.correlation_id(), message.hops()));
        Ok(None)
    };
    let bus = Bus::builder().intercept(OnPublish(look)).build();
    let handler = |_, delivery: eventbus::Delivery| async move { delivery.bus().unwrap().publish(Pong).await };
    bus.consumer("g").handle::<Ping>(handler).start().await.unwrap();
    bus.consumer("h").handle::<Pong>(|_, _| async {}).start().await.unwrap();
    let id = MessageId::new();
    bus.publish(Ping).id(id).await.unwrap();
    assert!(bus.shutdown(LONG).await.is_clean());
    assert_eq!(seen.take(), [(None, id, 0), (Some(id), id, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_attempt_has_failed_and_is_tried_again() {
    let log = Log::default();
    let refuses = |delivery: &DeliveryInfo<'_>| if delivery.attempt() < 3 { Err("not yet") } else { Ok(()) };
    let (called, errors) = (Log::default(), Log::default());
    let (calls, told) = (called.clone(), errors.clone());
    let consumer = move |bus: &Bus| {
        let handler = move |_, delivery: eventbus::Delivery| {
            calls.add(delivery.attempt());
            async {}
        };
        let retry = Retry::fixed(Duration::from_secs(1));
        bus.consumer("g").handle::<Ping>(handler).retry(retry).on_attempt_failed(move |failed: &FailedAttempt| {
            assert!(matches!(failed.error, AttemptError::Refused(_)));
            told.add(failed.error.to_string());
        })
    };
    let noted = pinged(Watcher::new(&log).on_delivery(refuses), &log, consumer).await;
    assert_eq!(noted, ["g/ping 3", "g/ping 3: ok"]);
    assert_eq!((called.take(), errors.take()), (vec![3], vec!["refused: not yet".to_owned(); 2]));
}

#[tokio::test]
async fn an_interceptor_that_panics_refuses_the_attempt() {
    hush();
    let bus = Bus::builder().intercept(OnDelivery(|_: &DeliveryInfo<'_>| panic!("boom"))).on_failure(|_| {}).build();
    bus.consumer("g").handle::<Ping>(|_, _| async {}).retry(Retry::never()).start().await.unwrap();
    bus.publish(Ping).await.unwrap();
    let report = bus.shutdown(LONG).await;
    assert_eq!(report.stats().deliveries().dead_lettered, 1);
    let letter = bus.dead_letters().page(None, None, 9).await.unwrap().letters.remove(0);
    assert!(letter.error.to_string().ends_with("panicked: boom"), "{}", letter.error);
}

#[tokio::test]
async fn a_handler_that_a_stop_interrupts_ends_as_that() {
    let (bus, log) = Watcher::bus();
    let began = Arc::new(tokio::sync::Notify::new());
    let begins = Arc::clone(&began);
    let handler = move |_, _| {
        begins.notify_one();
        std::future::pending::<()>()
    };
    let consumer = bus.consumer("g").handle::<Ping>(handler).start().await.unwrap();
    bus.publish(Ping).await.unwrap();
    began.notified().await;
    consumer.stop(Duration::ZERO).await;
    let noted: Vec<_> = log.take().into_iter().filter(|line| line.contains("g/")).collect();
    assert_eq!(noted, ["g/ping 1", "g/ping 1: cancelled, back"]);
}

#[test]
fn a_worker_that_is_dropped_with_its_runtime_ends_its_guard() {
    let (bus, log) = Watcher::bus();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let began = Arc::new(tokio::sync::Notify::new());
        let begins = Arc::clone(&began);
        let handler = move |_, _| {
            begins.notify_one();
            std::future::pending::<()>()
        };
        bus.consumer("g").handle::<Ping>(handler).start().await.unwrap();
        bus.publish(Ping).await.unwrap();
        began.notified().await;
    });
    drop(runtime);
    let noted: Vec<_> = log.take().into_iter().filter(|line| line.contains("g/")).collect();
    assert_eq!(noted, ["g/ping 1", "g/ping 1: cancelled, back"]);
}

#[tokio::test]
async fn what_no_handler_takes_is_shown_and_cannot_be_refused() {
    let log = Log::default();
    let without_handler = Log::default();
    let bus = Bus::builder().intercept(Watcher::new(&log)).on_failure(|_| {}).build();
    let consumer = bus.consumer("g").handle::<Pong>(|_, _| async {}).unknown(Unhandled::Fail);
    consumer.start().await.unwrap();
    bus.publish(Ping).await.unwrap();
    bus.publish(Pong).await.unwrap();
    assert!(bus.shutdown(LONG).await.is_clean());
    let noted: Vec<_> = log.take().into_iter().filter(|line| line.contains("g/")).collect();
    assert_eq!(noted, ["g/ping 1", "g/ping 1: failed, dead", "g/pong 1", "g/pong 1: ok"]);

    let seen = without_handler.clone();
    let refuses = move |delivery: &DeliveryInfo<'_>| {
        seen.add(delivery.handler().is_none());
        Err("no".into())
    };
    let bus = Bus::builder().intercept(OnDelivery(refuses)).on_failure(|_| {}).build();
    let consumer = bus.consumer("g").handle::<Pong>(|_, _| async {}).unknown(Unhandled::Fail);
    consumer.start().await.unwrap();
    bus.publish(Ping).await.unwrap();
    assert!(bus.shutdown(LONG).await.is_clean());
    assert_eq!(without_handler.take(), [true]);
    let letter = bus.dead_letters().page(None, None, 9).await.unwrap().letters.remove(0);
    assert!(matches!(letter.error, AttemptError::UnknownEvent(_)));
}

/// A bus with a handler of batches, which is given the numbers from 0 on, and what it got.
async fn batched(watcher: Watcher, numbers: u32) -> (Bus, Log<Vec<u32>>) {
    let (bus, batches) = (Bus::builder().intercept(watcher).on_failure(|_| {}).build(), Log::default());
    let seen = batches.clone();
    let consumer = bus.consumer("g").handle_batch::<Numbered>(8, Duration::from_millis(100), move |batch| {
        seen.add(batch.iter().map(|e| e.0).collect());
        async move { batch.iter().map(|e| if e.0 == 1 { Err("no one") } else { Ok(()) }).collect::<Vec<_>>() }
    });
    let consumer = consumer.retry(Retry::never()).start().await.unwrap();
    consumer.pause();
    for number in 0..numbers {
        bus.publish(Numbered(number)).await.unwrap();
    }
    consumer.resume();
    assert!(bus.shutdown(LONG).await.is_clean());
    (bus, batches)
}

#[tokio::test(start_paused = true)]
async fn each_delivery_of_a_batch_is_intercepted_and_ends_as_its_own() {
    let log = Log::default();
    let counts = |delivery: &DeliveryInfo<'_>| if delivery.batch_len() == 3 { Ok(()) } else { Err("not three") };
    let (_, batches) = batched(Watcher::new(&log).on_delivery(counts), 3).await;
    assert_eq!(batches.take(), [[0, 1, 2]]);
    let noted: Vec<_> = log.take().into_iter().filter(|line| line.contains("g/")).collect();
    let (begun, ok, failed) = ("g/numbered 1", "g/numbered 1: ok", "g/numbered 1: failed, dead");
    assert_eq!(noted, [begun, begun, begun, ok, failed, ok]);
}

#[tokio::test(start_paused = true)]
async fn each_delivery_of_a_batch_that_panics_has_panicked() {
    hush();
    let log = Log::default();
    let bus = Bus::builder().intercept(Watcher::new(&log)).on_failure(|_| {}).build();
    let consumer = bus.consumer("g").handle_batch::<Numbered>(2, LONG, |_| async { panic!("boom") });
    consumer.retry(Retry::never()).start().await.unwrap();
    for number in 0..2 {
        bus.publish(Numbered(number)).await.unwrap();
    }
    bus.drained(LONG).await.unwrap();
    let noted: Vec<_> = log.take().into_iter().filter(|line| line.contains("g/")).collect();
    let (begun, panicked) = ("g/numbered 1", "g/numbered 1: panicked, dead");
    assert_eq!(noted, [begun, begun, panicked, panicked]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_delivery_leaves_its_batch() {
    let refuses = |delivery: &DeliveryInfo<'_>| {
        let event = delivery.message().event().unwrap();
        if event.downcast_ref::<Numbered>().unwrap().0 % 2 == 0 { Err("no even ones") } else { Ok(()) }
    };
    let (bus, batches) = batched(Watcher::new(&Log::default()).on_delivery(refuses), 6).await;
    assert_eq!(batches.take(), [[1, 3, 5]]);
    let deliveries = bus.stats().deliveries();
    assert_eq!((deliveries.handled, deliveries.dead_lettered), (2, 4));

    let (bus, batches) = batched(Watcher::new(&Log::default()).on_delivery(|_| Err("none")), 6).await;
    assert_eq!(batches.take(), [[0; 0]; 0]);
    assert_eq!(bus.stats().deliveries().dead_lettered, 6);
}

#[tokio::test]
async fn a_stream_is_reached_as_a_listener() {
    let calls = Arc::new(Mutex::new(0));
    let count = Arc::clone(&calls);
    let on_call = move |_: &EmissionInfo<'_>, _: &eventbus::listener::ListenerInfo| {
        *count.lock().unwrap() += 1;
        Ok(None)
    };
    let bus = Bus::builder().intercept(super::recorder::OnCall(on_call)).build();
    let mut stream = bus.stream::<Ping>();
    assert!(bus.emit(Ping).await.is_ok());
    assert!(stream.try_recv().is_ok());
    assert_eq!(*calls.lock().unwrap(), 1);
}
