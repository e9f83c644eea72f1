//! What is kept is bounded, and what was lost of a tree is told.

use eventbus::{
    Bus,
    trace::{TraceCause, Traced},
};

use super::shape;
use super::support::{Numbered, Ping, Pong};

#[test]
fn the_last_records_are_kept_and_the_others_counted() {
    let bus = Bus::builder().trace(3).build();
    bus.on::<Numbered>(|_| {});
    for number in 0..10 {
        assert!(bus.emit(Numbered(number)).blocking().is_ok());
    }
    let trace = bus.trace();
    assert_eq!((trace.roots().count(), trace.fallen()), (3, 7));
    assert!(trace.to_string().ends_with("(7 older records not kept)\n"), "{trace}");
}

#[test]
fn what_has_lost_its_cause_is_a_root_that_says_so() {
    let bus = Bus::builder().trace(1).build();
    bus.listener::<Ping>().with_context().on(|_, cx| cx.bus().emit(Pong).blocking().into_result().map(drop));
    let ping = bus.emit(Ping).blocking().emission().unwrap();
    let trace = bus.trace();
    let [inner] = trace.roots().collect::<Vec<_>>()[..] else { panic!("{trace}") };
    assert_eq!(inner.missing_cause(), Some(&TraceCause::Emission(ping)));
    let expected = "emit pong #_: nobody listens, 0ns (caused by emission #_, which is not in this trace)";
    assert_eq!(shape(&trace)[0].split(", ").next(), expected.split(", ").next());
    assert!(
        trace.to_string().contains(&format!("(caused by emission #{ping}, which is not in this trace)")),
        "{trace}"
    );
}

#[test]
fn of_many_listeners_some_are_kept_and_the_others_counted() {
    let bus = Bus::builder().trace(3).build();
    for _ in 0..300 {
        bus.on::<Ping>(|_| {});
    }
    assert!(bus.emit(Ping).blocking().is_ok());
    let trace = bus.trace();
    let ping = trace.roots().next().unwrap();
    assert_eq!((ping.children().count(), ping.more_calls()), (256, 44));
    assert!(trace.to_string().contains("  (44 more listeners)\n"), "{trace}");
}

#[test]
fn what_a_call_ends_that_is_no_longer_kept_changes_nothing() {
    let bus = Bus::builder().trace(2).build();
    bus.listener::<Ping>().with_context().on(|_, cx| {
        for number in 0..5 {
            assert!(cx.bus().emit(Numbered(number)).blocking().is_ok());
        }
    });
    assert!(bus.emit(Ping).blocking().is_ok());
    let trace = bus.trace();
    assert!(trace.roots().all(|root| matches!(root.what(), Traced::Emission { .. }) && root.event() == "numbered"));
    assert_eq!((trace.roots().count(), trace.fallen()), (2, 4));
}
