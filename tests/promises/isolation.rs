//! P1: a listener that panics or fails stops nobody else and reaches the emitter in the report only.

use std::{
    fmt,
    panic::panic_any,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use eventbus::{Bus, Outcome, Report};

use crate::support::{Bomb, Log, Ping, bus_lines, hush, in_child};

/// Emits a `Ping` to `misbehaving` between two good listeners. Both must run, now and the next time.
fn check(misbehaving: impl FnOnce(&Bus)) -> Report {
    hush();
    let bus = Bus::builder().on_failure(|_| ()).build();
    let good = Log::default();
    bus.listener::<Ping>().with(good.clone()).on(|good, _| good.add("before"));
    misbehaving(&bus);
    bus.listener::<Ping>().with(good.clone()).on(|good, _| good.add("after"));

    let report = bus.emit(Ping).blocking();
    assert_eq!(good.take(), ["before", "after"]);
    bus.emit(Ping).blocking();
    assert_eq!(good.take(), ["before", "after"]);
    bus.clear();
    assert_eq!(bus.listener_count::<Ping>(), 0);
    report
}

fn panic_of(report: &Report) -> &str {
    match report.failures() {
        [failure] => match failure.outcome() {
            Outcome::Panicked(message) => message,
            other => panic!("expected a panic, got {other:?}"),
        },
        other => panic!("expected one failure, got {other:?}"),
    }
}

#[test]
fn a_panicking_listener_stops_no_other() {
    let report = check(|bus| _ = bus.on::<Ping>(|_| panic!("boom {}", 7)));
    assert_eq!(panic_of(&report), "boom 7");
    assert_eq!(report.succeeded(), 2);
}

#[test]
fn a_failing_listener_stops_no_other() {
    let report = check(|bus| _ = bus.on::<Ping>(|_| Err("no such user")));
    let error = report.failures()[0].outcome().error().unwrap();
    assert_eq!(error.to_string(), "no such user");
    assert_eq!(report.succeeded(), 2);
}

#[test]
fn a_panicking_filter_counts_as_a_panic_of_its_listener() {
    let called = Log::default();
    let report = check(|bus| {
        bus.listener::<Ping>()
            .named("picky")
            .filter(|_| panic!("boom"))
            .with(called.clone())
            .on(|called, _| called.add(()));
    });
    assert_eq!(panic_of(&report), "boom");
    assert_eq!(report.failures()[0].listener().name(), Some("picky"));
    assert!(called.take().is_empty());
}

#[test]
fn a_panicking_clone_of_the_state_counts_as_a_panic_of_its_listener() {
    struct Unclonable;
    impl Clone for Unclonable {
        fn clone(&self) -> Self {
            panic!("boom")
        }
    }
    let report = check(|bus| _ = bus.listener::<Ping>().with(Unclonable).on(|_, _| ()));
    assert_eq!(panic_of(&report), "boom");
}

#[test]
fn all_listeners_may_panic() {
    hush();
    let bus = Bus::new();
    for _ in 0..10 {
        bus.on::<Ping>(|_| panic!("boom"));
    }
    let report = bus.emit(Ping).blocking();
    assert_eq!((report.failures().len(), report.succeeded()), (10, 0));
}

#[test]
fn a_payload_whose_drop_panics_is_contained() {
    let report = check(|bus| _ = bus.on::<Ping>(|_| panic_any(Bomb)));
    assert!(panic_of(&report).contains("not text"));
}

#[test]
fn an_error_whose_drop_panics_is_contained() {
    #[derive(Debug)]
    struct Explosive;
    impl fmt::Display for Explosive {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("explosive")
        }
    }
    impl std::error::Error for Explosive {}
    impl Drop for Explosive {
        fn drop(&mut self) {
            panic!("boom");
        }
    }
    let report = check(|bus| {
        bus.on::<Ping>(|_| Err(Explosive));
        bus.on::<Ping>(|_| Err(Explosive));
    });
    assert_eq!(report.failures().len(), 2);
    drop(report);
}

#[test]
fn a_panicking_hook_is_contained_and_hears_of_the_next_failure() {
    let output = in_child("isolation::a_panicking_hook_is_contained_and_hears_of_the_next_failure", || {
        hush();
        let heard = Log::default();
        let log = heard.clone();
        let bus = Bus::builder()
            .on_failure(move |failure| {
                log.add(failure.listener().name().unwrap_or_default().to_owned());
                panic!("boom\nin two lines");
            })
            .build();
        for name in ["first", "second"] {
            bus.listener::<Ping>().named(name).on(|_| Err("failed"));
        }
        let report = bus.emit(Ping).blocking();
        assert_eq!(report.failures().len(), 2);
        assert_eq!(heard.take(), ["first", "second"]);
    });
    if let Some(output) = output {
        let lines = bus_lines(&output);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("the failure hook panicked: boom\\nin two lines"), "{lines:?}");
        assert!(lines[0].contains("listener `first`"), "{lines:?}");
    }
}

