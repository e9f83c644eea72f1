//! Settling and extending that fails, panics, never answers; leases that are lost.

use std::time::Duration;

use eventbus::{
    Retry,
    transport::{Memory, Operation},
};
use tokio::time::{Instant, sleep};

use super::{
    ALWAYS, Call, Fault, Hostile, Shape, assert_doubles, assert_told, consumer, ends_in_time, finishes, handles_all,
    publish,
};
use crate::support::{HOUR, Job, Log, assert_balanced, group, yield_a_lot};

#[test]
fn settling_that_breaks_is_told_and_the_consumer_goes_on() {
    let later =
        [Fault::Error, Fault::Panic, Fault::PanicInFuture, Fault::PanicAfter].map(|fault| (Call::Settle, fault));
    let at_once = [Fault::Panic, Fault::PanicAfter].map(|fault| (Call::TrySettle, fault));
    for (call, fault) in later.into_iter().chain(at_once) {
        for shape in [Shape::AtOnce, Shape::Later] {
            if shape == Shape::AtOnce && call == Call::Settle {
                continue;
            }
            finishes(format!("{shape:?} {call:?} {fault:?}"), move || async move {
                let (hostile, log) = (Hostile::new(shape), Log::default());
                let bus = hostile.bus();
                consumer(&bus, &log).await;
                hostile.breaks(call, fault, 3);
                publish(&bus, 0..20).await;
                handles_all(&bus, &log, 20).await;
                assert_told(&hostile, &bus, Operation::Settle, Some("group"), 3);
                assert!(group(&bus, "group").settle_errors >= 3);
                publish(&bus, 20..30).await;
                bus.drained(HOUR).await.unwrap();
                assert_eq!(log.take().len(), 10);
            });
        }
    }
}

#[test]
fn settling_that_always_fails_is_given_up_after_a_while() {
    for fault in [Fault::Error, Fault::Silent, Fault::Panic] {
        finishes(format!("{fault:?}"), move || async move {
            let (hostile, log) = (Hostile::new(Shape::Later), Log::default());
            let bus = hostile.bus();
            consumer(&bus, &log).await;
            hostile.breaks(Call::Settle, fault, ALWAYS);
            publish(&bus, 0..4).await;
            let began = Instant::now();
            while group(&bus, "group").handled < 4 {
                sleep(Duration::from_secs(1)).await;
                assert!(began.elapsed() < Duration::from_secs(100));
            }
            sleep(Duration::from_secs(31)).await;
            let told = assert_told(&hostile, &bus, Operation::Settle, Some("group"), 1).len();
            assert!(told < 200, "{told}");
            ends_in_time(&bus, &log, 4).await;
        });
    }
}

/// B30: less than 30 seconds when something ends.
#[test]
fn settling_that_never_answers_does_not_hold_up_the_end_and_is_told() {
    for fault in [Fault::Silent, Fault::SilentAfter, Fault::PanicInDrop] {
        finishes(format!("{fault:?}"), move || async move {
            let (hostile, log) = (Hostile::new(Shape::Later), Log::default());
            let bus = hostile.bus();
            consumer(&bus, &log).await;
            hostile.breaks(Call::Settle, fault, ALWAYS);
            publish(&bus, 0..2).await;
            yield_a_lot().await;
            ends_in_time(&bus, &log, 2).await;
            assert_told(&hostile, &bus, Operation::Settle, Some("group"), 1);
        });
    }
}

#[test]
fn what_is_given_back_is_not_lost_with_a_panic_at_once() {
    finishes("given back".into(), || async {
        let (hostile, log) = (Hostile::new(Shape::AtOnce), Log::default());
        let bus = hostile.bus();
        let failing = bus.consumer("group").handle::<Job>(|_, _| async { Err::<(), _>("later") });
        let stopping = failing.retry(Retry::fixed(HOUR)).start().await.unwrap();
        publish(&bus, 0..3).await;
        yield_a_lot().await;
        hostile.breaks(Call::TrySettle, Fault::Panic, ALWAYS);
        assert_eq!(stopping.stop(Duration::from_secs(1)).await.returned, 3);
        assert_told(&hostile, &bus, Operation::Settle, Some("group"), 1);
        hostile.heals(Call::TrySettle);
        consumer(&bus, &log).await;
        handles_all(&bus, &log, 3).await;
        assert_balanced(&bus.stats());
    });
}

