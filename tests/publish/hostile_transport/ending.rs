//! Groups, closing, health: what the bus asks for around its deliveries.

use std::time::Duration;

use eventbus::{
    consumer::{ConsumerError, RemoveError, RemoveGroupError},
    transport::Operation,
};
use tokio::time::Instant;

use super::{ALWAYS, Call, Fault, Hostile, Shape, assert_told, consumer, ends_in_time, finishes, handles_all, publish};
use crate::support::{HOUR, Job, Log, assert_balanced, yield_a_lot};

const FAILURES: [Fault; 4] = [Fault::Error, Fault::Panic, Fault::PanicInFuture, Fault::PanicAfter];
const SILENCES: [Fault; 3] = [Fault::Silent, Fault::SilentAfter, Fault::PanicInDrop];

#[test]
fn a_shutdown_ends_in_time_whatever_its_transport_answers() {
    for (call, operation, whose) in
        [(Call::Groups, Operation::Groups, None), (Call::CloseSource, Operation::CloseSource, Some("group"))]
    {
        for fault in FAILURES.into_iter().chain(SILENCES) {
            for shape in [Shape::AtOnce, Shape::Later] {
                finishes(format!("{shape:?} {call:?} {fault:?}"), move || async move {
                    let (hostile, log) = (Hostile::new(shape), Log::default());
                    let bus = hostile.bus();
                    consumer(&bus, &log).await;
                    publish(&bus, 0..5).await;
                    yield_a_lot().await;
                    hostile.breaks(call, fault, ALWAYS);
                    publish(&bus, 5..10).await;
                    ends_in_time(&bus, &log, 10).await;
                    hostile.heals(call);
                    assert_told(&hostile, &bus, operation, whose, 1);
                });
            }
        }
    }
}

#[test]
fn a_shutdown_whose_transport_does_not_close_ends_in_time_and_says_so() {
    for fault in FAILURES.into_iter().chain(SILENCES) {
        finishes(format!("{fault:?}"), move || async move {
            let (hostile, log) = (Hostile::new(Shape::AtOnce), Log::default());
            let bus = hostile.bus();
            consumer(&bus, &log).await.stop(HOUR).await;
            hostile.breaks(Call::Close, fault, ALWAYS);
            publish(&bus, 0..3).await;
            let began = Instant::now();
            let report = bus.shutdown(Duration::from_secs(5)).await;
            assert!(began.elapsed() < Duration::from_secs(6));
            assert!(!report.is_clean());
            if matches!(fault, Fault::PanicAfter | Fault::SilentAfter) {
                // What it has handed back is in nobody's books, and that is told.
                assert_eq!(hostile.errors.take()[0].0, Operation::Close);
                return;
            }
            assert_told(&hostile, &bus, Operation::Close, None, 1);
            assert_eq!(report.stats().deliveries().in_flight, 3);
        });
    }
}

#[test]
fn a_transport_may_close_for_as_long_as_the_shutdown_lasts() {
    finishes("slow".to_owned(), || async {
        let (hostile, log) = (Hostile::new(Shape::AtOnce), Log::default());
        let bus = hostile.bus();
        consumer(&bus, &log).await;
        hostile.breaks(Call::Close, Fault::Slow, ALWAYS);
        publish(&bus, 0..3).await;
        let report = bus.shutdown(Duration::from_mins(1)).await;
        assert!(report.is_clean(), "{report}");
        assert_eq!(hostile.errors.take(), []);
    });
}

#[test]
fn a_bus_is_not_drained_as_long_as_nobody_knows() {
    for fault in FAILURES.into_iter().chain(SILENCES) {
        finishes(format!("{fault:?}"), move || async move {
            let hostile = Hostile::new(Shape::AtOnce);
            let bus = hostile.bus();
            let waits = bus.consumer("group").handle::<Job>(|_, _| async {}).start().await.unwrap();
            waits.pause();
            publish(&bus, 0..3).await;
            hostile.breaks(Call::Groups, fault, ALWAYS);
            assert!(bus.drained(Duration::from_secs(5)).await.is_err());
            let drained = waits.drain(Duration::from_secs(5)).await;
            assert!(drained.is_err());
            hostile.heals(Call::Groups);
            assert_told(&hostile, &bus, Operation::Groups, None, 1);
            waits.resume();
            bus.drained(HOUR).await.unwrap();
        });
    }
}