#[test]
fn a_removed_closure_whose_drop_panics_is_contained() {
    let bomb = |bus: &Bus| {
        let bomb = Bomb;
        bus.on::<Ping>(move |_| _ = &bomb)
    };
    check(|bus| assert!(bomb(bus).off()));
    check(|bus| drop(bomb(bus).guard()));
    check(|bus| {
        let scope = bus.scope("bombs");
        for _ in 0..3 {
            let bomb = Bomb;
            scope.on::<Ping>(move |_| _ = &bomb);
        }
        assert_eq!(scope.off(), 3);
    });
    // `check` itself clears this one.
    check(|bus| _ = bomb(bus));
}

#[test]
fn filters_and_states_whose_drops_panic_are_contained() {
    check(|bus| {
        let (first, second, third, state) = (Bomb, Bomb, Bomb, Arc::new(Bomb));
        let listener = bus.listener::<Ping>().filter(move |_| {
            let _ = &first;
            true
        });
        let listener = listener.filter(move |_| {
            let _ = &second;
            true
        });
        let subscription = listener.with(state).on(move |_, _| _ = &third);
        assert!(subscription.off());
    });
}

#[test]
fn a_closure_dropped_by_its_last_emission_is_contained() {
    let report = check(|bus| {
        let bomb = Bomb;
        bus.listener::<Ping>().once().on(move |_| _ = &bomb);
    });
    assert!(report.is_ok());
}

#[test]
fn a_closure_that_its_emitter_held_last_is_contained() {
    hush();
    let bus = Bus::new();
    let mut emitter = bus.emitter::<Ping>();
    let bomb = Bomb;
    let subscription = bus.on::<Ping>(move |_| _ = &bomb);
    assert_eq!(emitter.emit(Ping).blocking().succeeded(), 1);
    subscription.off();
    let calls = Log::default();
    bus.listener::<Ping>().with(calls.clone()).on(|calls, _| calls.add(()));
    assert_eq!(emitter.emit(Ping).blocking().succeeded(), 1);
    assert_eq!(calls.take().len(), 1);
}

#[test]
fn listeners_and_a_hook_whose_drops_panic_let_the_bus_go() {
    hush();
    let (in_listener, in_hook) = (Bomb, Bomb);
    let bus = Bus::builder().on_failure(move |_| _ = &in_hook).build();
    bus.on::<Ping>(move |_| _ = &in_listener);
    drop(bus);
}

#[test]
fn an_error_that_cannot_be_printed_still_gets_its_line() {
    #[derive(Debug)]
    struct Unprintable;
    impl fmt::Display for Unprintable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("boom")
        }
    }
    impl std::error::Error for Unprintable {}

    let output = in_child("isolation::an_error_that_cannot_be_printed_still_gets_its_line", || {
        hush();
        let bus = Bus::new();
        bus.listener::<Ping>().named("mute").on(|_| Err(Unprintable));
        bus.listener::<Ping>().named("plain").on(|_| Err("plain"));
        bus.emit(Ping).blocking();
    });
    if let Some(output) = output {
        let lines = bus_lines(&output);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("eventbus: ping: listener `mute`"), "{lines:?}");
        assert!(lines[1].starts_with("eventbus: ping: listener `plain`"), "{lines:?}");
    }
}

/// Chaos list: one of ten listeners panics each time.
#[test]
fn one_of_ten_panics_on_each_of_100_000_emits_and_every_run_is_accounted_for() {
    const EMITS: usize = 100_000;
    hush();
    let bus = Bus::new();
    let good = Arc::new(AtomicUsize::new(0));
    for at in 0..10 {
        if at == 4 {
            bus.on::<Ping>(|_| panic!("boom"));
        } else {
            let good = Arc::clone(&good);
            bus.on::<Ping>(move |_| _ = good.fetch_add(1, Ordering::Relaxed));
        }
    }
    let (mut panics, mut succeeded) = (0, 0);
    for _ in 0..EMITS {
        let report = bus.emit(Ping).blocking();
        succeeded += report.succeeded();
        panics += report.failures().iter().filter(|f| matches!(f.outcome(), Outcome::Panicked(_))).count();
    }
    assert_eq!(good.load(Ordering::Relaxed), 9 * EMITS);
    assert_eq!((succeeded, panics), (9 * EMITS, EMITS));
}
