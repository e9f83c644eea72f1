//! What interceptors see of publishing, and may do to it.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use eventbus::{
    Bus, Event, PublishError,
    event::EventType,
    intercept::{PublishInfo, TraceContext},
    publish::{PublishAllError, TryPublishError},
    transport::{Memory, Message, MessageId},
};

use super::watcher::{OnPublish, Watcher};
use crate::support::{Log, Numbered, Ping, hush};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_publish_is_intercepted_once_however_it_is_made() {
    let (bus, log) = Watcher::bus();
    bus.publish(Ping).await.unwrap();
    bus.try_publish(Ping).unwrap();
    bus.publish(Ping).key("k").await.unwrap();
    bus.publish_json("ping.by.name", "{}").unwrap().await.unwrap();
    let deferred = bus.deferred();
    drop(deferred.publish(Ping));
    assert!(deferred.release().await.is_ok());
    let named = |name: &str| [format!("publish {name}"), format!("publish {name}: ok")];
    assert_eq!(log.take(), ["ping", "ping", "ping", "ping.by.name", "ping"].map(named).concat());
    assert_eq!(bus.stats().published.accepted, 5);
}

#[tokio::test]
async fn an_interceptor_sees_the_message_and_where_it_is_published() {
    let seen = Log::default();
    let log = seen.clone();
    let look = move |publish: &mut PublishInfo<'_>| {
        let message = publish.message();
        let number = message.event().and_then(|event| event.downcast_ref::<Numbered>().map(|number| number.0));
        log.add((message.id(), message.key().map(str::to_owned), number, message.hops(), publish.batch_len()));
        log.add((message.correlation_id(), publish.emission().map(|id| id.to_string()), None, 0, 0));
        Ok(None)
    };
    let bus = Bus::builder().intercept(OnPublish(look)).build();
    let id = MessageId::new();
    bus.publish(Numbered(7)).id(id).key("seven").await.unwrap();
    assert_eq!(seen.take(), [(id, Some("seven".to_owned()), Some(7), 0, 1), (id, None, None, 0, 0)]);

    bus.listener::<Ping>().with_context().on(move |_, cx| cx.bus().try_publish(Numbered(8)));
    let report = bus.emit(Ping).blocking();
    let emission = report.emission().map(|id| id.to_string());
    assert!(emission.is_some());
    assert_eq!(seen.take()[1].1, emission);
}

#[tokio::test]
async fn a_refused_event_is_handed_back_and_counted() {
    let log = Log::default();
    let bus = Bus::builder().intercept(Watcher::new(&log).on_publish(|_| Err("not today"))).build();
    let error = bus.publish(Numbered(7)).await.unwrap_err();
    assert_eq!(error.to_string(), "`numbered` was not published: refused: not today");
    let PublishError::Refused { event: Numbered(7), .. } = error else { panic!("{error:?}") };
    assert!(matches!(bus.try_publish(Numbered(8)), Err(TryPublishError::Refused { event: Numbered(8), .. })));
    let published = bus.stats().published;
    assert_eq!((published.offered, published.rejected), (2, 2));
    assert_eq!(log.take(), [""; 0]);
}

#[tokio::test]
async fn who_is_asked_before_one_refuses_is_told_so() {
    let log = Log::default();
    let refuses = Watcher::new(&Log::default()).on_publish(|_| Err("not today"));
    let bus = Bus::builder().intercept(Watcher::new(&log)).intercept(refuses).build();
    assert!(bus.publish(Ping).await.is_err());
    assert_eq!(log.take(), ["publish ping", "publish ping: refused"]);
}

