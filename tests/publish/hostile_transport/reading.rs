//! Reads that fail, panic, bring nothing, too much, the same twice, or nothing any more.

use std::{sync::Arc, time::Duration};

use eventbus::{
    Bus, Retry,
    consumer::{AttemptError, ConsumerBuilder},
    intercept::{DeliveryEnd, DeliveryInfo, Intercepted, Interceptor},
    transport::{Memory, Message, Operation, Transport},
};

use super::{
    ALWAYS, Call, Fault, Hostile, Shape, assert_doubles, assert_told, consumer, ends_in_time, finishes, handles_all,
    publish,
};
use crate::support::{HOUR, Job, Log, assert_balanced, group, logging, yield_a_lot};

const FAILURES: [Fault; 4] = [Fault::Error, Fault::Panic, Fault::PanicInFuture, Fault::PanicAfter];

/// A consumer of one by one, or of batches of ten, for which it waits so long.
fn handling(bus: &Bus, batches: Option<Duration>) -> ConsumerBuilder {
    let builder = bus.consumer("group");
    match batches {
        Some(wait) => builder.handle_batch::<Job>(10, wait, |_| async {}),
        None => builder.handle::<Job>(|_, _| async {}),
    }
}

/// T31, B30: panics are caught, told and counted as errors; so is every other error.
#[test]
fn reads_that_fail_are_told_and_tried_again_and_lose_nothing() {
    let next =
        [Shape::AtOnce, Shape::Later].into_iter().flat_map(|shape| FAILURES.map(|fault| (shape, Call::Next, fault)));
    let at_once = [Fault::Panic, Fault::PanicAfter].map(|fault| (Shape::AtOnce, Call::TryNext, fault));
    for (shape, call, fault) in next.chain(at_once) {
        for is_early in [false, true] {
            finishes(format!("{shape:?} {call:?} {fault:?} {is_early}"), move || async move {
                let (hostile, log) = (Hostile::new(shape), Log::default());
                let bus = hostile.bus();
                if is_early {
                    hostile.breaks(call, fault, 3);
                }
                consumer(&bus, &log).await;
                if !is_early {
                    yield_a_lot().await;
                    hostile.breaks(call, fault, 3);
                }
                publish(&bus, 0..20).await;
                for id in 20..25 {
                    tokio::time::sleep(Duration::from_secs(10)).await;
                    publish(&bus, id..id + 1).await;
                }
                handles_all(&bus, &log, 25).await;
                assert_eq!(assert_told(&hostile, &bus, Operation::Read, Some("group"), 3).len(), 3);
                assert_eq!(group(&bus, "group").read_errors, 3);
            });
        }
    }
}

#[test]
fn reads_that_always_fail_leave_the_thread_to_others_and_are_not_told_without_end() {
    for (shape, call, fault) in [
        (Shape::AtOnce, Call::TryNext, Fault::Panic),
        (Shape::AtOnce, Call::Next, Fault::Error),
        (Shape::Later, Call::Next, Fault::Error),
        (Shape::Later, Call::Next, Fault::PanicInFuture),
    ] {
        for batches in [false, true] {
            finishes(format!("{shape:?} {call:?} {fault:?} {batches}"), move || async move {
                let (hostile, warnings) = (Hostile::new(shape), Log::default());
                let warned = warnings.clone();
                let bus = hostile.builder().on_warning(move |warning| warned.add(warning.to_string())).build();
                let builder = handling(&bus, batches.then_some(Duration::from_secs(1)));
                builder.start().await.unwrap();
                publish(&bus, 0..1).await;
                yield_a_lot().await;
                hostile.breaks(call, fault, ALWAYS);
                publish(&bus, 1..3).await;
                tokio::time::sleep(Duration::from_secs(25)).await;
                assert!(warnings.take().is_empty(), "not yet");
                tokio::time::sleep(Duration::from_secs(35)).await;
                let warned = warnings.take();
                assert!(warned.len() == 1 && warned[0].contains("of group `group` is stalled"), "{warned:?}");
                let told = assert_told(&hostile, &bus, Operation::Read, Some("group"), 1).len();
                assert!(told < 100, "{told} in a minute");
                assert!(bus.health().await.consumers[0].is_stalled);
                hostile.heals(call);
                tokio::time::sleep(Duration::from_secs(10)).await;
                publish(&bus, 3..4).await;
                bus.drained(HOUR).await.unwrap();
                yield_a_lot().await;
                assert_eq!(group(&bus, "group").handled, 4);
                assert!(!bus.health().await.consumers[0].is_stalled);
            });
        }
    }
}

