//! P3: an emission calls the listeners that were there when it started, once each, minus the departed.

use std::sync::{
    Arc, Barrier, OnceLock,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use std::thread;

use eventbus::{Bus, Subscription};

use crate::support::{Log, Numbered, OnDrop, Ping};

/// Registers a listener that writes its name.
fn listen(bus: &Bus, log: &Log, name: &'static str) -> Subscription {
    bus.listener::<Ping>().named(name).with(log.clone()).on(move |log, _| log.add(name))
}

#[test]
fn late_listener_misses_the_event_in_flight() {
    let (bus, log) = (Bus::new(), Log::default());
    let (weak, late) = (bus.downgrade(), log.clone());
    bus.listener::<Ping>().once().on(move |_| _ = listen(&weak.upgrade().unwrap(), &late, "late"));
    listen(&bus, &log, "old");

    let report = bus.emit(Ping).blocking();
    assert_eq!(log.take(), ["old"]);
    assert_eq!(report.succeeded(), 2);
    bus.emit(Ping).blocking();
    assert_eq!(log.take(), ["old", "late"]);
}

#[test]
fn late_listener_of_high_priority_misses_it_too_and_leads_from_then_on() {
    let (bus, log) = (Bus::new(), Log::default());
    let (weak, late) = (bus.downgrade(), log.clone());
    bus.listener::<Ping>().once().on(move |_| {
        let bus = weak.upgrade().unwrap();
        bus.listener::<Ping>().priority(9).with(late.clone()).on(|log, _| log.add("late"));
    });
    listen(&bus, &log, "old");
    bus.emit(Ping).blocking();
    assert_eq!(log.take(), ["old"]);
    bus.emit(Ping).blocking();
    assert_eq!(log.take(), ["late", "old"]);
}

#[test]
fn a_nested_emission_has_a_snapshot_of_its_own() {
    let (bus, log) = (Bus::new(), Log::default());
    let (weak, late) = (bus.downgrade(), log.clone());
    bus.listener::<Ping>().once().on(move |_| {
        let bus = weak.upgrade().unwrap();
        listen(&bus, &late, "late");
        assert_eq!(bus.emit(Ping).blocking().succeeded(), 2);
        late.add("nested emission is over");
    });
    listen(&bus, &log, "old");
    bus.emit(Ping).blocking();
    assert_eq!(log.take(), ["old", "late", "nested emission is over", "old"]);
}

#[test]
fn a_listener_that_an_earlier_one_switches_off_is_not_called() {
    let (bus, log) = (Bus::new(), Log::default());
    let victim: Arc<OnceLock<Subscription>> = Arc::default();
    let target = Arc::clone(&victim);
    bus.on::<Ping>(move |_| assert!(target.get().unwrap().off()));
    victim.set(listen(&bus, &log, "victim")).unwrap();
    listen(&bus, &log, "bystander");
    let report = bus.emit(Ping).blocking();
    assert_eq!(log.take(), ["bystander"]);
    assert_eq!(report.succeeded(), 2, "who departed is not counted");
}

#[test]
fn after_a_clear_inside_an_emission_nobody_else_is_called() {
    let (bus, log) = (Bus::new(), Log::default());
    let weak = bus.downgrade();
    bus.on::<Ping>(move |_| weak.upgrade().unwrap().clear());
    listen(&bus, &log, "cleared");
    assert_eq!(bus.emit(Ping).blocking().succeeded(), 1);
    assert!(log.take().is_empty());
    assert_eq!(bus.listener_count::<Ping>(), 0);
}

#[test]
fn a_listener_switched_off_by_its_own_filter_is_not_called() {
    let (bus, log) = (Bus::new(), Log::<()>::default());
    let me: Arc<OnceLock<Subscription>> = Arc::default();
    let myself = Arc::clone(&me);
    let listener = bus.listener::<Ping>().filter(move |_| myself.get().unwrap().off());
    me.set(listener.with(log.clone()).on(|log, _| log.add(()))).unwrap();
    let report = bus.emit(Ping).blocking();
    assert!(log.take().is_empty());
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.succeeded(), 0);
    assert!(!me.get().unwrap().is_on());
}