#[tokio::test]
async fn an_interceptor_that_panics_refuses() {
    hush();
    let bus = Bus::builder().intercept(OnPublish(|_: &mut PublishInfo<'_>| panic!("boom"))).build();
    let error = bus.publish(Ping).await.unwrap_err().to_string();
    assert!(error.contains("refused: the interceptor `") && error.ends_with("panicked: boom"), "{error}");
}

#[tokio::test]
async fn what_the_bus_refuses_is_not_intercepted() {
    let (bus, log) = Watcher::bus();
    bus.shutdown(std::time::Duration::from_secs(9)).await;
    assert!(matches!(bus.publish(Ping).await, Err(PublishError::Closed(_))));
    assert_eq!(log.take(), [""; 0]);
}

/// A bus whose queue of one is full.
async fn full(log: &Log<String>) -> Bus {
    let watcher = Watcher::new(log).with_parts();
    let bus = Bus::builder().transport(Memory::new().capacity(1)).intercept(watcher).build();
    bus.consumer("slow").handle::<Ping>(|_, _| std::future::pending::<()>()).start().await.unwrap().pause();
    bus.publish(Ping).await.unwrap();
    log.take();
    bus
}

#[tokio::test]
async fn a_publisher_that_waits_is_polled_inside_of_its_guard() {
    let log = Log::default();
    let bus = full(&log).await;
    let mut publish = pin!(bus.publish(Ping));
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(publish.as_mut().poll(cx).is_pending());
    let [asked, parts @ ..] = &log.take()[..] else { panic!("it was not asked") };
    assert_eq!(asked, "publish ping");
    assert!(!parts.is_empty() && parts.chunks(2).all(|part| part == [">publish ping", "<publish ping"]), "{parts:?}");
    assert!(publish.as_mut().poll(cx).is_pending());
    assert_eq!(log.take(), [">publish ping", "<publish ping"]);

    bus.shutdown(std::time::Duration::ZERO).await;
    assert!(matches!(publish.as_mut().poll(cx), Poll::Ready(Err(PublishError::Closed(_)))));
    let log: Vec<_> = log.take().into_iter().filter(|line| line.contains("publish")).collect();
    assert_eq!(log, [">publish ping", "<publish ping", "publish ping: closed"]);
}

#[tokio::test]
async fn a_publisher_that_is_dropped_ends_its_guard() {
    let log = Log::default();
    let bus = full(&log).await;
    {
        let mut publish = pin!(bus.publish(Ping));
        assert!(publish.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        log.take();
    }
    assert_eq!(log.take(), ["publish ping: dropped"]);
}

#[tokio::test]
async fn a_full_queue_ends_a_publisher_that_does_not_wait() {
    let log = Log::default();
    let bus = full(&log).await;
    assert!(matches!(bus.try_publish(Ping), Err(TryPublishError::Full(_))));
    assert_eq!(log.take(), ["publish ping", ">publish ping", "<publish ping", "publish ping: full"]);
}

#[tokio::test]
async fn each_event_of_a_batch_is_intercepted() {
    let log = Log::default();
    let refuse_two = |publish: &mut PublishInfo<'_>| {
        assert_eq!(publish.batch_len(), 3);
        let event = publish.message().event().unwrap();
        if event.downcast_ref::<Numbered>().unwrap().0 == 2 { Err("no two") } else { Ok(()) }
    };
    let bus = Bus::builder().intercept(Watcher::new(&log).on_publish(refuse_two)).build();
    let results = bus.publish_all([Numbered(1), Numbered(2), Numbered(3)]).await;
    assert!(matches!(&results[..], [Ok(()), Err(PublishAllError::Refused { event: Numbered(2), .. }), Ok(())]));
    let one = ["publish numbered", "publish numbered: ok"];
    assert_eq!(log.take(), [one[0], one[0], one[1], one[1]]);
    let dropped = bus.publish_all([Numbered(4), Numbered(5), Numbered(6)]);
    drop(dropped);
    assert_eq!(log.take(), [""; 0]);
}

#[tokio::test]
async fn a_trace_that_is_set_at_the_publisher_is_found_at_the_handler() {
    let (outer, inner) = (TraceContext::parse(TRACE, Some("a=1")).unwrap(), TraceContext::new(1, 2, 0).unwrap());
    let sets = move |publish: &mut PublishInfo<'_>| {
        publish.set_trace(outer.clone());
        Ok(None)
    };
    let is_set = Log::default();
    let seen = is_set.clone();
    let looks = move |publish: &mut PublishInfo<'_>| {
        seen.add(publish.trace().map(TraceContext::traceparent));
        if publish.message().event_name() == "ping" {
            publish.set_trace(inner.clone());
        }
        Ok(None)
    };
    let bus = Bus::builder().intercept(OnPublish(sets)).intercept(OnPublish(looks)).build();
    let log = Log::default();
    let found = log.clone();
    let handler = move |_, delivery: eventbus::Delivery| {
        let trace = delivery.message().trace().cloned().unwrap();
        found.add((trace.traceparent(), trace.tracestate().map(str::to_owned)));
        async {}
    };
    bus.consumer("all").handle_pattern("**", handler).start().await.unwrap();
    bus.publish(Numbered(1)).await.unwrap();
    bus.publish(Ping).await.unwrap();
    assert!(bus.drained(std::time::Duration::from_secs(9)).await.is_ok());
    assert_eq!(is_set.take(), [Some(TRACE.to_owned()), Some(TRACE.to_owned())]);
    let second = "00-00000000000000000000000000000001-0000000000000002-00".to_owned();
    assert_eq!(log.take(), [(TRACE.to_owned(), Some("a=1".to_owned())), (second, None)]);
}

