//! P8: an event is its name and version, and a wiring mistake is loud, at the line that makes it.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe, Location, catch_unwind},
    sync::Once,
};

use eventbus::{Bus, Event, EventName};

use crate::support::Log;

#[derive(Event)]
#[event(name = "order.done")]
struct Original;

#[derive(Event)]
#[event(name = "order.done")]
struct Impostor;

#[derive(Event)]
#[event(name = "order.done", version = 2)]
struct Successor(u32);

#[derive(Event)]
#[event(name = "value.changed", shares_name)]
struct Changed<T>(T);

/// The derive asks generic events for `shares_name`; by hand one can forget it.
struct Unshared<T>(T);
impl<T: Send + Sync + 'static> Event for Unshared<T> {
    const NAME: EventName = EventName::new("value.changed");
}

/// Runs `code`, which must panic: the line of the panic in this file, and its message.
fn panic_of(code: impl FnOnce()) -> (u32, String) {
    thread_local! {
        static LAST: RefCell<Option<Result<u32, String>>> = const { RefCell::new(None) };
        static QUIET: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        crate::support::hush(); // the hook underneath, also for the other tests
        let shown = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                return shown(info);
            }
            let place = info.location().unwrap();
            LAST.set(Some(if place.file() == file!() { Ok(place.line()) } else { Err(place.to_string()) }));
        }));
    });
    QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(code));
    QUIET.set(false);
    let message = *result.expect_err("must panic").downcast::<String>().unwrap();
    (LAST.take().unwrap().expect("the panic is the user's line"), message)
}

type Use = Box<dyn Fn(&Bus) -> u32>;

/// Each way to bring a type to a bus; gives the line of the place.
fn uses<E: Event>(make: fn() -> E) -> Vec<(&'static str, Use)> {
    vec![
        ("on", Box::new(|bus| (bus.on::<E>(|_| ()), line!()).1)),
        ("listener", Box::new(|bus| (bus.listener::<E>().priority(1).once().on(|_| ()), line!()).1)),
        ("state", Box::new(|bus| (bus.listener::<E>().with(()).on(|(), _| ()), line!()).1)),
        ("scope", Box::new(|bus| (bus.scope("scope").on::<E>(|_| ()), line!()).1)),
        ("emit", Box::new(move |bus| (bus.emit(make()).blocking(), line!()).1)),
        ("emitter", Box::new(|bus| (bus.emitter::<E>(), line!()).1)),
    ]
}

#[test]
fn two_types_with_one_identity_panic_at_the_second_ones_line_whatever_comes_first() {
    // The line of each use, from a bus of its own.
    let line_of = |place: &dyn Fn(&Bus) -> u32| place(&Bus::new());
    for (first_name, first) in uses(|| Original) {
        for (second_name, second) in uses(|| Impostor) {
            let bus = Bus::new();
            let first_line = first(&bus);
            let (line, message) = panic_of(|| _ = second(&bus));
            let case = format!("{first_name} then {second_name}: {message}");
            assert_eq!(line, line_of(&second), "{case}");
            let file = file!();
            for part in [
                "the name `order.done` and the version 1".to_owned(),
                format!("identity::Original`, first used at {file}:{first_line}:"),
                format!("identity::Impostor`, used at {file}:{line}:"),
            ] {
                assert!(message.contains(&part), "no {part:?} in {case}");
            }
            assert!(!message.contains("monomorphs"), "they are not generic: {case}");
        }
    }
}

#[test]
fn the_bus_is_as_good_as_before_after_the_panic() {
    let (bus, log) = (Bus::new(), Log::default());
    bus.listener::<Original>().with(log.clone()).on(|log, _| log.add("heard"));
    for _ in 0..2 {
        panic_of(|| _ = bus.on::<Impostor>(|_| ()));
        panic_of(|| _ = bus.emit(Impostor).blocking());
    }
    assert_eq!(bus.listener_count::<Impostor>(), 0);
    assert_eq!(bus.listener_infos().len(), 1);
    bus.emit(Original).blocking().into_result().unwrap();
    assert_eq!(log.take(), ["heard"]);
}

#[test]
fn the_first_ones_place_is_kept_after_its_listeners_are_gone() {
    let bus = Bus::new();
    let (subscription, line) = (bus.on::<Original>(|_| ()), line!());
    subscription.off();
    bus.clear();
    let (_, message) = panic_of(|| _ = bus.on::<Impostor>(|_| ()));
    assert!(message.contains(&format!("first used at {}:{line}:", file!())), "{message}");
}

#[test]
fn looking_at_a_type_does_not_bring_it_to_the_bus() {
    let bus = Bus::new();
    assert_eq!(bus.listener_count::<Impostor>(), 0);
    drop(bus.listener::<Impostor>().named("never registered"));
    bus.on::<Original>(|_| ());
    assert_eq!(bus.event_names(), [Original::NAME]);
}

#[test]
fn other_buses_know_nothing_of_it() {
    let (one, two) = (Bus::new(), Bus::new());
    one.on::<Original>(|_| ());
    two.on::<Impostor>(|_| ());
    assert_eq!((one.listener_count::<Original>(), two.listener_count::<Impostor>()), (1, 1));
}

#[test]
fn two_versions_live_on_one_bus() {
    let (bus, log) = (Bus::new(), Log::default());
    bus.listener::<Successor>().with(log.clone()).on(|log, e| log.add(e.0));
    bus.listener::<Original>().with(log.clone()).on(|log, _| log.add(1));
    bus.emit(Original).blocking();
    bus.emit(Successor(2)).blocking();
    assert_eq!(log.take(), [1, 2]);
    assert_eq!(bus.event_names(), ["order.done"]);
    let versions: Vec<_> = bus.listener_infos().iter().map(|info| info.event().unwrap().version()).collect();
    assert_eq!(versions, [1, 2]);
}

#[test]
fn monomorphs_that_share_their_name_get_their_own_events() {
    let (bus, log) = (Bus::new(), Log::default());
    bus.listener::<Changed<u8>>().with(log.clone()).on(|log, e| log.add(e.0.to_string()));
    bus.listener::<Changed<String>>().with(log.clone()).on(|log, e| log.add(e.0.clone()));
    bus.emit(Changed(7_u8)).blocking();
    bus.emit(Changed("text".to_owned())).blocking();
    assert_eq!(log.take(), ["7", "text"]);
    assert_eq!(bus.listener_infos().len(), 2);
}

#[test]
fn monomorphs_share_a_name_only_if_all_say_so() {
    let bus = Bus::new();
    bus.on::<Unshared<u8>>(|e| _ = e.0);
    let (_, message) = panic_of(|| _ = bus.on::<Unshared<u16>>(|_| ()));
    assert!(message.contains("#[event(shares_name)]"), "the way out: {message}");

    let bus = Bus::new();
    bus.on::<Changed<u8>>(|_| ());
    panic_of(|| _ = bus.on::<Unshared<u8>>(|_| ()));

    let bus = Bus::new();
    bus.on::<Unshared<u8>>(|_| ());
    panic_of(|| _ = bus.on::<Changed<u8>>(|_| ()));
}

#[test]
fn a_listener_knows_the_line_of_its_registration() {
    #[track_caller]
    fn register(bus: &Bus) -> &'static Location<'static> {
        bus.on::<Original>(|_| ()).info().location()
    }
    let bus = Bus::new();
    let (location, line) = (register(&bus), line!());
    assert_eq!((location.file(), location.line()), (file!(), line), "`track_caller` goes on through a user's helper");
}
