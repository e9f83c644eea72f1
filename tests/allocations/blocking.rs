//! A synchronous emission allocates nothing, once the bus is warm.

use std::{hint::black_box, sync::Arc};

use allocation_counter::measure;
use eventbus::{Bus, Event};

#[derive(Event)]
struct Ping([u64; 4]);

#[derive(Event)]
struct Pong;

/// Runs `emit` a few times, then counts what it allocates.
fn check(mut emit: impl FnMut()) {
    for _ in 0..3 {
        emit();
    }
    let info = measure(|| {
        for _ in 0..100 {
            emit();
        }
    });
    assert_eq!((info.count_total, info.bytes_total), (0, 0));
}

fn bus(listeners: usize) -> Bus {
    let bus = Bus::new();
    for _ in 0..listeners {
        bus.on::<Ping>(|e| _ = black_box(e.0));
    }
    bus
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(black_box(Box::new(7)))).count_total, 1);
}

#[test]
fn an_emit_by_value_allocates_nothing() {
    for listeners in [0, 1, 10] {
        let bus = bus(listeners);
        check(|| assert_eq!(bus.emit(Ping([7; 4])).blocking().succeeded(), listeners));
    }
}

#[test]
fn an_emit_by_arc_allocates_nothing() {
    for listeners in [0, 1, 10] {
        let bus = bus(listeners);
        let event = Arc::new(Ping([7; 4]));
        check(|| assert_eq!(bus.emit(Arc::clone(&event)).blocking().succeeded(), listeners));
    }
}

#[test]
fn an_emit_through_an_emitter_allocates_nothing() {
    for listeners in [0, 1, 10] {
        let mut emitter = bus(listeners).emitter();
        check(|| assert_eq!(emitter.emit(Ping([7; 4])).blocking().succeeded(), listeners));
    }
}

#[test]
fn a_nested_emit_allocates_nothing() {
    let bus = bus(1);
    let weak = bus.downgrade();
    bus.on::<Pong>(move |_| {
        let report = weak.upgrade().unwrap().emit(Ping([7; 4])).blocking();
        assert_eq!(report.succeeded(), 1);
    });
    check(|| assert_eq!(bus.emit(Pong).blocking().succeeded(), 1));
}

#[test]
fn filters_priorities_and_states_allocate_nothing() {
    let bus = bus(1);
    bus.listener::<Ping>().priority(7).filter(|e| e.0[0] > 7).on(|_| ());
    bus.listener::<Ping>().filter(|e| e.0[0] == 7).filter(|e| e.0[1] == 7).on(|_| ());
    bus.listener::<Ping>().with(Arc::new(7)).on(|state, e| _ = black_box((*state, e.0)));
    check(|| assert_eq!(bus.emit(Ping([7; 4])).blocking().succeeded(), 3));
}

#[test]
fn results_allocate_nothing_while_they_are_good() {
    let bus = Bus::new();
    bus.on::<Ping>(|e| if e.0[0] == 7 { Ok(()) } else { Err("not seven") });
    check(|| assert!(bus.emit(Ping([7; 4])).blocking().into_result().is_ok()));
}