#[test]
fn a_group_that_cannot_be_opened_is_an_error_and_may_be_opened_later() {
    for fault in FAILURES.into_iter().chain([Fault::Silent, Fault::PanicInDrop]) {
        finishes(format!("{fault:?}"), move || async move {
            let (hostile, log) = (Hostile::new(Shape::Later), Log::default());
            let bus = hostile.bus();
            hostile.breaks(Call::Subscribe, fault, 1);
            let failed = bus.consumer("group").handle::<Job>(|_, _| async {}).start().await;
            assert!(matches!(failed, Err(ConsumerError::Transport { .. })), "{failed:?}");
            assert_told(&hostile, &bus, Operation::Subscribe, Some("group"), 1);
            consumer(&bus, &log).await;
            publish(&bus, 0..3).await;
            handles_all(&bus, &log, 3).await;
        });
    }
}

#[test]
fn a_start_that_is_given_up_does_not_unwind() {
    finishes("given up".into(), || async {
        let hostile = Hostile::new(Shape::Later);
        let bus = hostile.bus();
        hostile.breaks(Call::Subscribe, Fault::PanicInDrop, 1);
        let start = bus.consumer("group").handle::<Job>(|_, _| async {}).start();
        assert!(tokio::time::timeout(Duration::from_secs(1), start).await.is_err());
        hostile.breaks(Call::Health, Fault::PanicInDrop, 1);
        assert!(tokio::time::timeout(Duration::from_secs(1), bus.health()).await.is_err());
        hostile.breaks(Call::Groups, Fault::PanicInDrop, 1);
        assert!(bus.drained(Duration::from_secs(1)).await.is_err());
        bus.consumer("group").handle::<Job>(|_, _| async {}).start().await.unwrap();
    });
}

#[test]
fn a_group_that_cannot_be_removed_is_an_error() {
    for fault in FAILURES.into_iter().chain([Fault::Silent, Fault::PanicInDrop]) {
        finishes(format!("{fault:?}"), move || async move {
            let hostile = Hostile::new(Shape::Later);
            let bus = hostile.bus();
            let stopped = bus.consumer("group").handle::<Job>(|_, _| async {}).start().await.unwrap();
            hostile.breaks(Call::RemoveGroup, fault, 1);
            let failed = stopped.remove(Duration::from_secs(1)).await;
            assert!(matches!(failed, Err(RemoveError::Group(RemoveGroupError::Transport { .. }))), "{failed:?}");
            assert_told(&hostile, &bus, Operation::RemoveGroup, Some("group"), 1);
        });
    }
}

#[test]
fn health_that_cannot_be_told_is_bad() {
    for fault in FAILURES.into_iter().chain([Fault::Silent, Fault::PanicInDrop]) {
        finishes(format!("{fault:?}"), move || async move {
            let hostile = Hostile::new(Shape::Later);
            let bus = hostile.bus();
            hostile.breaks(Call::Health, fault, 1);
            assert!(!bus.health().await.is_healthy());
            // What the transport says itself is no error of asking it.
            let least = usize::from(fault != Fault::Error);
            assert_told(&hostile, &bus, Operation::Health, None, least);
            assert!(bus.health().await.is_healthy());
        });
    }
}

#[test]
fn statistics_are_balanced_whatever_the_groups_answer() {
    for fault in FAILURES.into_iter().chain(SILENCES) {
        finishes(format!("{fault:?}"), move || async move {
            let (hostile, log) = (Hostile::new(Shape::Later), Log::default());
            let bus = hostile.bus();
            consumer(&bus, &log).await;
            publish(&bus, 0..5).await;
            yield_a_lot().await;
            hostile.breaks(Call::Groups, fault, ALWAYS);
            assert_balanced(&bus.stats());
            assert_eq!(bus.stats().group("group").unwrap().handled, 5);
        });
    }
}

#[test]
fn what_is_left_after_the_limit_is_named_by_a_transport_that_answers_later() {
    finishes("left".to_owned(), || async {
        let bus = Hostile::new(Shape::Later).bus();
        let consumer = consumer(&bus, &Log::default()).await;
        consumer.pause();
        publish(&bus, 0..3).await;
        let error = bus.drained(Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error.to_string(), "not drained in time: group `group` has 3 left");
    });
}
