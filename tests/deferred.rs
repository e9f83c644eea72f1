//! Events that are kept until it is sure that they have happened.

#![cfg(all(feature = "derive", feature = "tokio"))]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

#[path = "promises/support.rs"]
#[expect(dead_code, unused_imports, reason = "shared; not all of it is used here")]
mod support;

use std::{
    future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use eventbus::{Bus, Deferred, DeferredStats, EmitError, Event, EventName, Field};
use futures_util::poll;
use support::{Bomb, Log, Numbered, Ping, Pong, finishes, hush};
use tokio_util::sync::CancellationToken;

/// Pending, released and discarded.
fn counts(bus: &Bus) -> (u64, u64, u64) {
    let DeferredStats { pending, released, discarded, .. } = bus.stats().deferred;
    (pending, released, discarded)
}

/// A bus that notes the numbers it hears.
fn noting() -> (Bus, Log<u32>) {
    let (bus, log) = (Bus::new(), Log::default());
    bus.listener::<Numbered>().with(log.clone()).on(|log, e| log.add(e.0));
    (bus, log)
}

fn keeping(bus: &Bus, numbers: impl IntoIterator<Item = u32>) -> Deferred {
    let deferred = bus.deferred();
    numbers.into_iter().for_each(|number| deferred.emit(Numbered(number)));
    deferred
}

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

#[tokio::test]
async fn an_event_is_emitted_when_the_one_before_it_has_ended() {
    let (bus, log) = noting();
    let later = log.clone();
    bus.on_async::<Numbered>(move |e| {
        let log = later.clone();
        async move {
            tokio::task::yield_now().await;
            log.add(e.0 * 10);
        }
    });
    assert!(keeping(&bus, 1..=2).release().await.is_ok());
    assert_eq!(log.take(), [1, 10, 2, 20]);
}

#[test]
fn listeners_are_those_of_the_release() {
    let bus = Bus::new();
    let pending = keeping(&bus, [7]);
    let log = Log::default();
    bus.listener::<Numbered>().with(log.clone()).on(|log, e| log.add(e.0));
    pending.release().blocking();
    assert_eq!(log.take(), [7]);
}

#[test]
fn a_failing_listener_keeps_no_later_event_back_and_the_error_names_its_event() {
    hush();
    let (bus, log) = noting();
    bus.listener::<Ping>().named("broken").on(|_| Err("no good"));
    bus.listener::<Pong>().named("panicking").on(|_| panic!("boom"));
    let pending = bus.deferred();
    pending.emit(Ping);
    pending.emit(Numbered(1));
    pending.emit(Pong);
    pending.emit(Numbered(2));

    let released = pending.release().blocking();
    assert!(!released.is_ok());
    assert_eq!((released.reports().len(), log.take()), (4, vec![1, 2]));
    assert!(released.to_string().contains("listener `broken`"), "{released}");

    let error = released.into_result().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("2 of 4 released events did not go well"), "{text}");
    for part in ["`ping`", "failed: no good", "`pong`", "panicked: boom"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("numbered"), "{text}");
    let failed: Vec<_> = error.errors().map(|error| error.report().event_name().to_owned()).collect();
    assert_eq!(failed, ["ping", "pong"]);
    assert_eq!(error.into_released().reports().len(), 4);
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

#[test]
fn a_release_works_on_any_executor_and_is_unpin_and_send() {
    fn check<T: Unpin + Send>(value: T) -> T {
        value
    }
    let (bus, log) = noting();
    bus.on_async::<Numbered>(|_| async {});
    assert!(futures_executor::block_on(check(keeping(&bus, 1..=2).release())).is_ok());
    assert_eq!(log.take(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn one_deadline_covers_all_and_the_rest_is_reported_as_timed_out() {
    let (bus, log) = noting();
    bus.listener::<Numbered>().filter(|e| e.0 == 2).on_async(|_| future::pending::<()>());
    let released = keeping(&bus, 1..=3).release().timeout(Duration::from_secs(5)).await;
    let timed_out = |error: &EmitError| matches!(error, EmitError::TimedOut(_));
    assert_eq!((log.take(), counts(&bus)), (vec![1, 2], (0, 3, 0)));
    let error = released.into_result().unwrap_err();
    assert_eq!(error.errors().filter(timed_out).count(), 2);

    let now = tokio::time::Instant::now();
    let late = keeping(&bus, [1]).release().deadline(now).await;
    assert_eq!(late.into_result().unwrap_err().errors().filter(timed_out).count(), 1);
}

#[test]
fn a_token_cancels_what_is_left_and_the_reports_say_so() {
    let (bus, log) = noting();
    let token = CancellationToken::new();
    let stop = token.clone();
    bus.listener::<Numbered>().filter(|e| e.0 == 2).on(move |_| stop.cancel());
    let error = keeping(&bus, 1..=4).release().cancel_on(&token).blocking().into_result().unwrap_err();
    assert_eq!((log.take(), counts(&bus)), (vec![1, 2], (0, 4, 0)));
    assert!(error.errors().all(|error| matches!(error, EmitError::Cancelled(_))));
    assert_eq!(error.errors().count(), 2);
}

#[test]
fn a_listener_may_keep_release_and_discard() {
    let log = finishes("a release inside of a listener", || {
        let (bus, log) = noting();
        bus.listener::<Ping>().with_context().on(|_, cx| {
            let inner = cx.bus().deferred();
            inner.emit(Numbered(1));
            inner.release().blocking().into_result().map(drop)
        });
        bus.listener::<Ping>().with_context().on_async(|_, cx| async move {
            let inner = cx.bus().deferred();
            inner.emit(Numbered(2));
            inner.release().await.into_result().map(drop)
        });
        bus.listener::<Ping>().with_context().on(|_, cx| _ = keeping(&cx.bus(), [3]).discard());
        assert!(bus.emit(Ping).blocking().is_ok());
        assert_eq!(counts(&bus), (0, 2, 1));
        log
    });
    assert_eq!(log.take(), [1, 2]);
}

#[test]
fn what_a_released_event_causes_waits_for_the_next_take() {
    let (bus, log) = noting();
    let shared = Arc::new(bus.deferred());
    let again = Arc::downgrade(&shared);
    bus.listener::<Numbered>().filter(|e| e.0 < 3).on(move |e| again.upgrade().unwrap().emit(Numbered(e.0 + 1)));
    shared.emit(Numbered(1));
    for round in 1..=3 {
        assert!(shared.take().release().blocking().is_ok());
        assert_eq!(log.take(), [round]);
    }
    assert!(shared.is_empty());
    assert_eq!(counts(&bus), (0, 3, 0));
}

#[test]
fn emissions_are_caused_by_who_releases() {
    let bus = Bus::builder().recursion_limit(3).build();
    bus.listener::<Ping>().with_context().on(|_, cx| {
        let pending = cx.bus().deferred();
        pending.emit(Ping);
        pending.release().blocking().into_result().map(drop)
    });
    let report = bus.emit(Ping).blocking();
    assert!(report.to_string().contains("ping -> ping -> ping"), "{report}");

    // Kept in a listener by its context's bus, and released outside of it: caused by that listener's emission.
    let (bus, shared) = (Bus::builder().recursion_limit(1).build(), Arc::new(Mutex::new(None)));
    bus.listener::<Ping>().with(shared.clone()).with_context().on(|shared, _, cx| {
        let pending = cx.bus().deferred();
        pending.emit(Pong);
        *shared.lock().unwrap() = Some(pending);
    });
    bus.on::<Pong>(|_| ());
    assert!(bus.emit(Ping).blocking().is_ok());
    let pending = shared.lock().unwrap().take().unwrap();
    let text = pending.release().blocking().to_string();
    assert!(text.contains("ping -> pong"), "{text}");

    // Kept in a listener, and released outside of it: a chain that is as short as it looks.
    let bus = Bus::builder().recursion_limit(1).build();
    let shared = Arc::new(bus.deferred());
    let inside = Arc::downgrade(&shared);
    let log = Log::default();
    bus.on::<Ping>(move |_| inside.upgrade().unwrap().emit(Pong));
    bus.listener::<Pong>().with(log.clone()).on(|log, _| log.add("pong"));
    assert!(bus.emit(Ping).blocking().is_ok());
    assert!(shared.take().release().blocking().is_ok());
    assert_eq!(log.take(), ["pong"]);
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
    let text = format!("{pending:?}");
    assert!(text.contains("numbered") && text.contains("password.changed"), "{text}");
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
    assert!(text.contains("tests/deferred.rs") && text.contains("Impostor"), "{text}");
    assert!(pending.release().blocking().is_ok());
    assert_eq!(log.take(), [1]);
}