#[test]
fn reads_that_bring_nothing_at_once_for_ever_leave_the_thread_to_others() {
    for shape in [Shape::AtOnce, Shape::Later] {
        for batches in [false, true] {
            finishes(format!("{shape:?} {batches}"), move || async move {
                let hostile = Hostile::new(shape);
                let bus = hostile.bus();
                let builder = handling(&bus, batches.then_some(Duration::from_secs(1)));
                builder.workers(2).start().await.unwrap();
                publish(&bus, 0..1).await;
                yield_a_lot().await;
                hostile.breaks(Call::Next, Fault::Empty, ALWAYS);
                hostile.breaks(Call::TryNext, Fault::Empty, ALWAYS);
                publish(&bus, 1..3).await;
                tokio::time::sleep(Duration::from_secs(10)).await;
                hostile.calls.take();
                tokio::time::sleep(Duration::from_secs(1)).await;
                let calls = hostile.calls.take().len();
                assert!(calls < 10_000, "{calls} calls in a second");
                hostile.heals(Call::TryNext);
                hostile.heals(Call::Next);
                bus.drained(HOUR).await.unwrap();
                assert_eq!(group(&bus, "group").handled, 3);
                assert_balanced(&bus.stats());
            });
        }
    }
}

#[test]
fn more_messages_than_asked_for_are_handled_and_told() {
    for (shape, call) in [(Shape::AtOnce, Call::TryNext), (Shape::AtOnce, Call::Next), (Shape::Later, Call::Next)] {
        finishes(format!("{shape:?} {call:?}"), move || async move {
            let (hostile, log) = (Hostile::new(shape), Log::default());
            let bus = hostile.bus();
            hostile.breaks(call, Fault::TooMany, ALWAYS);
            publish(&bus, 0..300).await;
            consumer(&bus, &log).await;
            publish(&bus, 300..320).await;
            bus.drained(HOUR).await.unwrap();
            yield_a_lot().await;
            publish(&bus, 320..600).await;
            handles_all(&bus, &log, 600).await;
            let told = assert_told(&hostile, &bus, Operation::Read, Some("group"), 1);
            assert!(told[0].contains("asked for"), "{}", told[0]);
        });
    }
}

#[test]
fn messages_that_come_twice_or_in_another_order_are_handled() {
    for shape in [Shape::AtOnce, Shape::Later] {
        for fault in [Fault::Twice, Fault::Reversed] {
            finishes(format!("{shape:?} {fault:?}"), move || async move {
                let (hostile, log) = (Hostile::new(shape).says(|of| of.with_lease(HOUR)), Log::default());
                let bus = hostile.bus();
                publish(&bus, 0..40).await;
                hostile.breaks(Call::Next, fault, ALWAYS);
                hostile.breaks(Call::TryNext, fault, ALWAYS);
                consumer(&bus, &log).await;
                bus.drained(HOUR).await.unwrap();
                publish(&bus, 40..60).await;
                handles_all(&bus, &log, 60).await;
                let handled = group(&bus, "group").handled;
                assert!(fault == Fault::Reversed && handled == 60 || handled > 60, "{handled}");
                bus.shutdown(HOUR).await;
            });
        }
    }
}

