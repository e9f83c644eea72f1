//! P4: sync listeners run in priority, then registration order, on the emitting thread.

use std::thread;

use eventbus::Bus;

use crate::support::{Log, Numbered, Ping, Pong};

#[test]
fn larger_priorities_run_first_then_whoever_registered_first() {
    let (bus, log) = (Bus::new(), Log::default());
    for (name, priority) in
        [("c", 0), ("f", -1), ("a", 10), ("d", 0), ("b", 10), ("e", 0), ("least", i32::MIN), ("most", i32::MAX)]
    {
        bus.listener::<Ping>().named(name).priority(priority).with(log.clone()).on(move |log, _| log.add(name));
    }
    let expected = ["most", "a", "b", "c", "d", "e", "f", "least"];
    for _ in 0..2 {
        bus.emit(Ping).blocking();
        assert_eq!(log.take(), expected);
    }
    let listed: Vec<_> = bus.listener_infos().iter().map(|info| info.name().unwrap().to_owned()).collect();
    assert_eq!(listed, expected, "the list is in the order of the calls");
}

#[test]
fn listeners_of_scopes_and_of_the_bus_share_one_order() {
    let (bus, log) = (Bus::new(), Log::default());
    let (one, two) = (bus.scope("one"), bus.scope("two"));
    one.listener::<Ping>().with(log.clone()).on(|log, _| log.add("1"));
    bus.listener::<Ping>().with(log.clone()).on(|log, _| log.add("2"));
    two.listener::<Ping>().with(log.clone()).on(|log, _| log.add("3"));
    one.listener::<Ping>().with(log.clone()).on(|log, _| log.add("4"));
    two.listener::<Ping>().priority(1).with(log.clone()).on(|log, _| log.add("0"));
    bus.emit(Ping).blocking();
    assert_eq!(log.take(), ["0", "1", "2", "3", "4"]);
}

#[test]
fn listeners_run_on_the_emitting_thread() {
    let (bus, log) = (Bus::new(), Log::default());
    bus.listener::<Ping>().with(log.clone()).on(|log, _| log.add(thread::current().id()));
    thread::scope(|scope| {
        let emitting = scope.spawn(|| bus.emit(Ping).blocking()).thread().id();
        scope.spawn(|| bus.emit(Ping).blocking()).join().unwrap();
        emitting
    });
    bus.emit(Ping).blocking();
    let threads = log.take();
    assert_eq!(threads.len(), 3);
    assert_eq!(threads[2], thread::current().id());
    assert!(threads[0] != threads[1] && !threads[..2].contains(&threads[2]));
}

#[test]
fn emissions_of_one_thread_reach_each_listener_in_order() {
    let (bus, one, two) = (Bus::new(), Log::default(), Log::default());
    bus.listener::<Numbered>().with(one.clone()).on(|log, e| log.add(e.0));
    bus.listener::<Numbered>().with(two.clone()).on(|log, e| log.add(e.0));
    let mut emitter = bus.emitter::<Numbered>();
    for number in 0..100 {
        if number % 3 == 0 {
            emitter.emit(Numbered(number)).blocking();
        } else {
            bus.emit(Numbered(number)).blocking();
        }
    }
    let expected: Vec<u32> = (0..100).collect();
    assert_eq!((one.take(), two.take()), (expected.clone(), expected));
}

#[test]
fn nested_emissions_run_depth_first() {
    let (bus, log) = (Bus::new(), Log::default());
    let (weak, nested) = (bus.downgrade(), log.clone());
    bus.on::<Ping>(move |_| {
        nested.add("ping 1 starts");
        weak.upgrade().unwrap().emit(Pong).blocking();
        nested.add("ping 1 ends");
    });
    bus.listener::<Ping>().with(log.clone()).on(|log, _| log.add("ping 2"));
    bus.listener::<Pong>().with(log.clone()).on(|log, _| log.add("pong"));
    bus.emit(Ping).blocking();
    assert_eq!(log.take(), ["ping 1 starts", "pong", "ping 1 ends", "ping 2"]);
}