#[test]
fn a_once_listener_is_gone_before_it_runs() {
    let (bus, log) = (Bus::new(), Log::default());
    let (weak, nested) = (bus.downgrade(), log.clone());
    bus.listener::<Ping>().once().on(move |_| {
        let bus = weak.upgrade().unwrap();
        nested.add(bus.listener_count::<Ping>());
        nested.add(bus.emit(Ping).blocking().succeeded());
    });
    bus.emit(Ping).blocking();
    bus.emit(Ping).blocking();
    assert_eq!(log.take(), [0, 0], "no listener left, and the nested emission reached none");
}

#[test]
fn a_no_of_the_filter_does_not_spend_once() {
    let (bus, log) = (Bus::new(), Log::default());
    let subscription =
        bus.listener::<Numbered>().once().filter(|e| e.0 == 3).with(log.clone()).on(|log, e| log.add(e.0));
    for number in 0..6 {
        assert_eq!(subscription.is_on(), number <= 3);
        bus.emit(Numbered(number)).blocking();
    }
    assert_eq!(log.take(), [3]);
}

#[test]
fn once_is_once_among_eight_threads() {
    for round in 0..200 {
        let bus = Bus::new();
        let ran = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ran);
        let subscription = bus.listener::<Ping>().once().on(move |_| _ = count.fetch_add(1, Ordering::Relaxed));
        let barrier = Barrier::new(8);
        let succeeded: usize = thread::scope(|scope| {
            let emit = || {
                barrier.wait();
                if round % 2 == 0 {
                    return bus.emit(Ping).blocking().succeeded();
                }
                bus.emitter().emit(Ping).blocking().succeeded()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(emit)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((ran.load(Ordering::Relaxed), succeeded), (1, 1));
        assert!(!subscription.is_on());
    }
}

/// The emitter's next emit drops a removed closure, which may register in its `Drop`: the emission still calls whoever is
/// there.
#[test]
fn a_drop_that_registers_does_not_hide_the_others_from_the_emitter() {
    let (bus, log) = (Bus::new(), Log::default());
    listen(&bus, &log, "stable");
    let (weak, late) = (bus.downgrade(), log.clone());
    let registers = OnDrop(move || _ = listen(&weak.upgrade().unwrap(), &late, "late"));
    let leaver = bus.on::<Ping>(move |_| _ = &registers);
    let mut emitter = bus.emitter::<Ping>();
    for _ in 0..2 {
        emitter.emit(Ping).blocking(); // by now it holds the snapshot
    }
    leaver.off();
    bus.emit(Ping).blocking(); // publishes the snapshot without it, while the emitter holds the one with it
    log.take();
    emitter.emit(Ping).blocking();
    assert_eq!(log.take(), ["stable"]);
    emitter.emit(Ping).blocking();
    assert_eq!(log.take(), ["stable", "late"]);
}

/// Chaos list: two threads emit while others register and unregister. Who was there all the time hears everything.
#[test]
fn a_stable_listener_hears_every_event_while_others_come_and_go() {
    const EMITS: usize = 20_000;
    let bus = Bus::new();
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    bus.on::<Ping>(move |_| _ = count.fetch_add(1, Ordering::Relaxed));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let churn = || {
            while !over.load(Ordering::Relaxed) {
                let scope = bus.scope("visitors");
                scope.on::<Ping>(|_| ());
                assert!(bus.on::<Ping>(|_| ()).off());
                assert_eq!(scope.off(), 1);
            }
        };
        scope.spawn(churn);
        scope.spawn(churn);
        let by_bus = scope.spawn(|| {
            for _ in 0..EMITS {
                assert!(bus.emit(Ping).blocking().succeeded() >= 1);
            }
        });
        let by_emitter = scope.spawn(|| {
            let mut emitter = bus.emitter();
            for _ in 0..EMITS {
                assert!(emitter.emit(Ping).blocking().succeeded() >= 1);
            }
        });
        let results = (by_bus.join(), by_emitter.join());
        over.store(true, Ordering::Relaxed);
        results.0.unwrap();
        results.1.unwrap();
    });
    assert_eq!(heard.load(Ordering::Relaxed), 2 * EMITS);
    assert_eq!(bus.listener_count::<Ping>(), 1);
}

#[test]
fn an_emitter_knows_its_bus() {
    let (bus, log) = (Bus::new(), Log::default());
    listen(&bus, &log, "heard");
    let emitter = bus.emitter::<Ping>();
    assert!(emitter.bus().emit(Ping).blocking().is_ok());
    assert_eq!(log.take(), ["heard"]);
}
