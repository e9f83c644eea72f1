//! Counts are right whatever is registered and removed between and beside the emissions.

use eventbus::{Bus, Emitter};

use super::support::{Numbered, Ping, calls, counting, event, kinds, listener};
use crate::hush;

fn emit(bus: &Bus, times: usize) {
    for _ in 0..times {
        bus.emit(Ping).blocking();
    }
}

#[test]
fn each_listener_has_the_emissions_between_its_registration_and_its_end() {
    let bus = counting();
    let first = bus.listener::<Ping>().named("first").on(|_| {});
    emit(&bus, 100);
    bus.listener::<Ping>().named("second").on(|_| {});
    emit(&bus, 50);
    assert_eq!((calls(&bus, "first"), calls(&bus, "second")), (150, 50));
    first.off();
    assert!(bus.stats().listener("first").is_none());
    emit(&bus, 25);
    bus.listener::<Ping>().named("third").priority(7).on(|_| {});
    emit(&bus, 5);
    assert_eq!((calls(&bus, "second"), calls(&bus, "third")), (80, 5));
    // Those of listeners that are gone belong to the event.
    assert_eq!((event::<Ping>(&bus).emissions, event::<Ping>(&bus).calls), (180, 150 + 80 + 5));
}

#[test]
fn many_listeners_lie_in_many_chunks_and_each_has_its_calls() {
    let bus = counting();
    let mut subscriptions = Vec::new();
    for number in 0..300 {
        subscriptions.push(bus.listener::<Ping>().named(&number.to_string()).priority(number % 7).on(|_| {}));
        bus.emit(Ping).blocking();
    }
    for number in 0..300_u64 {
        assert_eq!(calls(&bus, &number.to_string()), 300 - number);
    }
    let mut total: u64 = (1..=300).sum();
    for subscription in subscriptions.iter().step_by(2) {
        subscription.off();
        bus.emit(Ping).blocking();
    }
    for left in (150..300).rev() {
        total += left;
    }
    assert_eq!(event::<Ping>(&bus).calls, total);
    assert_eq!(calls(&bus, "299"), 1 + 150);
}

#[test]
fn an_emitter_that_keeps_an_old_snapshot_keeps_no_counts_back() {
    let bus = counting();
    let mut emitter: Emitter<Ping> = bus.emitter();
    bus.listener::<Ping>().named("first").on(|_| {});
    for _ in 0..100 {
        emitter.emit(Ping).blocking();
    }
    // The emitter does not emit again, and so holds the chunk that these listeners are not in.
    bus.listener::<Ping>().named("second").on(|_| {});
    emit(&bus, 10);
    bus.listener::<Ping>().named("third").on(|_| {});
    assert_eq!((calls(&bus, "first"), calls(&bus, "second"), calls(&bus, "third")), (110, 10, 0));
    drop(emitter);
    assert_eq!((calls(&bus, "first"), calls(&bus, "second"), calls(&bus, "third")), (110, 10, 0));
}

#[test]
fn once_counts_one_call_and_filters_count_what_they_let_through() {
    let bus = counting();
    bus.listener::<Numbered>().named("even").filter(|e| e.0 % 2 == 0).on(|_| {});
    bus.listener::<Numbered>().named("even async").filter(|e| e.0 % 2 == 0).on_async(|_| async {});
    bus.listener::<Numbered>().named("all").on(|_| {});
    bus.listener::<Numbered>().once().filter(|e| e.0 == 99).on(|_| {});
    for number in 0..200 {
        bus.emit(Numbered(number)).blocking();
    }
    assert_eq!((calls(&bus, "even"), calls(&bus, "even async"), calls(&bus, "all")), (100, 100, 200));
    let stats = event::<Numbered>(&bus);
    assert_eq!((stats.calls, stats.listeners.len(), stats.failures.total()), (401, 3, 0));
}

#[test]
fn a_listener_that_is_off_when_its_turn_comes_is_not_called() {
    let bus = counting();
    for round in 0..100_u64 {
        let later = std::sync::Arc::new(std::sync::OnceLock::<eventbus::Subscription>::new());
        let ended = later.clone();
        let first = bus.on::<Ping>(move |_| {
            ended.get().unwrap().off();
        });
        later.set(bus.listener::<Ping>().named("later").on(|_| {})).ok().unwrap();
        bus.listener::<Ping>().named("async").on_async(|_| async {});
        bus.emit(Ping).blocking();
        assert_eq!(calls(&bus, "async"), 1);
        first.off();
        assert_eq!(event::<Ping>(&bus).calls, (round + 1) * 2);
        bus.clear();
    }
}

#[test]
fn scopes_and_clear_take_listeners_and_leave_the_counts_of_events() {
    let bus = counting();
    let scope = bus.scope("billing");
    scope.listener::<Ping>().named("scoped").on(|_| {});
    bus.listener_pattern("*").unwrap().named("by pattern").on(|_| {});
    emit(&bus, 70);
    scope.close();
    emit(&bus, 30);
    assert_eq!((calls(&bus, "by pattern"), event::<Ping>(&bus).calls), (100, 170));
    bus.clear();
    emit(&bus, 5);
    let stats = bus.stats();
    assert_eq!((stats.by_pattern.len(), stats.event::<Ping>().unwrap().listeners.len()), (0, 0));
    let stats = stats.event::<Ping>().unwrap();
    assert_eq!((stats.emissions, stats.unheard, stats.calls), (105, 5, 170));
}

#[test]
fn a_panic_in_the_middle_of_a_chunk_leaves_all_counts_right() {
    hush();
    let bus = counting();
    bus.listener::<Ping>().named("before").on(|_| {});
    bus.listener::<Ping>().named("panics").on(|_| panic!("boom"));
    bus.listener::<Ping>().named("between").on(|_| {});
    bus.listener::<Ping>().named("fails").on(|_| Err("no"));
    bus.listener::<Ping>().named("filter panics").filter(|_| panic!("boom")).on(|_| {});
    bus.listener::<Ping>().named("behind").on(|_| {});
    bus.listener::<Ping>().named("async panics").on_async(|_| async { panic!("boom") });
    bus.listener::<Ping>().named("async behind").on_async(|_| async {});
    emit(&bus, 90);
    for name in ["before", "panics", "between", "fails", "behind", "async panics", "async behind"] {
        assert_eq!(calls(&bus, name), 90, "{name}");
    }
    assert_eq!(calls(&bus, "filter panics"), 90);
    let ends = ["before", "panics", "fails", "filter panics", "async panics"];
    let ends = ends.map(|name| kinds(&listener(&bus, name).failures));
    assert_eq!(ends, ["none", "90 panicked", "90 failed", "90 panicked", "90 panicked"]);
    let stats = event::<Ping>(&bus);
    assert_eq!((stats.calls, kinds(&stats.failures)), (90 * 8, "90 failed, 270 panicked".into()));
    assert_eq!((stats.in_flight, stats.emissions), (0, 90));
}
