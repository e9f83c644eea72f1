//! Dead letters that a transport keeps, and what it says of those that it does not end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use eventbus::{
    Bus, Failed, Retry,
    consumer::AttemptError,
    dead_letter::{DeadLetter, DiscardError, ReplayError, ReplayWhereError},
    transport::LetterId,
};

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
        let replayed = letters.replay(&missing).await;
        assert_eq!(replayed, Err(ReplayError::Unknown { id: missing.clone() }), "keeps its letters: {keeps_letters}");
        let discarded = letters.discard(&missing).await;
        assert_eq!(discarded, Err(DiscardError::Unknown { id: missing.clone() }), "keeps its letters: {keeps_letters}");
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
    assert!(matches!(bus.dead_letters().replay_where(|_| true).await, Err(ReplayWhereError::Full { .. })));
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

/// A bus over the transport, with what its hook and the listeners of one type hear of dead letters.
fn telling(wire: &Wire) -> (Bus, Log<DeadLetter>, Log<u64>) {
    let (hooked, typed) = (Log::default(), Log::default());
    let (hook, listener) = (hooked.clone(), typed.clone());
    let builder = Bus::builder().transport(wire.clone()).on_failure(|_| {}).on_transport_error(|_| {});
    let bus = builder.on_dead_letter(move |letter| hook.add(letter.clone())).build();
    bus.on::<Failed<Moved>>(move |failed| listener.add(failed.event.number));
    (bus, hooked, typed)
}

async fn fails_for_good(bus: &Bus) {
    let handler = |_: Arc<Moved>, _| async { Err("no room in the yard") };
    bus.consumer("group").handle::<Moved>(handler).retry(Retry::never()).start().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_told_whoever_keeps_it() {
    for keeps_letters in [true, false] {
        let wire = Wire::new(keeps_letters);
        let (bus, hooked, typed) = telling(&wire);
        fails_for_good(&bus).await;
        bus.publish(Moved { of: 1, number: 5 }).await.unwrap();
        yield_a_lot().await;
        let told = hooked.take();
        let [letter] = &*told else { panic!("the transport keeps its letters: {keeps_letters}: {told:?}") };
        assert_eq!((&*letter.group, letter.attempts, letter.message.name()), ("group", 1, "stock.moved"));
        let AttemptError::Failed(error) = &letter.error else { panic!("{letter}") };
        assert_eq!(error.to_string(), "no room in the yard");
        assert_eq!(letter.id.as_str().is_empty(), keeps_letters, "{letter:?}");
        assert_eq!(typed.take(), [5], "the transport keeps its letters: {keeps_letters}");
        assert_eq!(bus.dead_letters().list().await.unwrap().len(), 1);
        assert_balanced(&bus.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_told_once_and_not_before_the_transport_has_it() {
    let wire = Wire::new(true);
    let (bus, hooked, typed) = telling(&wire);
    fails_for_good(&bus).await;
    wire.state().settle_errors = 1;
    bus.publish(Moved { of: 1, number: 5 }).await.unwrap();
    while bus.stats().transport_errors == 0 {
        tokio::task::yield_now().await;
    }
    assert!(hooked.take().is_empty() && wire.state().letters.is_empty(), "it could not be settled");
    // The next try comes after a pause.
    tokio::time::sleep(Duration::from_secs(1)).await;
    yield_a_lot().await;
    assert_eq!((hooked.take().len(), typed.take(), wire.state().letters.len()), (1, vec![5], 1));
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_cannot_be_read_is_told_to_the_hook_alone() {
    for keeps_letters in [true, false] {
        let wire = Wire::new(keeps_letters);
        let (bus, hooked, typed) = telling(&wire);
        fails_for_good(&bus).await;
        wire.write(&[("type", "stock.moved")], "no JSON");
        wire.write(&[("data", "no type")], "{}");
        yield_a_lot().await;
        let told: Vec<_> = hooked.take().iter().map(|letter| letter.error.to_string()).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(typed.take().is_empty());
    }
}
