//! Dead letters that cannot be listed, replayed, or discarded.

use std::time::Duration;

use eventbus::{
    Retry,
    dead_letter::ReplayError,
    transport::{Capabilities, LetterId, Operation},
};
use tokio::time::sleep;

use super::{ALWAYS, Call, Fault, Hostile, Shape, assert_told, finishes, publish};
use crate::support::{Gauge, HOUR, Job, Tracked, group};

const BREAKS: [Fault; 6] =
    [Fault::Error, Fault::Panic, Fault::PanicInFuture, Fault::PanicAfter, Fault::Silent, Fault::PanicInDrop];

#[test]
fn a_letter_that_is_not_taken_back_stays_a_letter() {
    for fault in BREAKS {
        finishes(format!("{fault:?}"), move || async move {
            let hostile = Hostile::new(Shape::Later);
            let bus = hostile.builder().on_failure(|_| {}).build();
            let failing = bus.consumer("group").handle::<Job>(|_, _| async { Err::<(), _>("never") });
            failing.retry(Retry::never()).start().await.unwrap();
            publish(&bus, 0..1).await;
            bus.drained(HOUR).await.unwrap();
            let id = bus.dead_letters().list().await.unwrap()[0].id.clone();
            hostile.breaks(Call::Redeliver, fault, 1);
            let refused = bus.dead_letters().replay(&id).await;
            assert!(matches!(refused, Err(ReplayError::Refused { .. })), "{refused:?}");
            assert!(bus.dead_letters().in_memory().iter().any(|letter| letter.id == id));
            assert_told(&hostile, &bus, Operation::DeadLetters, Some("group"), 1);
            bus.dead_letters().replay(&id).await.unwrap();
            bus.drained(HOUR).await.unwrap();
            let times = if fault == Fault::PanicAfter { 3 } else { 2 };
            assert_eq!(group(&bus, "group").dead_lettered, times);
        });
    }
}

#[test]
fn letters_that_the_transport_does_not_serve_are_errors() {
    for fault in BREAKS {
        finishes(format!("{fault:?}"), move || async move {
            let hostile = Hostile::new(Shape::Later).says(Capabilities::with_dead_letters);
            let bus = hostile.bus();
            let (letters, id) = (bus.dead_letters(), LetterId::new("1"));
            hostile.breaks(Call::DeadLetters, fault, 3);
            letters.list().await.unwrap_err();
            letters.page(None, None, 1).await.unwrap_err();
            letters.replay_where(|_| true).await.unwrap_err();
            hostile.breaks(Call::EndLetters, fault, 2);
            letters.replay(&id).await.unwrap_err();
            letters.discard(&id).await.unwrap_err();
            assert_told(&hostile, &bus, Operation::DeadLetters, None, 5);
            // It answers for none of those that it was asked for.
            letters.discard(&id).await.unwrap_err();
            assert_told(&hostile, &bus, Operation::DeadLetters, None, 0);
        });
    }
}

#[test]
fn pages_that_do_not_go_on_are_an_error() {
    finishes("pages".into(), || async {
        let hostile = Hostile::new(Shape::Later).says(Capabilities::with_dead_letters);
        let bus = hostile.bus();
        hostile.breaks(Call::DeadLetters, Fault::Empty, usize::MAX);
        let letters = bus.dead_letters();
        tokio::time::timeout(Duration::from_secs(1), letters.list()).await.unwrap().unwrap_err();
        tokio::time::timeout(Duration::from_secs(1), letters.replay_where(|_| true)).await.unwrap().unwrap_err();
        assert_told(&hostile, &bus, Operation::DeadLetters, None, 2);
    });
}

#[test]
fn a_letter_of_which_nobody_knows_whether_it_is_kept_is_not_held() {
    for fault in [Fault::Error, Fault::Panic, Fault::Lost] {
        finishes(format!("{fault:?}"), move || async move {
            let hostile = Hostile::new(Shape::Later).says(|of| of.with_dead_letters().with_lease(HOUR));
            let bus = hostile.builder().on_failure(|_| {}).build();
            let failing = bus.consumer("group").handle::<Tracked>(|_, _| async { Err::<(), _>("never") });
            failing.retry(Retry::never()).start().await.unwrap();
            hostile.breaks(Call::Settle, fault, ALWAYS);
            let gauge = Gauge::default();
            bus.publish(Tracked::new(1, &gauge)).await.unwrap();
            sleep(2 * HOUR).await;
            assert_eq!((gauge.now(), gauge.most()), (0, 1));
            bus.shutdown(Duration::from_secs(1)).await;
        });
    }
}
