//! Publishing that fails, panics, keeps what it refuses, or never answers.

use std::time::Duration;

use eventbus::{
    Bus, PublishError,
    transport::{Memory, Operation},
};
use tokio::time::{Instant, sleep};

use super::{ALWAYS, Call, Fault, Hostile, Shape, assert_told, consumer, finishes, handles_all, told};
use crate::support::{Job, Log, assert_balanced, logging, unread, yield_a_lot};

/// What a publisher is to get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Gets {
    Ok,
    Failed,
    Unknown,
    Closed,
}

/// Publishes jobs in one batch. Each result is as if it had been published alone.
async fn all(bus: &Bus, ids: std::ops::Range<u64>) -> Vec<Result<(), PublishError<Job>>> {
    let results = bus.publish_all(ids.map(Job)).await;
    results.into_iter().map(|result| result.map_err(PublishError::from)).collect()
}

fn of(result: &Result<(), PublishError<Job>>) -> Gets {
    match result {
        Ok(()) => Gets::Ok,
        Err(PublishError::Failed { .. }) => Gets::Failed,
        Err(PublishError::Unknown { .. }) => Gets::Unknown,
        Err(PublishError::Closed(_)) => Gets::Closed,
        Err(other) => panic!("{other:?}"),
    }
}

/// Each way to break publishing, what a publisher gets, and whether the message is there all the same.
const EACH: [(Shape, Call, Fault, Gets, bool); 14] = [
    (Shape::AtOnce, Call::TryPublish, Fault::Error, Gets::Failed, false),
    (Shape::AtOnce, Call::TryPublish, Fault::Panic, Gets::Unknown, false),
    (Shape::AtOnce, Call::TryPublish, Fault::PanicAfter, Gets::Unknown, true),
    (Shape::AtOnce, Call::TryPublish, Fault::Lost, Gets::Unknown, false),
    (Shape::AtOnce, Call::TryPublish, Fault::Empty, Gets::Failed, false),
    (Shape::AtOnce, Call::TryPublish, Fault::Closed, Gets::Closed, false),
    (Shape::Later, Call::TryPublish, Fault::Panic, Gets::Unknown, false),
    (Shape::Later, Call::Publish, Fault::Error, Gets::Failed, false),
    (Shape::Later, Call::Publish, Fault::Panic, Gets::Unknown, false),
    (Shape::Later, Call::Publish, Fault::PanicInFuture, Gets::Unknown, false),
    (Shape::Later, Call::Publish, Fault::PanicAfter, Gets::Unknown, true),
    (Shape::Later, Call::Publish, Fault::Empty, Gets::Unknown, true),
    (Shape::Later, Call::Publish, Fault::Silent, Gets::Unknown, false),
    (Shape::Later, Call::Publish, Fault::TooMany, Gets::Ok, true),
];

/// B1, B4, B30: whatever is refused goes to the user, and every error to the hook.
#[test]
fn publishing_that_breaks_hands_the_event_back_and_is_told() {
    for (shape, call, fault, gets, is_there) in EACH {
        finishes(format!("{shape:?} {call:?} {fault:?}"), move || async move {
            let (hostile, log) = (Hostile::new(shape), Log::default());
            let bus = hostile.bus();
            consumer(&bus, &log).await;
            hostile.breaks(call, fault, 1);
            let result = bus.publish(Job(0)).await;
            assert_eq!(of(&result), gets);
            if let Err(error) = result {
                // Unless the transport has it.
                assert_eq!(error.into_event(), (!is_there).then_some(Job(0)));
            }
            bus.publish(Job(1)).await.unwrap();
            bus.drained(Duration::from_hours(1)).await.unwrap();
            let handled = log.take();
            assert_eq!(handled, if is_there { vec![0, 1] } else { vec![1] });
            let least = usize::from(matches!(gets, Gets::Failed | Gets::Unknown));
            assert_eq!(assert_told(&hostile, &bus, Operation::Publish, None, least).len(), least);
        });
    }
}

