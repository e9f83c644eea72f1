//! Keeping and releasing inside of listeners.

use std::sync::{Arc, Mutex};

use eventbus::Bus;

use super::{counts, keeping, noting};
use crate::support::{Log, Numbered, Ping, Pong, finishes};

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