#[test]
fn what_could_not_be_given_back_is_in_flight_and_not_counted_as_returned() {
    for fault in [Fault::Panic, Fault::Silent, Fault::Error] {
        finishes(format!("{fault:?}"), move || async move {
            let hostile = Hostile::new(Shape::Later);
            let bus = hostile.builder().on_failure(|_| {}).build();
            let failing = bus.consumer("group").handle::<Job>(|_, _| async { Err::<(), _>("later") });
            let stopping = failing.retry(Retry::fixed(HOUR)).start().await.unwrap();
            publish(&bus, 0..3).await;
            yield_a_lot().await;
            hostile.breaks(Call::Settle, fault, ALWAYS);
            assert_eq!(stopping.stop(Duration::from_secs(1)).await.returned, 0);
            assert_told(&hostile, &bus, Operation::Settle, Some("group"), 1);
            assert_eq!(group(&bus, "group").in_flight, 3);
            assert!(!bus.shutdown(Duration::from_secs(1)).await.is_clean());
        });
    }
}

#[test]
fn what_is_given_back_may_take_as_long_as_the_stop_has() {
    finishes("late".into(), || async {
        let hostile = Hostile::new(Shape::Later);
        let bus = hostile.builder().on_failure(|_| {}).build();
        let failing = bus.consumer("group").handle::<Job>(|_, _| async { Err::<(), _>("later") });
        let stopping = failing.retry(Retry::fixed(HOUR)).start().await.unwrap();
        publish(&bus, 0..3).await;
        yield_a_lot().await;
        hostile.breaks(Call::Settle, Fault::Late, ALWAYS);
        assert_eq!(stopping.stop(Duration::from_secs(5)).await.returned, 3);
        assert_eq!(group(&bus, "group").settle_errors, 0);
    });
}

#[test]
fn a_lease_that_is_lost_when_it_is_settled_is_counted_and_told() {
    finishes("lost".into(), || async {
        let (hostile, log) = (Hostile::new(Shape::Later).says(|of| of.with_lease(HOUR)), Log::default());
        let bus = hostile.bus();
        consumer(&bus, &log).await;
        hostile.breaks(Call::Settle, Fault::Lost, 1);
        publish(&bus, 0..1).await;
        handles_all(&bus, &log, 1).await;
        sleep(Duration::from_mins(1)).await;
        let stats = group(&bus, "group");
        assert_eq!((stats.lost_leases, stats.settle_errors), (1, 0));
        assert_eq!(assert_told(&hostile, &bus, Operation::Settle, Some("group"), 1).len(), 1);
        bus.shutdown(HOUR).await;
    });
}

#[test]
fn a_lease_that_runs_out_under_its_handler_is_counted_and_told_and_not_settled() {
    let lease = Duration::from_secs(30);
    finishes("lost".into(), move || async move {
        let hostile = Hostile::new(Shape::Later).says(|of| of.with_lease(lease));
        let bus = hostile.bus();
        bus.consumer("group").handle::<Job>(move |_, _| sleep(lease)).start().await.unwrap();
        hostile.breaks(Call::Extend, Fault::Lost, ALWAYS);
        publish(&bus, 0..1).await;
        sleep(lease * 2).await;
        assert_eq!(group(&bus, "group").lost_leases, 1);
        assert_eq!(assert_told(&hostile, &bus, Operation::Extend, Some("group"), 1).len(), 1);
        assert!(!hostile.calls.take().contains(&Call::Settle), "another source has it by now");
        hostile.heals(Call::Extend);
        publish(&bus, 1..2).await;
        bus.drained(HOUR).await.unwrap();
        assert_eq!(group(&bus, "group").lost_leases, 1);
        bus.shutdown(HOUR).await;
    });
}

#[test]
fn extending_that_breaks_is_told_and_the_handler_goes_on() {
    let lease = Duration::from_secs(30);
    for fault in
        [Fault::Error, Fault::Panic, Fault::PanicInFuture, Fault::PanicAfter, Fault::Silent, Fault::PanicInDrop]
    {
        finishes(format!("{fault:?}"), move || async move {
            let hostile = Hostile::new(Shape::Later).says(|of| of.with_lease(lease));
            let bus = hostile.bus();
            bus.consumer("group").handle::<Job>(move |_, _| sleep(lease * 3)).start().await.unwrap();
            hostile.breaks(Call::Extend, fault, ALWAYS);
            publish(&bus, 0..1).await;
            bus.drained(HOUR).await.unwrap();
            assert_eq!(group(&bus, "group").handled, 1);
            let told = assert_told(&hostile, &bus, Operation::Extend, Some("group"), 1).len();
            assert!(told < 20, "{told}");
            let began = Instant::now();
            bus.shutdown(Duration::from_secs(5)).await;
            assert!(began.elapsed() < Duration::from_secs(6));
        });
    }
}

