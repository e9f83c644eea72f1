//! Explored schedules of threads that emit, register and unregister at the same time.
//!
//! ```sh
//! cargo shuttle # or, the same:
//! RUSTFLAGS="--cfg eventbus_shuttle" cargo test -p eventbus-core --test shuttle --target-dir target/shuttle --release
//! ```
//!
//! Shuttle switches threads at the locks, atomics and thread-locals of `src/sync.rs`. It takes the operations of `DashMap` and
//! `ArcSwap` as single steps; real threads race over those in the facade's `tests/promises/snapshot.rs`.

#![cfg(eventbus_shuttle)]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

use std::sync::{
    Arc,
    // Not shuttle's: what the tests count is no part of the schedule.
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use eventbus_core::{Bus, Event, EventName, Subscription};
use shuttle::thread;

struct Ping;
impl Event for Ping {
    const NAME: EventName = EventName::new("ping");
}

struct Pong;
impl Event for Pong {
    const NAME: EventName = EventName::new("pong");
}

/// Runs `scenario` under random schedules, and under those that find bugs of a few switches at the wrong places.
fn explore(scenario: impl Fn() + Copy + Send + Sync + 'static) {
    shuttle::check_random(scenario, 5_000);
    shuttle::check_pct(scenario, 2_000, 3);
}

#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl Counter {
    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }

    fn listen(&self, bus: &Bus) -> Subscription {
        let count = self.clone();
        bus.on::<Ping>(move |_| _ = count.0.fetch_add(1, SeqCst))
    }

    fn listen_by_name(&self, bus: &Bus) -> Subscription {
        let count = self.clone();
        bus.on_pattern("**", move |_| _ = count.0.fetch_add(1, SeqCst)).unwrap()
    }
}

/// Emits on a thread of its own, through the bus or through an emitter that caches the snapshot.
fn emit_on(bus: &Bus, times: usize, by_emitter: bool) -> thread::JoinHandle<usize> {
    let bus = bus.clone();
    thread::spawn(move || {
        let mut emitter = bus.emitter();
        let mut emit = || {
            let emit = if by_emitter { emitter.emit(Ping) } else { bus.emit(Ping) };
            emit.blocking().succeeded()
        };
        (0..times).map(|_| emit()).sum()
    })
}

fn who_is_there_all_the_time(by_emitter: bool) {
    let (bus, stable, visitor, newcomer) = (Bus::new(), Counter::default(), Counter::default(), Counter::default());
    stable.listen(&bus);
    let emitting = emit_on(&bus, 2, by_emitter);
    let visiting = {
        let (bus, visitor) = (bus.clone(), visitor.clone());
        thread::spawn(move || assert!(visitor.listen(&bus).off()))
    };
    newcomer.listen(&bus);
    let succeeded = emitting.join().unwrap();
    visiting.join().unwrap();
    assert_eq!(stable.get(), 2);
    assert_eq!(succeeded, stable.get() + visitor.get() + newcomer.get());
    assert_eq!(bus.emit(Ping).blocking().succeeded(), 2, "the last edit is not lost");
    assert_eq!(bus.listener_count::<Ping>(), 2);
}

#[test]
fn who_is_there_all_the_time_hears_everything_while_others_come_and_go() {
    explore(|| who_is_there_all_the_time(false));
    explore(|| who_is_there_all_the_time(true));
}

fn nobody_after_off(by_emitter: bool) {
    let (bus, off) = (Bus::new(), Arc::new(AtomicBool::new(false)));
    let here = thread::current().id();
    let is_off = Arc::clone(&off);
    let calls_after_off = Counter::default();
    let count = calls_after_off.clone();
    let subscription = bus.on::<Ping>(move |_| {
        if thread::current().id() == here && is_off.load(SeqCst) {
            count.0.fetch_add(1, SeqCst);
        }
    });
    bus.on::<Ping>(|_| ());
    // Their emissions rebuild the snapshot while it is withdrawn here.
    let others = [emit_on(&bus, 2, true), emit_on(&bus, 1, false)];
    let mut emitter = bus.emitter();
    assert_eq!(emitter.emit(Ping).blocking().succeeded(), 2);
    assert!(subscription.off());
    off.store(true, SeqCst);
    for _ in 0..2 {
        let emit = if by_emitter { emitter.emit(Ping) } else { bus.emit(Ping) };
        assert_eq!(emit.blocking().succeeded(), 1);
    }
    for thread in others {
        thread.join().unwrap();
    }
    assert_eq!(calls_after_off.get(), 0);
}

#[test]
fn nobody_is_called_after_off_by_the_thread_that_called_off() {
    explore(|| nobody_after_off(false));
    explore(|| nobody_after_off(true));
}