#[test]
fn a_source_that_closes_by_itself_is_told_and_its_consumer_is_stalled() {
    for (shape, call) in [(Shape::AtOnce, Call::TryNext), (Shape::AtOnce, Call::Next), (Shape::Later, Call::Next)] {
        finishes(format!("{shape:?} {call:?}"), move || async move {
            let (hostile, log) = (Hostile::new(shape), Log::default());
            let warnings = Log::default();
            let warned = warnings.clone();
            let bus = hostile.builder().on_warning(move |warning| warned.add(warning.to_string())).build();
            consumer(&bus, &log).await;
            publish(&bus, 0..5).await;
            bus.drained(HOUR).await.unwrap();
            hostile.breaks(call, Fault::Closed, ALWAYS);
            hostile.breaks(Call::TryNext, Fault::Closed, ALWAYS);
            publish(&bus, 5..10).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let told = assert_told(&hostile, &bus, Operation::Read, Some("group"), 1);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(bus.health().await.consumers[0].is_stalled);
            let warned = warnings.take();
            assert!(warned.len() == 1 && warned[0].contains("its source has closed by itself"), "{warned:?}");
            ends_in_time(&bus, &log, 10).await;
        });
    }
}

#[test]
fn a_read_that_never_answers_does_not_hold_up_the_end() {
    for fault in [Fault::Silent, Fault::SilentAfter, Fault::PanicInDrop] {
        for shape in [Shape::AtOnce, Shape::Later] {
            finishes(format!("{shape:?} {fault:?}"), move || async move {
                let (hostile, log) = (Hostile::new(shape), Log::default());
                let bus = hostile.bus();
                consumer(&bus, &log).await;
                publish(&bus, 0..5).await;
                bus.drained(HOUR).await.unwrap();
                hostile.breaks(Call::Next, fault, ALWAYS);
                publish(&bus, 5..10).await;
                tokio::time::sleep(Duration::from_secs(1)).await;
                ends_in_time(&bus, &log, 10).await;
                let least = usize::from(shape == Shape::Later);
                assert_told(&hostile, &bus, Operation::Read, Some("group"), least);
            });
        }
    }
}

#[test]
fn a_read_that_brings_something_while_its_source_does_not_close_loses_nothing() {
    finishes("closing".into(), || async {
        let (hostile, log) = (Hostile::new(Shape::Later), Log::default());
        let bus = hostile.bus();
        hostile.breaks(Call::CloseSource, Fault::Silent, ALWAYS);
        let held = log.clone();
        let builder = bus.consumer("group").handle::<Job>(move |e, _| {
            held.add(e.0);
            async {}
        });
        let consumer = builder.start().await.unwrap();
        yield_a_lot().await;
        // The read is under way, and ends while the source closes.
        let stopping = tokio::spawn(async move { consumer.stop(HOUR).await });
        tokio::time::sleep(Duration::from_millis(1)).await;
        publish(&bus, 0..3).await;
        stopping.await.unwrap();
        ends_in_time(&bus, &log, 3).await;
        assert_told(&hostile, &bus, Operation::CloseSource, Some("group"), 1);
    });
}

#[test]
fn what_is_no_message_is_a_dead_letter_at_once_and_the_rest_goes_on() {
    for shape in [Shape::AtOnce, Shape::Later] {
        for batches in [false, true] {
            finishes(format!("{shape:?} {batches}"), move || async move {
                let memory = Arc::new(Memory::new());
                let hostile = Hostile::over_shared(Arc::clone(&memory), shape);
                let bus = hostile.builder().on_dead_letter(|_| {}).on_failure(|_| {}).build();
                let builder = handling(&bus, batches.then_some(Duration::ZERO));
                builder.retry(Retry::fixed(HOUR)).start().await.unwrap();
                for id in 0..3 {
                    memory.try_publish(&mut [Some(Message::malformed("no JSON", b"{"))]).unwrap();
                    publish(&bus, id..id + 1).await;
                }
                yield_a_lot().await;
                tokio::time::sleep(Duration::from_secs(1)).await;
                let stats = group(&bus, "group");
                assert_eq!((stats.handled, stats.dead_lettered, stats.retried), (3, 3, 0));
                for letter in bus.dead_letters().list().await.unwrap() {
                    assert!(matches!(&letter.error, AttemptError::Malformed(why) if &**why == "no JSON"), "{letter}");
                    assert_eq!(letter.message.malformed_data(), Some(&b"{"[..]));
                }
                assert_balanced(&bus.stats());
            });
        }
    }
}