#[test]
fn a_batch_that_breaks_has_a_result_for_each_and_is_told() {
    // One that empties the slot of what it loses, before slots that it leaves, cannot be told from one that keeps T5.
    for (shape, call, fault, gets, is_there) in EACH.into_iter().filter(|case| case.2 != Fault::Lost) {
        finishes(format!("{shape:?} {call:?} {fault:?}"), move || async move {
            let (hostile, log) = (Hostile::new(shape), Log::default());
            let bus = hostile.bus();
            consumer(&bus, &log).await;
            hostile.breaks(call, fault, 1);
            let results = all(&bus, 0..3).await;
            bus.publish(Job(3)).await.unwrap();
            bus.drained(Duration::from_hours(1)).await.unwrap();
            let handled = log.take();
            let (mut failed, mut least) = (0, 0);
            for (id, result) in (0..).zip(&results) {
                // One may fail while its neighbours do not.
                let got = of(result);
                assert!(got == gets || got == Gets::Ok, "{id}: {got:?}");
                failed += usize::from(got != Gets::Ok);
                least += usize::from(matches!(got, Gets::Failed | Gets::Unknown));
                assert!(got != Gets::Ok || handled.contains(&id), "{id} is lost in silence");
                assert!(got != Gets::Failed || !handled.contains(&id), "{id} is said not to be there");
            }
            assert!(gets == Gets::Ok || failed > 0, "{results:?}");
            if is_there {
                assert_eq!(handled, [0, 1, 2, 3]);
            }
            assert_eq!(assert_told(&hostile, &bus, Operation::Publish, None, least).len(), least);
        });
    }
}

#[test]
fn a_batch_of_which_the_last_is_taken_first_is_not_published_twice() {
    finishes("reversed".into(), || async {
        let (hostile, log) = (Hostile::new(Shape::AtOnce), Log::default());
        let bus = hostile.bus();
        consumer(&bus, &log).await;
        hostile.breaks(Call::TryPublish, Fault::Reversed, 1);
        let results = all(&bus, 0..3).await;
        bus.drained(Duration::from_hours(1)).await.unwrap();
        let handled = log.take();
        assert_eq!(handled.iter().filter(|id| **id == 2).count(), 1, "{handled:?}");
        assert_eq!([&results[0], &results[1], &results[2]].map(of), [Gets::Failed, Gets::Ok, Gets::Unknown]);
        assert_told(&hostile, &bus, Operation::Publish, None, 2);
    });
}

/// B30: 30 seconds, and no longer.
#[test]
fn a_publish_that_is_never_answered_ends_with_its_timeout_and_others_get_on_after_thirty_seconds() {
    for fault in [Fault::Silent, Fault::SilentAfter, Fault::PanicInDrop] {
        finishes(format!("{fault:?}"), move || async move {
            let (hostile, log) = (Hostile::new(Shape::Later), Log::default());
            let bus = hostile.bus();
            consumer(&bus, &log).await;
            hostile.breaks(Call::Publish, fault, 1);
            let began = Instant::now();
            let first = tokio::spawn({
                let bus = bus.clone();
                async move { of(&bus.publish(Job(0)).timeout(Duration::from_secs(1)).await) }
            });
            yield_a_lot().await;
            let second = tokio::spawn({
                let bus = bus.clone();
                async move { of(&bus.publish(Job(1)).await) }
            });
            assert_eq!((first.await.unwrap(), began.elapsed().as_secs()), (Gets::Unknown, 1));
            assert_eq!((second.await.unwrap(), began.elapsed().as_secs()), (Gets::Ok, 30));
            bus.drained(Duration::from_hours(1)).await.unwrap();
            assert!(log.take().ends_with(&[1]));
            assert_eq!(bus.stats().published.unknown, 1);
            assert_told(&hostile, &bus, Operation::Publish, None, 1);
        });
    }
}

#[test]
fn an_answer_for_which_nobody_waits_any_more_is_told_if_it_is_an_error() {
    finishes("unheard".into(), || async {
        let hostile = Hostile::new(Shape::Later);
        let bus = hostile.bus();
        hostile.breaks(Call::Publish, Fault::Silent, 1);
        let mut given_up = bus.publish(Job(0));
        assert!(crate::support::poll_once(&mut given_up).is_pending());
        drop(given_up);
        bus.publish(Job(1)).await.unwrap();
        assert_told(&hostile, &bus, Operation::Publish, None, 1);
        assert_eq!((bus.stats().published.unknown, bus.stats().published.accepted), (1, 1));
    });
}