#[test]
fn a_trace_goes_over_the_wire_and_one_that_is_unreadable_is_left_out() {
    let read = |attributes: &[(&'static str, &str)]| {
        let with_type = attributes.iter().copied().chain([("type", "ping")]);
        Message::from_attributes(with_type, *b"null").unwrap()
    };
    let message = read(&[("tracestate", "a=1"), ("traceparent", TRACE)]);
    let written = message.attributes();
    let of = |name: &str| written.iter().find(|(given, _)| *given == name).map(|(_, value)| value.to_string());
    assert_eq!((of("traceparent"), of("tracestate")), (Some(TRACE.to_owned()), Some("a=1".to_owned())));

    let long = "x".repeat(Message::MAX_ATTRIBUTE + 1);
    for unreadable in ["", "00-1-2-3", &long] {
        let message = read(&[("traceparent", unreadable), ("tracestate", "a=1")]);
        assert_eq!(message.trace(), None);
        assert!(message.attributes().iter().all(|(name, _)| !name.starts_with("trace")));
    }
    let message = read(&[("traceparent", TRACE), ("tracestate", &long)]);
    assert_eq!(message.trace().map(|trace| (trace.traceparent(), trace.tracestate())), Some((TRACE.to_owned(), None)));
}

/// An event with a codec, for a bus that demands one.
#[derive(Event, serde::Serialize, serde::Deserialize, Debug)]
#[event(serde)]
struct Written;

#[tokio::test]
async fn what_the_interceptor_says_comes_before_the_event_is_written() {
    let log = Log::default();
    let bus = Bus::builder().require_codecs().intercept(Watcher::new(&log)).build();
    bus.publish(Written).await.unwrap();
    assert!(matches!(bus.publish(Ping).await, Err(PublishError::NoCodec(_))));
    assert_eq!(log.take(), ["publish written", "publish written: ok"]);
}

#[derive(Event)]
#[event(name = "answered", version = 3)]
struct Answered;

#[tokio::test]
async fn an_interceptor_sees_each_attribute_of_a_message_as_its_handler_does() {
    let seen = Log::default();
    let log = seen.clone();
    let look = move |publish: &mut PublishInfo<'_>| {
        let message = publish.message();
        let of_event = (message.event_name().to_owned(), message.version(), message.event_type().map(EventType::name));
        let of_chain = (message.causation_id(), message.correlation_id(), message.hops());
        log.add((of_event, of_chain, message.not_before(), message.time(), message.source().to_owned()));
        Ok(None)
    };
    let bus = Bus::builder().source("shop").intercept(OnPublish(look)).build();
    let of_deliveries = Log::default();
    let note = of_deliveries.clone();
    let answer = bus.clone();
    let handler = move |_, delivery: eventbus::Delivery| {
        let message = delivery.message();
        let of_chain = (message.causation_id(), message.correlation_id(), message.hops());
        note.add((message.id(), of_chain, message.not_before(), message.time(), message.source().to_owned()));
        let answer = answer.clone();
        async move { answer.publish(Answered).await.map_err(|error| error.to_string()) }
    };
    bus.consumer("pings").handle::<Ping>(handler).start().await.unwrap();
    let second = bus.consumer("answers").handle::<Answered>({
        let note = of_deliveries.clone();
        move |_, delivery: eventbus::Delivery| {
            let message = delivery.message();
            let of_chain = (message.causation_id(), message.correlation_id(), message.hops());
            note.add((message.id(), of_chain, message.not_before(), message.time(), message.source().to_owned()));
            async {}
        }
    });
    second.start().await.unwrap();
    let due = SystemTime::now() - Duration::from_secs(7);
    bus.publish(Ping).at(due).await.unwrap();
    bus.drained(Duration::from_mins(1)).await.unwrap();
    let (seen, consumed) = (seen.take(), of_deliveries.take());
    let [(ping, first, not_before, time, source), (answer, answered, at_once, later, _)] = &seen[..] else {
        panic!("{seen:?}")
    };
    assert_eq!((ping.0.as_str(), ping.1, ping.2.as_deref()), ("ping", 1, Some("ping")));
    assert_eq!((answer.0.as_str(), answer.1), ("answered", 3));
    let id = consumed[0].0;
    assert_eq!((*first, *answered), ((None, id, 0), (Some(id), id, 1)));
    assert_eq!((*not_before, *at_once, source.as_str()), (Some(due), None, "shop"));
    assert!(*later >= *time && time.elapsed().unwrap() < Duration::from_mins(1));
    for (seen, consumed) in seen.iter().zip(&consumed) {
        assert_eq!((seen.1, seen.2, seen.3, &seen.4), (consumed.1, consumed.2, consumed.3, &consumed.4));
    }
}