#[test]
fn a_lost_lease_that_nobody_holds_means_nothing() {
    let lease = Duration::from_secs(30);
    finishes("unknown".into(), move || async move {
        let hostile = Hostile::new(Shape::Later).says(|of| of.with_lease(lease));
        let bus = hostile.bus();
        bus.consumer("group").handle::<Job>(move |_, _| sleep(lease * 3)).start().await.unwrap();
        hostile.breaks(Call::Extend, Fault::TooMany, ALWAYS);
        publish(&bus, 0..1).await;
        bus.drained(HOUR).await.unwrap();
        let stats = group(&bus, "group");
        assert_eq!((stats.handled, stats.lost_leases, stats.settle_errors), (1, 0, 0));
        bus.shutdown(HOUR).await;
    });
}

#[test]
fn a_lease_may_last_for_no_time_or_for_ever() {
    for lease in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        for call in [Call::Settle, Call::Extend] {
            finishes(format!("{lease:?} {call:?}"), move || async move {
                let (hostile, log) = (Hostile::new(Shape::Later).says(|of| of.with_lease(lease)), Log::default());
                let bus = hostile.bus();
                hostile.breaks(call, Fault::Error, 2);
                consumer(&bus, &log).await;
                publish(&bus, 0..5).await;
                bus.consumer("slow").handle::<Job>(|_, _| sleep(Duration::from_secs(1))).start().await.unwrap();
                publish(&bus, 5..6).await;
                sleep(Duration::from_secs(20)).await;
                hostile.calls.take();
                sleep(Duration::from_secs(1)).await;
                let calls = hostile.calls.take().len();
                assert!(calls < 10_000, "{calls} calls in a second");
                bus.drained(HOUR).await.unwrap();
                ends_in_time(&bus, &log, 6).await;
            });
        }
    }
}

#[test]
fn a_hint_that_panics_is_told_and_the_handler_goes_on() {
    for fault in [Fault::Panic, Fault::PanicAfter] {
        finishes(format!("{fault:?}"), move || async move {
            let hostile = Hostile::over(Memory::new(), Shape::AtOnce);
            let bus = hostile.bus();
            bus.consumer("group").handle::<Job>(|_, _| sleep(Duration::from_secs(1))).start().await.unwrap();
            hostile.breaks(Call::WorkerWaits, fault, ALWAYS);
            publish(&bus, 0..3).await;
            bus.drained(HOUR).await.unwrap();
            assert_eq!(group(&bus, "group").handled, 3);
            assert_told(&hostile, &bus, Operation::Read, Some("group"), 6);
        });
    }
}

#[test]
fn settling_is_tried_again_after_pauses_that_double_for_thirty_seconds_or_as_long_as_the_lease_lasts() {
    for (lease, lasts) in [(None, 30), (Some(Duration::from_secs(9)), 9)] {
        finishes(format!("{lease:?}"), move || async move {
            let hostile = Hostile::new(Shape::Later);
            let hostile = match lease {
                Some(lease) => hostile.says(|of| of.with_lease(lease)),
                None => hostile,
            };
            let bus = hostile.bus();
            consumer(&bus, &Log::default()).await;
            hostile.breaks(Call::Settle, Fault::Error, ALWAYS);
            publish(&bus, 0..1).await;
            sleep(Duration::from_mins(1)).await;
            let pauses = hostile.pauses(Call::Settle);
            let longest = Duration::from_secs(2);
            assert_doubles(&pauses, Duration::from_millis(50), longest);
            let all: Duration = pauses.iter().sum();
            let lasts = Duration::from_secs(lasts);
            assert!(all <= lasts && lasts <= all + longest, "{all:?}");
            let stats = group(&bus, "group");
            assert_eq!(stats.settle_errors, pauses.len() as u64 + 2, "each, and the delivery that is given up");
        });
    }
}

#[test]
fn leases_are_extended_three_times_while_they_last() {
    let lease = Duration::from_secs(30);
    finishes("extended".into(), move || async move {
        let hostile = Hostile::new(Shape::Later).says(|of| of.with_lease(lease));
        let bus = hostile.bus();
        bus.consumer("group").handle::<Job>(move |_, _| sleep(lease * 3)).start().await.unwrap();
        publish(&bus, 0..1).await;
        bus.drained(HOUR).await.unwrap();
        let pauses = hostile.pauses(Call::Extend);
        assert!(pauses.len() >= 7 && pauses.iter().all(|pause| *pause == lease / 3), "{pauses:?}");
        bus.shutdown(HOUR).await;
    });
}
