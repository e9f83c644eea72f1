//! Once by name is once across all events that it matches.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use eventbus::{Bus, Event, EventName};

use crate::{
    events::{UserCreated, UserRenamed},
    support::finishes,
};

const NAMES: [&str; 8] = ["n.zero", "n.one", "n.two", "n.three", "n.four", "n.five", "n.six", "n.seven"];

/// Eight event types.
struct Nth<const I: usize>;

impl<const I: usize> Event for Nth<I> {
    const NAME: EventName = EventName::new(NAMES[I]);
}

type Emit = fn(&Bus) -> usize;

const TYPED: [Emit; 8] = [
    |bus| bus.emit(Nth::<0>).blocking().succeeded(),
    |bus| bus.emit(Nth::<1>).blocking().succeeded(),
    |bus| bus.emit(Nth::<2>).blocking().succeeded(),
    |bus| bus.emit(Nth::<3>).blocking().succeeded(),
    |bus| bus.emit(Nth::<4>).blocking().succeeded(),
    |bus| bus.emitter().emit(Nth::<5>).blocking().succeeded(),
    |bus| bus.emit_name("n.six", Nth::<6>).unwrap().blocking().succeeded(),
    |bus| bus.emit_name("n.lost", ()).unwrap().blocking().succeeded(),
];

#[test]
fn once_is_once_across_all_names() {
    let bus = Bus::new();
    bus.declare::<UserCreated>().unwrap();
    let once = bus.listener_pattern("user.*").unwrap().once().on(|_| ());
    assert_eq!(bus.emit(UserRenamed(1)).blocking().succeeded(), 1);
    assert!(!once.is_on());
    assert_eq!(bus.emit(UserCreated { id: 1 }).blocking().succeeded(), 0);
    assert_eq!(bus.emit_name("user.lost", ()).unwrap().blocking().succeeded(), 0);
    assert_eq!(bus.listener_count::<UserCreated>() + bus.listener_count::<UserRenamed>(), 0);
    assert!(bus.listener_infos().is_empty() && bus.event_names().is_empty());
}

#[test]
fn who_listens_once_finds_itself_gone_when_it_is_called() {
    let bus = Bus::new();
    bus.listener_pattern("user.*").unwrap().once().with_context().on(|_, cx| {
        let bus = cx.bus();
        assert!(bus.listener_infos().is_empty());
        assert_eq!(bus.emit(UserRenamed(1)).blocking().succeeded(), 0, "not called again from inside");
    });
    assert!(bus.emit(UserCreated { id: 1 }).blocking().is_ok());
}

#[test]
fn eight_threads_on_eight_names_call_it_exactly_once() {
    finishes("the race", || {
        for round in 0..200 {
            let bus = Bus::new();
            if round % 2 == 0 {
                // Slots that are there already; otherwise all are made in the race.
                TYPED.iter().for_each(|emit| _ = emit(&bus));
            }
            let calls = Arc::new(AtomicUsize::new(0));
            let listener = bus.listener_pattern("n.*").unwrap().once().with(Arc::clone(&calls));
            let once = if round % 3 == 0 {
                listener.on_async(|calls, _| async move { _ = calls.fetch_add(1, Ordering::SeqCst) })
            } else {
                listener.on(|calls, _| _ = calls.fetch_add(1, Ordering::SeqCst))
            };
            let start = Barrier::new(TYPED.len());
            let told: usize = thread::scope(|threads| {
                let threads = TYPED.map(|emit| {
                    let (bus, start) = (&bus, &start);
                    threads.spawn(move || {
                        start.wait();
                        emit(bus)
                    })
                });
                threads.into_iter().map(|thread| thread.join().unwrap()).sum()
            });
            assert_eq!((calls.load(Ordering::SeqCst), told), (1, 1));
            assert!(!once.is_on() && bus.listener_infos().is_empty() && bus.event_names().is_empty());
        }
    });
}

#[test]
fn slots_and_listeners_by_name_that_come_at_once_find_each_other() {
    finishes("the race", || {
        for _ in 0..200 {
            let bus = Bus::new();
            let start = Barrier::new(TYPED.len() + 1);
            thread::scope(|threads| {
                for emit in TYPED {
                    let (bus, start) = (&bus, &start);
                    threads.spawn(move || {
                        start.wait();
                        emit(bus)
                    });
                }
                start.wait();
                bus.on_pattern("n.*", |_| ()).unwrap();
                bus.on_pattern("**", |_| ()).unwrap();
            });
            for emit in TYPED {
                assert_eq!(emit(&bus), 2);
            }
        }
    });
}

/// The claim of a name and its slot are seen together: else an emission by name would find a type without listeners.
#[test]
fn a_name_claimed_on_one_thread_can_be_emitted_on_another() {
    finishes("the race", || {
        for _ in 0..2_000 {
            let bus = Bus::new();
            bus.on_pattern("**", |_| ()).unwrap();
            let start = Barrier::new(2);
            thread::scope(|threads| {
                threads.spawn(|| {
                    start.wait();
                    bus.declare::<Nth<0>>().unwrap();
                });
                start.wait();
                for _ in 0..8 {
                    assert_eq!(bus.emit_name("n.zero", Nth::<0>).unwrap().blocking().succeeded(), 1);
                }
            });
        }
    });
}
