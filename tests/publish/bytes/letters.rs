//! Dead letters that a transport keeps, and what it says of those that it does not end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use eventbus::{Bus, Retry, dead_letter::ReplayError, transport::LetterId};

use super::{Moved, transport::Wire};
use crate::support::{Log, assert_balanced, yield_a_lot};

#[tokio::test(start_paused = true)]
async fn a_letter_that_is_not_there_is_told_apart_from_a_transport_that_fails() {
    for keeps_letters in [true, false] {
        let wire = Wire::new(keeps_letters);
        let errors = Log::default();
        let told = errors.clone();
        let on_error = move |error: &eventbus::transport::TransportError| told.add(error.to_string());
        let bus = Bus::builder().transport(wire.clone()).on_failure(|_| {}).on_transport_error(on_error).build();
        let (letters, missing) = (bus.dead_letters(), LetterId::new("999"));
        for answer in [letters.replay(&missing).await, letters.discard(&missing).await] {
            let unknown = ReplayError::Unknown { id: missing.clone() };
            assert_eq!(answer, Err(unknown), "the transport keeps its letters: {keeps_letters}");
        }
        assert!(errors.take().is_empty(), "nothing has failed");
        assert_eq!(bus.stats().transport_errors, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_full_keeps_its_letters_until_there_is_room() {
    let wire = Wire::new(true);
    let bus = Bus::builder().transport(wire.clone()).on_failure(|_| {}).build();
    let fails = Arc::new(AtomicBool::new(true));
    let failing = Arc::clone(&fails);
    let handler = move |_: Arc<Moved>, _| {
        let fails = failing.load(Ordering::SeqCst);
        async move { if fails { Err("not yet") } else { Ok(()) } }
    };
    bus.consumer("group").handle::<Moved>(handler).retry(Retry::never()).start().await.unwrap();
    for number in 0..2 {
        bus.publish(Moved { of: 0, number }).await.unwrap();
    }
    yield_a_lot().await;
    fails.store(false, Ordering::SeqCst);
    let kept = bus.dead_letters();
    let letters = kept.list().await.unwrap();
    wire.state().full_group = Some("group".into());
    let full = bus.dead_letters().replay(&letters[0].id).await;
    assert_eq!(full, Err(ReplayError::Full { id: letters[0].id.clone(), group: "group".into() }));
    assert!(matches!(bus.dead_letters().replay_where(|_| true).await, Err(ReplayError::Full { .. })));
    assert_eq!((bus.dead_letters().list().await.unwrap().len(), bus.stats().transport_errors), (2, 0));

    wire.state().full_group = None;
    // Another process replays one between the list and the replay of it.
    let other = letters[0].id.clone();
    let replayed = kept.replay_where(|letter| {
        if letter.id == letters[1].id {
            wire.state().letters.retain(|letter| letter.id != other);
        }
        true
    });
    assert_eq!(replayed.await.unwrap(), 1, "the other one is no error");
    yield_a_lot().await;
    assert!(bus.dead_letters().list().await.unwrap().is_empty());
    assert_balanced(&bus.stats());
}
