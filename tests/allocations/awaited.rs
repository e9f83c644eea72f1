//! An awaited emission allocates once for each async listener, once for the event, and once for the list of those that
//! are pending.

use std::{
    hint::black_box,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use allocation_counter::measure;
use eventbus::{Bus, Event, event::IntoEvent};

#[derive(Event)]
struct Ping([u64; 4]);

/// What one emission allocates, once the bus is warm.
fn count<I: IntoEvent>(bus: &Bus, mut event: impl FnMut() -> I) -> u64 {
    let mut cx = Context::from_waker(Waker::noop());
    let mut emit = |event: I| {
        let mut emit = bus.emit(event);
        for _ in 0..3 {
            if let Poll::Ready(report) = Pin::new(&mut emit).poll(&mut cx) {
                assert!(report.is_ok());
                return;
            }
        }
        unreachable!("the listeners are ready at their second poll");
    };
    for _ in 0..3 {
        emit(event());
    }
    let event = event();
    measure(|| emit(event)).count_total
}

fn bus(listeners: usize) -> Bus {
    let bus = Bus::new();
    for _ in 0..listeners {
        bus.on_async::<Ping>(|e| async move { _ = black_box(e.0) });
    }
    bus
}

#[test]
fn an_awaited_emission_of_n_ready_listeners_allocates_n_and_one_for_the_event() {
    for listeners in [1, 10, 100] {
        let allocated = count(&bus(listeners), || Ping([7; 4]));
        assert_eq!(allocated, listeners as u64 + 1);
    }
}

#[test]
fn an_event_that_is_shared_already_is_not_allocated_again() {
    let event = Arc::new(Ping([7; 4]));
    for listeners in [1, 10, 100] {
        assert_eq!(count(&bus(listeners), || Arc::clone(&event)), listeners as u64);
    }
}

#[test]
fn an_awaited_emission_of_synchronous_listeners_allocates_nothing() {
    let bus = Bus::new();
    bus.on::<Ping>(|e| _ = black_box(e.0));
    assert_eq!(count(&bus, || Ping([7; 4])), 0);
    assert_eq!(count(&self::bus(0), || Ping([7; 4])), 0);
}

/// The futures are boxed once; beside them there is a list that grows.
#[test]
fn listeners_that_wait_cost_little_more_than_those_that_are_ready() {
    let bus = Bus::new();
    for _ in 0..10 {
        bus.on_async::<Ping>(|_| {
            let mut polled = false;
            std::future::poll_fn(
                move |_| {
                    if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
                },
            )
        });
    }
    let allocated = count(&bus, || Ping([7; 4]));
    assert!(allocated <= 10 + 1 + 3, "{allocated}");
}
