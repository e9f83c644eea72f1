//! What comes and goes leaves nothing.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use eventbus::{Bus, listeners};

use crate::support::{Ping, Pong};

const MANY: usize = 100_000;

/// Counts those that are alive.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(alive: &Arc<AtomicUsize>) -> Arc<Self> {
        alive.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self(alive.clone()))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[listeners]
impl Counted {
    #[on]
    fn ping(&self, _: &Ping) {}

    #[on]
    async fn pong(&self, _: &Pong) {}
}

/// A module of which nothing is left after its first event.
struct Fleeting(#[expect(dead_code, reason = "is dropped")] Arc<Counted>);

#[listeners]
impl Fleeting {
    #[on(once)]
    fn ping(&self, _: &Ping) {}
}

/// The bytes that `code` has allocated and not given back.
fn left_by(code: impl FnOnce()) -> i64 {
    allocation_counter::measure(code).bytes_current
}

#[test]
fn a_hundred_thousand_modules_that_come_and_go_leave_nothing() {
    let (bus, alive) = (Bus::new(), Arc::new(AtomicUsize::new(0)));
    let come_and_go = |count: usize| {
        for _ in 0..count {
            let guard = bus.register(Counted::new(&alive)).unwrap().guard();
            assert_eq!(bus.listener_count::<Ping>(), 1);
            drop(guard);
        }
    };
    come_and_go(100);
    let left = left_by(|| come_and_go(MANY));
    assert!(left < 10_000, "{left} bytes after {MANY} modules");
    assert_eq!(alive.load(Ordering::Relaxed), 0);
    assert_eq!(bus.listener_count::<Ping>() + bus.listener_count::<Pong>(), 0);
}

#[test]
fn modules_that_are_there_at_once_leave_nothing_when_they_go() {
    const MANY: usize = 10_000;
    let (bus, alive) = (Bus::new(), Arc::new(AtomicUsize::new(0)));
    drop(bus.register(Counted::new(&alive)).unwrap().guard());
    let left = left_by(|| {
        let scope = bus.scope("all");
        for _ in 0..MANY {
            scope.register(Counted::new(&alive)).unwrap();
        }
        assert_eq!(alive.load(Ordering::Relaxed), MANY);
        assert_eq!(scope.listener_count(), 2 * MANY);
        assert_eq!(scope.close(), 2 * MANY);
    });
    assert_eq!(alive.load(Ordering::Relaxed), 0);
    // What a hash table has grown to it keeps, until it is used again: some ten bytes for each module.
    assert!(left < 40 * i64::try_from(MANY).unwrap(), "{left} bytes after {MANY} modules at once");
}

#[test]
fn a_long_lived_scope_does_not_grow_with_what_has_left_it() {
    let (bus, alive) = (Bus::new(), Arc::new(AtomicUsize::new(0)));
    let scope = bus.scope("long-lived");
    let come_and_go = |count: usize| {
        for _ in 0..count {
            scope.register(Counted::new(&alive)).unwrap().off();
            scope.scope("inner").on::<Ping>(|_| ()).off();
            scope.listener::<Ping>().once().on(|_| ());
            bus.emit(Ping).blocking();
        }
    };
    come_and_go(1_000);
    let left = left_by(|| come_and_go(5_000));
    assert!(left < 100_000, "{left} bytes");
    assert_eq!(scope.listener_count(), 0);
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

#[test]
fn modules_that_end_by_themselves_are_forgotten() {
    let (bus, alive) = (Bus::new(), Arc::new(AtomicUsize::new(0)));
    let mut subscription = None;
    let mut come_and_go = |count: usize| {
        for _ in 0..count {
            subscription = Some(bus.register(Arc::new(Fleeting(Counted::new(&alive)))).unwrap());
            assert!(subscription.as_ref().unwrap().is_on());
            bus.emit(Ping).blocking();
        }
    };
    come_and_go(1_000);
    let left = left_by(|| come_and_go(5_000));
    assert!(left < 100_000, "{left} bytes");
    assert_eq!(alive.load(Ordering::Relaxed), 0);
    let subscription = subscription.unwrap();
    assert!(!subscription.is_on() && !subscription.off(), "its module is gone, with its last listener");
}