#[test]
fn room_of_which_the_transport_does_not_tell_is_told_and_holds_no_thread() {
    for fault in [Fault::Panic, Fault::PanicInFuture, Fault::Error] {
        for is_batch in [false, true] {
            finishes(format!("{fault:?} {is_batch}"), move || async move {
                let hostile = Hostile::over(unread(Memory::new().capacity(1)), Shape::AtOnce);
                let bus = hostile.bus();
                bus.publish(Job(0)).await.unwrap();
                hostile.breaks(Call::Ready, fault, ALWAYS);
                let publisher = tokio::spawn({
                    let bus = bus.clone();
                    async move { if is_batch { all(&bus, 1..2).await.remove(0) } else { bus.publish(Job(1)).await } }
                });
                // `Error` is one that says at once that there is room, for ever: others run, in real time, too.
                for _ in 0..1000 {
                    tokio::task::yield_now().await;
                }
                if fault != Fault::Error {
                    sleep(Duration::from_secs(10)).await;
                    let counted = bus.stats().transport_errors;
                    let errors = told(&hostile, counted, Operation::Publish, None, 1).len();
                    assert!(errors < 1000, "{errors} in ten seconds");
                }
                assert!(!publisher.is_finished());
                bus.remove_group("unread").await.unwrap();
                publisher.await.unwrap().unwrap();
                assert_balanced(&bus.stats());
            });
        }
    }
}

#[test]
fn a_publisher_that_waits_for_room_gives_up_though_its_transport_panics_in_drop() {
    for is_batch in [false, true] {
        finishes(format!("{is_batch}"), move || async move {
            let hostile = Hostile::over(unread(Memory::new().capacity(1)), Shape::AtOnce);
            let bus = hostile.bus();
            bus.publish(Job(0)).await.unwrap();
            hostile.breaks(Call::Ready, Fault::PanicInDrop, ALWAYS);
            if is_batch {
                let mut waits = bus.publish_all([Job(1)]);
                assert!(crate::support::poll_once(&mut waits).is_pending());
                drop(waits);
            } else {
                let result = bus.publish(Job(1)).timeout(Duration::from_secs(1)).await;
                assert!(matches!(result, Err(PublishError::Full(Job(1)))), "{result:?}");
            }
            assert_balanced(&bus.stats());
        });
    }
}

#[test]
fn a_transport_that_closes_while_publishers_wait_hands_their_events_back() {
    for is_batch in [false, true] {
        finishes(format!("{is_batch}"), move || async move {
            let hostile = Hostile::over(unread(Memory::new().capacity(1)), Shape::AtOnce);
            let bus = hostile.bus();
            bus.publish(Job(0)).await.unwrap();
            let publisher = tokio::spawn({
                let bus = bus.clone();
                async move { if is_batch { all(&bus, 1..2).await.remove(0) } else { bus.publish(Job(1)).await } }
            });
            yield_a_lot().await;
            hostile.breaks(Call::TryPublish, Fault::Closed, ALWAYS);
            drop(eventbus::transport::Transport::close(&hostile, Duration::ZERO).await);
            assert_eq!(of(&publisher.await.unwrap()), Gets::Closed);
            assert!(bus.stats().published.is_balanced());
        });
    }
}

#[test]
fn capabilities_that_cannot_be_told_are_the_least() {
    for call in [Call::Capabilities, Call::Attach, Call::Unrouted] {
        finishes(format!("{call:?}"), move || async move {
            let (hostile, log) = (Hostile::new(Shape::AtOnce), Log::default());
            hostile.breaks(call, Fault::Panic, 1);
            let bus = hostile.bus();
            consumer(&bus, &log).await;
            bus.publish(Job(0)).await.unwrap();
            handles_all(&bus, &log, 1).await;
            let operation = match call {
                Call::Capabilities => Operation::Capabilities,
                Call::Unrouted => Operation::Groups,
                _ => Operation::Background,
            };
            bus.stats();
            assert_told(&hostile, &bus, operation, None, 1);
        });
    }
}

/// One by one and in a batch: the first waits for its answer, and the transport would take the others at once.
#[test]
fn what_could_go_at_once_does_not_overtake_what_waits_for_its_answer() {
    finishes("overtaking".to_owned(), || async {
        let hostile = Hostile::new(Shape::AtOnce);
        let bus = hostile.bus();
        let (_consumer, log) = logging(&bus, "group").await;
        hostile.breaks(Call::TryPublish, Fault::Late, 1);
        hostile.breaks(Call::Publish, Fault::Late, 1);
        let (first, second, rest) =
            tokio::join!(bus.publish(Job(0)), bus.publish(Job(1)), bus.publish_all([Job(2), Job(3)]));
        first.and(second).unwrap();
        assert!(rest.iter().all(Result::is_ok));
        bus.drained(Duration::from_hours(1)).await.unwrap();
        assert_eq!(log.take(), [0, 1, 2, 3]);
    });
}
