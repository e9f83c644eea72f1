//! Names that no type claims: they reach who listens by pattern, and leave nothing behind.

use std::sync::{Arc, Mutex};

use allocation_counter::measure;
use eventbus::{Bus, Event};

use crate::{events::UserCreated, support::Log};

#[test]
fn a_hundred_thousand_unclaimed_names_leave_nothing_behind() {
    let bus = Bus::new();
    bus.on_pattern("user.**", |_| ()).unwrap();
    bus.declare::<UserCreated>().unwrap();
    let before = (bus.event_names(), bus.listener_infos().len());
    let round = |from: usize| {
        for number in from..from + 50_000 {
            let name = format!("user.n{number}");
            let report = match number % 2 {
                0 => bus.emit_name(&name, number).unwrap().blocking(),
                _ => bus.emit_json(&name, "7").unwrap().blocking(),
            };
            assert_eq!((report.succeeded(), report.event_name()), (1, &*name));
        }
    };
    measure(|| round(0)); // warm
    let grown = measure(|| round(50_000));
    assert_eq!((grown.count_current, grown.bytes_current), (0, 0), "no allocation outlives its emission");
    assert_eq!((bus.event_names(), bus.listener_infos().len()), before);
}

#[test]
fn refused_emissions_leave_nothing_behind() {
    let bus = Bus::new();
    bus.declare::<UserCreated>().unwrap();
    let round = || {
        for number in 0..1_000 {
            assert!(bus.emit_json(&format!("user.n{number}"), "{").is_err());
            assert!(bus.emit_name(&format!("user..n{number}"), number).is_err());
            assert!(bus.emit_name("user.created", number).is_err());
            assert!(bus.emit_name(&format!("user.created.v{}", number + 2), number).is_err());
        }
    };
    round();
    assert_eq!(measure(round).bytes_current, 0);
}

#[test]
fn an_emission_that_is_never_finished_reaches_nobody() {
    let bus = Bus::new();
    let heard = Log::default();
    bus.listener_pattern("**").unwrap().with(heard.clone()).on(|heard, e| heard.add(e.name().to_owned()));
    drop(bus.emit_name("user.lost", ()).unwrap());
    drop(bus.emit_json("user.lost", "7").unwrap());
    assert_eq!(heard.take(), [""; 0], "nothing is emitted");
}

#[test]
fn reports_failures_and_the_hook_name_the_runtime_name() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&seen);
    let bus = Bus::builder()
        .on_failure(move |failure| hook.lock().unwrap().push((failure.event_name().to_owned(), failure.to_string())))
        .build();
    bus.listener_pattern("user.*").unwrap().named("audit").on(|_| Err("no disk"));

    let report = bus.emit_name("user.lost.v3", ()).unwrap().blocking();
    assert_eq!((report.event_name(), report.event_type()), ("user.lost", None));
    let failure = &report.failures()[0];
    assert_eq!((failure.event_name(), failure.event_type()), ("user.lost", None));
    assert_eq!(failure.listener().pattern().unwrap().as_str(), "user.*");
    let text = report.to_string();
    for part in ["user.lost.v3", "listener `audit`", "no disk", file!()] {
        assert!(text.contains(part), "{text}");
    }
    assert!(report.into_result().unwrap_err().to_string().contains("`user.lost.v3`"));
    let well = bus.emit_name("order.lost", ()).unwrap().blocking().to_string();
    assert_eq!(well, "order.lost: 0 listeners finished well");

    drop(bus.emit_json("user.found", "1").unwrap().blocking());
    let seen = seen.lock().unwrap();
    assert_eq!(seen.last().unwrap().0, "user.found");
    assert!(seen.last().unwrap().1.contains("user.found"), "{seen:?}");
}

#[test]
fn an_emission_that_is_printed_shows_its_name() {
    let bus = Bus::new();
    assert!(format!("{:?}", bus.emit_name("user.lost", ()).unwrap()).contains("user.lost"));
    assert!(format!("{:?}", bus.emit_name("user.lost.v2", ()).unwrap()).contains("user.lost"));
    assert!(format!("{:?}", bus.emit_name("user.created", UserCreated { id: 1 }).unwrap()).contains("user.created"));
}

#[test]
fn a_typed_failure_of_a_listener_by_name_names_event_and_place() {
    let bus = Bus::builder().on_failure(|_| ()).build();
    let line = line!() + 1;
    bus.on_pattern("user.*", |_| Err("no disk")).unwrap();
    let report = bus.emit(UserCreated { id: 1 }).blocking();
    let failure = &report.failures()[0];
    assert_eq!((failure.event_name(), failure.event_type()), ("user.created", Some(UserCreated::TYPE)));
    assert_eq!(failure.listener().pattern().unwrap().as_str(), "user.*");
    assert!(report.to_string().contains(&format!("({}:{line})", file!())), "{report}");
}

#[test]
fn a_name_becomes_typed_when_a_type_claims_it() {
    let bus = Bus::new();
    let kinds = Arc::new(Mutex::new(Vec::new()));
    bus.listener_pattern("user.created")
        .unwrap()
        .with(Arc::clone(&kinds))
        .on(|kinds, e| kinds.lock().unwrap().push(e.event_type().is_some()));
    bus.emit_json("user.created", r#"{"id": 7}"#).unwrap().blocking();
    bus.declare::<UserCreated>().unwrap();
    bus.emit_json("user.created", r#"{"id": 7}"#).unwrap().blocking();
    assert_eq!(*kinds.lock().unwrap(), [false, true]);
}

#[test]
fn an_event_of_the_users_may_be_called_unclaimed() {
    #[derive(Event)]
    struct Unclaimed;

    let bus = Bus::new();
    bus.on::<Unclaimed>(|_| ());
    bus.on_pattern("unclaimed", |e| assert!(e.downcast_ref::<Unclaimed>().is_some())).unwrap();
    assert_eq!(bus.emit_name("other", ()).unwrap().blocking().succeeded(), 0);
    assert_eq!(bus.emit(Unclaimed).blocking().into_result().unwrap().succeeded(), 2);
    assert!(bus.emit_name("unclaimed", ()).is_err());
}