#[test]
fn what_was_delivered_more_than_twice_as_often_as_it_may_be_tried_is_a_dead_letter() {
    for (deliveries, handled) in [(10, 1), (11, 0), (u32::MAX, 0)] {
        for shape in [Shape::AtOnce, Shape::Later] {
            finishes(format!("{shape:?} {deliveries}"), move || async move {
                let mut hostile = Hostile::new(shape);
                hostile.deliveries = Some(deliveries);
                let bus = hostile.builder().on_failure(|_| {}).build();
                let builder = bus.consumer("group").handle::<Job>(|_, _| async {});
                builder.retry(Retry::fixed(HOUR).max_attempts(5)).start().await.unwrap();
                publish(&bus, 0..1).await;
                yield_a_lot().await;
                let stats = group(&bus, "group");
                assert_eq!((stats.handled, stats.dead_lettered), (handled, 1 - handled));
                let letters = bus.dead_letters().list().await.unwrap();
                let never_ended = |error: &AttemptError| matches!(error, AttemptError::NeverEnded { .. });
                assert!(letters.iter().all(|letter| never_ended(&letter.error)), "{letters:?}");
            });
        }
    }
}

/// Notes how often what is delivered was handed out.
struct HandedOut(Log<u32>);

impl Interceptor for HandedOut {
    fn delivery(&self, delivery: &DeliveryInfo<'_>) -> Intercepted<DeliveryEnd> {
        self.0.add(delivery.deliveries());
        Ok(None)
    }
}

#[test]
fn an_interceptor_sees_how_often_a_message_was_handed_out() {
    finishes("three times".to_owned(), || async {
        let (mut hostile, seen) = (Hostile::new(Shape::AtOnce), Log::default());
        hostile.deliveries = Some(3);
        let bus = hostile.builder().intercept(HandedOut(seen.clone())).build();
        let (_consumer, log) = logging(&bus, "group").await;
        publish(&bus, 0..1).await;
        handles_all(&bus, &log, 1).await;
        assert_eq!(seen.take(), [3]);
    });
}

#[test]
fn a_source_that_fails_is_read_again_after_pauses_that_double_and_begin_anew_once_it_has_answered() {
    for shape in [Shape::AtOnce, Shape::Later] {
        finishes(format!("{shape:?}"), move || async move {
            let (hostile, log) = (Hostile::new(shape), Log::default());
            let bus = hostile.bus();
            consumer_of_one(&bus, &log).await;
            for id in 0..2 {
                publish(&bus, id..id + 1).await;
                yield_a_lot().await;
                hostile.pauses(Call::Next);
                hostile.breaks(Call::Next, Fault::Error, ALWAYS);
                // The read that is under way ends well.
                publish(&bus, id + 2..id + 3).await;
                tokio::time::sleep(Duration::from_mins(2)).await;
                let pauses = hostile.pauses(Call::Next);
                assert!(pauses.len() > 25, "{pauses:?}");
                assert_doubles(&pauses, Duration::from_millis(50), Duration::from_secs(5));
                hostile.heals(Call::Next);
                // It is asked again by now.
                tokio::time::sleep(Duration::from_secs(6)).await;
            }
            assert_eq!(log.take().len(), 4);
        });
    }
}

/// A consumer with one worker, which notes what it handles.
async fn consumer_of_one(bus: &Bus, log: &Log<u64>) {
    let log = log.clone();
    let handler = move |e: Arc<Job>, _| {
        log.add(e.0);
        async {}
    };
    bus.consumer("group").handle::<Job>(handler).start().await.unwrap();
}
