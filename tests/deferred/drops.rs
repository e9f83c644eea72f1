//! What is given up, and events whose drop does something.

use std::{
    future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use eventbus::{Bus, Event};
use futures_util::poll;

use super::{counts, keeping, noting};
use crate::support::{Bomb, Numbered, finishes, hush};

#[tokio::test]
async fn giving_up_a_release_midway_discards_the_rest() {
    let (bus, log) = noting();
    bus.listener::<Numbered>().filter(|e| e.0 == 2).on_async(|_| future::pending::<()>());
    {
        let mut release = pin!(keeping(&bus, 1..=5).release());
        assert_eq!(poll!(&mut release).map(drop), Poll::Pending);
        assert_eq!((log.take(), counts(&bus)), (vec![1, 2], (3, 2, 0)));
    }
    assert_eq!((log.take(), counts(&bus)), (vec![], (0, 2, 3)));
}

#[derive(Event)]
struct Explosive(Bomb);

#[tokio::test]
async fn a_panic_in_the_drop_of_a_discarded_event_is_contained() {
    hush();
    let (bus, log) = noting();
    let keep = || {
        let pending = keeping(&bus, [1]);
        pending.emit(Explosive(Bomb));
        pending.emit(Explosive(Bomb));
        pending.emit(Numbered(2));
        pending
    };
    assert_eq!(keep().discard(), 4);
    drop(keep());
    assert_eq!((counts(&bus), log.take()), ((0, 0, 8), vec![]));

    // While another panic unwinds, too: a second one would end the process.
    let pending = keep();
    let unwound = catch_unwind(AssertUnwindSafe(move || {
        let _pending = pending;
        panic!("boom");
    }));
    assert!(unwound.is_err());
    assert_eq!(counts(&bus), (0, 0, 12));

    // And of a released one: its report is not lost, nor are the events behind it.
    bus.on::<Explosive>(|_| ());
    assert_eq!(keep().release().await.into_result().unwrap().reports()[1].succeeded(), 1);
    assert_eq!(keep().release().blocking().into_result().unwrap().reports()[2].succeeded(), 1);
    assert_eq!((counts(&bus), log.take()), ((0, 8, 12), vec![1, 2, 1, 2]));

    bus.on_async::<Explosive>(|_| future::pending::<()>());
    let mut release = Box::pin(keep().release());
    assert_eq!(poll!(&mut release).map(drop), Poll::Pending);
    drop(release);
    assert_eq!(counts(&bus), (0, 10, 14));
}

#[test]
fn the_drop_of_a_discarded_event_may_use_the_bus() {
    #[derive(Event)]
    struct Parting(Bus);
    impl Drop for Parting {
        fn drop(&mut self) {
            self.0.deferred().emit(Numbered(1));
            self.0.emit(Numbered(2)).blocking();
            self.0.clear();
        }
    }
    finishes("a drop that uses the bus", || {
        let (bus, log) = noting();
        let pending = bus.deferred();
        pending.emit(Parting(bus.clone()));
        drop(pending);
        assert_eq!((log.take(), counts(&bus)), (vec![2], (0, 0, 2)));
    });
}