/// `first` sees whether `off` has returned; if so, `second` must not be called by the same emission.
fn nobody_in_the_rest_of_an_emission(off: fn(&Bus, Subscription)) {
    let (bus, is_off) = (Bus::new(), Arc::new(AtomicBool::new(false)));
    let (seen_off, called_after) = (Arc::new(AtomicBool::new(false)), Counter::default());
    let (look, seen) = (Arc::clone(&is_off), Arc::clone(&seen_off));
    bus.on::<Ping>(move |_| seen.store(look.load(SeqCst), SeqCst));
    let count = called_after.clone();
    let second = bus.on::<Ping>(move |_| _ = count.0.fetch_add(usize::from(seen_off.load(SeqCst)), SeqCst));
    let emitting = emit_on(&bus, 1, false);
    off(&bus, second);
    is_off.store(true, SeqCst);
    emitting.join().unwrap();
    assert_eq!(called_after.get(), 0);
}

#[test]
fn an_emission_under_way_calls_nobody_whose_off_has_returned_on_another_thread() {
    explore(|| nobody_in_the_rest_of_an_emission(|_, second| assert!(second.off())));
    explore(|| nobody_in_the_rest_of_an_emission(|bus, _| bus.clear()));
}

#[test]
fn clear_removes_everybody_and_keeps_who_comes_after() {
    explore(|| {
        let (bus, before, after) = (Bus::new(), Counter::default(), Counter::default());
        before.listen(&bus);
        before.listen(&bus);
        let others = [emit_on(&bus, 2, false), emit_on(&bus, 1, true)];
        bus.clear();
        let called = before.get();
        after.listen(&bus);
        let heard = after.get();
        assert_eq!(bus.emit(Ping).blocking().succeeded(), 1);
        assert!(after.get() > heard);
        let succeeded: usize = others.map(|thread| thread.join().unwrap()).iter().sum();
        assert_eq!(succeeded + 1, before.get() + after.get());
        assert!(before.get() <= called + 2, "more than the one call that each emitter was just beginning");
        assert_eq!(bus.listener_count::<Ping>(), 1);
    });
}

#[test]
fn once_is_exactly_once_among_three_emitters() {
    explore(|| {
        let (bus, ran) = (Bus::new(), Counter::default());
        let count = ran.clone();
        let once = bus.listener::<Ping>().once().filter(|_| true).on(move |_| _ = count.0.fetch_add(1, SeqCst));
        let threads = [emit_on(&bus, 1, false), emit_on(&bus, 2, true)];
        let here = bus.emit(Ping).blocking().succeeded();
        let there: usize = threads.map(|thread| thread.join().unwrap()).iter().sum();
        assert_eq!((ran.get(), here + there), (1, 1));
        assert!(!once.is_on() && !once.off());
        assert_eq!(bus.listener_count::<Ping>(), 0);
    });
}

#[test]
fn once_or_off_whichever_comes_first() {
    explore(|| {
        let (bus, ran) = (Bus::new(), Counter::default());
        let count = ran.clone();
        let once = bus.listener::<Ping>().once().on(move |_| _ = count.0.fetch_add(1, SeqCst));
        let threads = [emit_on(&bus, 1, false), emit_on(&bus, 1, false)];
        once.off();
        let succeeded: usize = threads.map(|thread| thread.join().unwrap()).iter().sum();
        assert!(ran.get() <= 1);
        assert_eq!(succeeded, ran.get());
        assert_eq!(bus.emit(Ping).blocking().succeeded(), 0);
    });
}

#[test]
fn concurrent_rebuilds_agree() {
    explore(|| {
        let (bus, heard) = (Bus::new(), Counter::default());
        let editing = {
            let (bus, heard) = (bus.clone(), heard.clone());
            thread::spawn(move || {
                heard.listen(&bus);
                heard.listen(&bus);
            })
        };
        let others = [emit_on(&bus, 1, false), emit_on(&bus, 1, true)];
        heard.listen(&bus);
        editing.join().unwrap();
        assert_eq!(bus.emit(Ping).blocking().succeeded(), 3, "all three have returned from `on`");
        let succeeded: usize = others.map(|thread| thread.join().unwrap()).iter().sum();
        assert_eq!(succeeded + 3, heard.get());
    });
}

#[test]
fn a_scope_ends_whom_it_has_and_keeps_who_comes_after() {
    explore(|| {
        let bus = Bus::new();
        let scope = bus.scope("scope");
        scope.on::<Ping>(|_| ());
        let joining = {
            let scope = scope.clone();
            thread::spawn(move || scope.on::<Ping>(|_| ()))
        };
        let emitting = emit_on(&bus, 1, false);
        let ended = scope.off();
        let joined = joining.join().unwrap();
        emitting.join().unwrap();
        let left = usize::from(joined.is_on());
        assert_eq!(ended + left, 2, "ended, or still there, and not both");
        assert_eq!((bus.listener_count::<Ping>(), scope.listener_count()), (left, left));
        assert_eq!(scope.off(), left);
        assert_eq!(bus.emit(Ping).blocking().succeeded(), 0);
    });
}

