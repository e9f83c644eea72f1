//! What is kept, and for whom.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use eventbus::{Bus, Event, EventName, event::Field};

use super::{counts, keeping, noting};
use crate::support::{Numbered, hush};

#[test]
fn what_is_rolled_back_emits_nothing() {
    let (bus, log) = noting();
    let work = || -> Result<(), std::num::ParseIntError> {
        let pending = keeping(&bus, 1..=2);
        "no number".parse::<u8>()?;
        pending.release().blocking();
        Ok(())
    };
    assert!(work().is_err());
    assert_eq!((log.take(), counts(&bus)), (vec![], (0, 0, 2)));
}

#[tokio::test]
async fn what_is_committed_emits_once_and_in_order() {
    let (bus, log) = noting();
    let pending = keeping(&bus, 1..=3);
    pending.emit(Arc::new(Numbered(4)));
    assert_eq!((pending.len(), log.take(), counts(&bus)), (4, vec![], (4, 0, 0)), "nothing runs before");

    let released = pending.release().await.into_result().unwrap();
    assert_eq!((released.reports().len(), log.take(), counts(&bus)), (4, vec![1, 2, 3, 4], (0, 4, 0)));
}

#[test]
fn dropping_and_discarding_count_what_is_lost() {
    let (bus, log) = noting();
    drop(keeping(&bus, 0..3));
    assert_eq!(counts(&bus), (0, 0, 3));
    assert_eq!(keeping(&bus, 0..2).discard(), 2);
    assert_eq!(bus.deferred().discard(), 0);
    drop(keeping(&bus, 0..1).release());
    assert_eq!((counts(&bus), log.take()), ((0, 0, 6), vec![]));
}

#[test]
fn threads_share_one_and_none_of_their_events_is_lost() {
    let (bus, log) = noting();
    let shared = bus.deferred();
    std::thread::scope(|threads| {
        for thread in 0..4 {
            let shared = &shared;
            threads.spawn(move || (0..100).for_each(|at| shared.emit(Numbered(thread * 100 + at))));
        }
    });
    assert!(shared.release().blocking().is_ok());
    let heard = log.take();
    for thread in 0..4 {
        let own: Vec<_> = heard.iter().copied().filter(|number| number / 100 == thread).collect();
        assert_eq!(own, (thread * 100..thread * 100 + 100).collect::<Vec<_>>(), "each thread's in order");
    }
}

#[test]
fn it_keeps_the_bus_alive() {
    let (bus, log) = noting();
    let (pending, weak) = (keeping(&bus, [1]), bus.downgrade());
    drop(bus);
    pending.release().blocking();
    assert_eq!(log.take(), [1]);
    assert!(weak.upgrade().is_none());
}

#[test]
fn it_shows_the_names_of_events_and_never_their_content() {
    #[derive(Event, Debug)]
    #[expect(dead_code, reason = "it is not shown")]
    struct PasswordChanged(&'static str);
    let bus = Bus::new();
    let pending = keeping(&bus, [7]);
    pending.emit(PasswordChanged("secret"));
    pending.publish(PasswordChanged("secret"));
    let text = format!("{pending:?}");
    assert!(text.contains("numbered") && text.matches("password.changed").count() == 2, "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert!(format!("{:?}", pending.release()).contains("begun: false"));
}

#[test]
fn two_types_of_one_name_are_found_where_the_event_is_kept() {
    struct Impostor;
    impl Event for Impostor {
        const NAME: EventName = EventName::new("numbered");
        const FIELDS: &'static [Field] = &[];
    }
    hush();
    let (bus, log) = noting();
    let pending = keeping(&bus, [1]);
    let conflict = catch_unwind(AssertUnwindSafe(|| pending.emit(Impostor)));
    let text = *conflict.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("used at tests/deferred/keeping.rs") && text.contains("Impostor"), "{text}");
    assert!(pending.release().blocking().is_ok());
    assert_eq!(log.take(), [1]);
}

#[test]
fn it_is_empty_until_something_is_kept_and_after_the_release() {
    let bus = Bus::new();
    let pending = bus.deferred();
    assert!(pending.is_empty());
    pending.emit(Numbered(1));
    pending.emit(Numbered(2));
    assert_eq!((pending.is_empty(), pending.len()), (false, 2));
    assert!(pending.take().release().blocking().is_ok());
    assert!(pending.is_empty());
}