#[test]
fn of_two_who_call_off_one_is_told_yes() {
    explore(|| {
        let bus = Bus::new();
        let subscription = bus.on::<Ping>(|_| ());
        let other = subscription.clone();
        let emitting = emit_on(&bus, 1, true);
        let there = thread::spawn(move || other.off());
        let here = subscription.off();
        assert!(here != there.join().unwrap());
        emitting.join().unwrap();
    });
}

#[test]
fn a_slot_and_a_listener_by_name_that_come_at_once_find_each_other() {
    explore(|| {
        let (bus, first, second) = (Bus::new(), Counter::default(), Counter::default());
        let emitting = emit_on(&bus, 1, false);
        let listening = {
            let (bus, second) = (bus.clone(), second.clone());
            thread::spawn(move || second.listen_by_name(&bus))
        };
        first.listen_by_name(&bus);
        let heard = emitting.join().unwrap();
        listening.join().unwrap();
        assert_eq!(first.get() + second.get(), heard);
        assert_eq!(bus.emit(Ping).blocking().succeeded(), 2);
        assert_eq!(bus.listener_count::<Ping>(), 2);
    });
}

#[test]
fn once_by_name_is_exactly_once_among_emitters_of_different_events() {
    explore(|| {
        let (bus, calls) = (Bus::new(), Counter::default());
        let count = calls.clone();
        let once = bus.listener_pattern("**").unwrap().once().on(move |_| _ = count.0.fetch_add(1, SeqCst));
        let pinging = emit_on(&bus, 1, false);
        let ponging = {
            let bus = bus.clone();
            thread::spawn(move || bus.emit(Pong).blocking().succeeded())
        };
        let here = bus.emit_name("other", ()).unwrap().blocking().succeeded();
        let told = here + pinging.join().unwrap() + ponging.join().unwrap();
        assert_eq!((calls.get(), told), (1, 1));
        assert!(!once.is_on());
        assert_eq!(bus.listener_count::<Ping>() + bus.listener_count::<Pong>(), 0);
    });
}

#[test]
fn nobody_by_name_is_called_after_off_by_the_thread_that_called_off() {
    explore(|| {
        let (bus, heard) = (Bus::new(), Counter::default());
        let subscription = heard.listen_by_name(&bus);
        let emitting = emit_on(&bus, 1, false);
        assert!(subscription.off());
        assert_eq!(bus.emit(Ping).blocking().succeeded(), 0);
        assert_eq!(bus.emit(Pong).blocking().succeeded(), 0);
        assert_eq!(bus.emit_name("other", ()).unwrap().blocking().succeeded(), 0);
        let told = emitting.join().unwrap();
        assert_eq!(heard.get(), told);
        assert!(!subscription.is_on() && !subscription.off());
        assert_eq!(bus.listener_count::<Ping>(), 0);
    });
}

#[test]
fn a_name_that_is_claimed_has_its_slot() {
    explore(|| {
        let (bus, heard) = (Bus::new(), Counter::default());
        heard.listen_by_name(&bus);
        let declaring = {
            let bus = bus.clone();
            thread::spawn(move || bus.declare::<Ping>().unwrap())
        };
        assert_eq!(bus.emit_name("ping", Ping).unwrap().blocking().succeeded(), 1);
        declaring.join().unwrap();
        assert_eq!(bus.emit_name("ping", Ping).unwrap().blocking().succeeded(), 1);
    });
}

/// Whoever comes while everybody is sent away stays for all events, or goes for all of them.
#[test]
fn clear_leaves_nobody_by_name_half_registered() {
    explore(|| {
        let bus = Bus::new();
        bus.declare::<Ping>().unwrap();
        bus.on::<Pong>(|_| ());
        let listening = {
            let bus = bus.clone();
            thread::spawn(move || bus.on_pattern("**", |_| ()).unwrap())
        };
        bus.clear();
        let left = usize::from(listening.join().unwrap().is_on());
        assert_eq!((bus.listener_count::<Ping>(), bus.listener_count::<Pong>()), (left, left));
        assert_eq!(bus.emit_name("other", ()).unwrap().blocking().succeeded(), left);
        assert_eq!(bus.listener_infos().len(), left);
    });
}

/// Whoever is told that a scope's listeners are gone finds none that is on, also of those that were just coming.
#[test]
fn a_closed_scope_has_nobody_though_one_was_just_coming() {
    explore(|| {
        let (bus, count) = (Bus::new(), Counter::default());
        let scope = bus.scope("coming");
        let coming = {
            let (scope, count) = (scope.clone(), count.clone());
            thread::spawn(move || {
                scope.on::<Ping>(move |_| _ = count.0.fetch_add(1, SeqCst));
            })
        };
        shuttle::future::block_on(scope.close_and_wait()).unwrap();
        bus.emit(Ping).blocking();
        assert_eq!(count.get(), 0, "called after it was said to be gone");
        coming.join().unwrap();
        assert_eq!(bus.listener_count::<Ping>(), 0);
    });
}
