//! P8: identity is loud. One type for a name and version on one bus, however it comes to be known.

use std::panic::{self, AssertUnwindSafe};

use eventbus::{
    Bus, Event,
    by_name::{EmitNameError, ReadJsonError},
    event::NameError,
};

use crate::{
    events::{OrderDone, OrderDoneV2, UserCreated, Usurper},
    support::{Log, hush},
};

/// How a type comes to be known to a bus, with the line where it does.
type Use = fn(&Bus) -> u32;

#[rustfmt::skip]
const USES: &[(&str, Use)] = &[
    ("on", |bus| { bus.on::<UserCreated>(|_| ()); line!() }),
    ("on_async", |bus| { bus.on_async::<UserCreated>(|_| async {}); line!() }),
    ("emit", |bus| { bus.emit(UserCreated { id: 1 }).blocking(); line!() }),
    ("emitter", |bus| { bus.emitter::<UserCreated>(); line!() }),
    ("scope", |bus| { bus.scope("s").on::<UserCreated>(|_| ()); line!() }),
    ("declare", |bus| { bus.declare::<UserCreated>().unwrap(); line!() }),
];

fn panic_message(code: impl FnOnce()) -> Option<String> {
    let payload = panic::catch_unwind(AssertUnwindSafe(code)).err()?;
    Some(payload.downcast_ref::<String>().unwrap().clone())
}

#[test]
fn a_second_type_is_refused_wherever_the_first_came_from_and_both_places_are_shown() {
    for (how, first) in USES {
        let bus = Bus::new();
        let first_line = first(&bus);
        let taken = bus.declare::<Usurper>().unwrap_err();
        let second_line = line!() - 1;
        assert_eq!((taken.first().0, taken.second().0), (UserCreated::TYPE, Usurper::TYPE), "{how}");
        assert_eq!((taken.first().1.line(), taken.second().1.line()), (first_line, second_line), "{how}");
        assert_eq!((taken.first().1.file(), taken.second().1.file()), (file!(), file!()), "{how}");
        let text = taken.to_string();
        for part in ["user.created", "version 1", "events::UserCreated", "events::Usurper"] {
            assert!(text.contains(part), "{how}: {text}");
        }
        assert!(text.contains(&format!("{}:{first_line}:", file!())), "{how}: {text}");
        assert!(text.contains(&format!("{}:{second_line}:", file!())), "{how}: {text}");
    }
}

#[test]
fn typed_use_of_a_name_that_is_taken_panics_at_the_users_line() {
    hush();
    let bus = Bus::new();
    bus.declare::<UserCreated>().unwrap();
    // `boom` keeps them off the terminal no more than any other text would: they are caught and looked at.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let messages = [
        panic_message(|| _ = bus.on::<Usurper>(|_| ())),
        panic_message(|| _ = bus.emit(Usurper).blocking()),
        panic_message(|| _ = bus.emitter::<Usurper>()),
    ];
    panic::set_hook(hook);
    for message in messages {
        let message = message.unwrap();
        assert!(message.contains("UserCreated") && message.contains("Usurper"), "{message}");
        assert_eq!(message.matches(file!()).count(), 2, "{message}");
    }
    assert_eq!(bus.emit(UserCreated { id: 1 }).blocking().succeeded(), 0, "the bus is as it was");
}

#[test]
fn declaring_twice_is_fine_and_declares_no_listener() {
    let bus = Bus::new();
    bus.declare::<UserCreated>().unwrap();
    bus.declare::<UserCreated>().unwrap();
    assert!(bus.event_names().is_empty() && bus.listener_infos().is_empty());
    // Another bus knows nothing of it.
    Bus::new().declare::<Usurper>().unwrap();
}

#[test]
fn a_name_first_used_by_name_claims_nothing() {
    let bus = Bus::new();
    bus.emit_name("user.created", 5_u8).unwrap().blocking();
    bus.emit_json("user.created", "5").unwrap().blocking();
    bus.on_pattern("user.created", |_| ()).unwrap();
    bus.declare::<UserCreated>().unwrap();
    assert!(matches!(bus.emit_name("user.created", 5_u8), Err(EmitNameError::WrongType { .. })));
}

#[test]
fn a_value_of_the_wrong_type_is_handed_back() {
    for (how, first) in USES {
        let bus = Bus::new();
        first(&bus);
        let error = bus.emit_name("user.created", String::from("seven")).unwrap_err();
        let text = error.to_string();
        for part in ["`user.created`", "events::UserCreated", "alloc::string::String"] {
            assert!(text.contains(part), "{how}: {text}");
        }
        assert!(!format!("{error:?}").contains("seven"), "{error:?}");
        assert_eq!(error.into_value(), "seven");
    }
}

#[test]
fn whatever_is_wrong_the_value_is_handed_back_and_needs_no_debug() {
    struct Plain(u8);

    let bus = Bus::new();
    bus.declare::<UserCreated>().unwrap();
    for name in ["user.created", "user..created", "user.created.v2"] {
        let error = bus.emit_name(name, Plain(7)).unwrap_err();
        assert_eq!(format!("{error:?}"), format!("EmitNameError({error})"));
        assert_eq!(error.into_value().0, 7, "{name}");
    }
}

#[test]
fn a_version_that_nobody_declared_is_an_error_that_lists_those_known() {
    let bus = Bus::new();
    bus.declare::<OrderDoneV2>().unwrap();
    bus.declare::<OrderDone>().unwrap();
    let by_name = match bus.emit_name("order.done.v3", ()).unwrap_err() {
        error @ EmitNameError::UnknownVersion { .. } => error.to_string(),
        error => panic!("{error}"),
    };
    let json = match bus.emit_json("order.done.v3", "1").unwrap_err() {
        error @ ReadJsonError::UnknownVersion { version: 3, .. } => error.to_string(),
        error => panic!("{error}"),
    };
    for text in [by_name, json] {
        assert!(text.contains("version 3 of `order.done`") && text.contains("1, 2"), "{text}");
    }
}

#[test]
fn of_two_versions_each_is_reached_by_its_wire_type() {
    let (bus, log) = (Bus::new(), Log::<String>::default());
    bus.listener::<OrderDone>().with(log.clone()).on(|log, e| log.add(format!("1: {}", e.id)));
    bus.listener::<OrderDoneV2>().with(log.clone()).on(|log, e| log.add(format!("2: {}", e.id)));
    bus.listener_pattern("order.done")
        .unwrap()
        .with(log.clone())
        .on(|log, e| log.add(format!("by name: {}", e.version())));

    bus.emit_json("order.done", r#"{"id": 5}"#).unwrap().blocking();
    assert_eq!(log.take(), ["1: 5", "by name: 1"]);
    bus.emit_json("order.done.v2", r#"{"id": "five"}"#).unwrap().blocking();
    assert_eq!(log.take(), ["2: five", "by name: 2"]);
    bus.emit_name("order.done.v2", OrderDoneV2 { id: "six".into() }).unwrap().blocking();
    assert_eq!(log.take(), ["2: six", "by name: 2"]);
    assert!(matches!(
        bus.emit_name("order.done", OrderDoneV2 { id: "x".into() }),
        Err(EmitNameError::WrongType { .. })
    ));
}

#[test]
fn malformed_names_are_refused_and_quoted_in_part() {
    let bus = Bus::new();
    let heard = Log::default();
    bus.listener_pattern("**").unwrap().with(heard.clone()).on(|heard, e| heard.add(e.name().to_owned()));
    let long = "a".repeat(129);
    for (name, expected) in [
        ("", NameError::Empty),
        (&*long, NameError::TooLong),
        ("a..b", NameError::EmptySegment),
        (".a", NameError::EmptySegment),
        ("a.", NameError::EmptySegment),
        ("a._b", NameError::BadStart),
        ("User.Created", NameError::BadByte),
        ("user.*", NameError::BadByte),
        ("user.é", NameError::BadByte),
        ("user.created.v1", NameError::Version),
        ("user.created.v0", NameError::Version),
        ("user.created.v02", NameError::Version),
        ("user.created.v4294967296", NameError::Version),
        ("user.created.v2.v3", NameError::Version),
        ("v2", NameError::Version),
        (".v2", NameError::Empty),
    ] {
        let Err(EmitNameError::Name { error: by_name, .. }) = bus.emit_name(name, ()) else {
            panic!("{name}: accepted")
        };
        let Err(ReadJsonError::Name(json)) = bus.emit_json(name, "1") else { panic!("{name}: accepted") };
        for error in [by_name, json, bus.explain(name).unwrap_err()] {
            assert_eq!(error.kind(), expected, "{name}");
            let kept = name.chars().take(128).collect::<String>();
            assert_eq!(error.name(), kept, "as much as a name may be long");
        }
    }
    let text = bus.emit_name("a\nb\u{1b}", ()).unwrap_err().to_string();
    assert!(text.chars().all(|char| !char.is_control()), "{text}");
    assert!(bus.emit_name(&long[1..], ()).is_ok(), "128 bytes");
    assert!(bus.emit_name(&format!("{}.v4294967295", &long[1..]), ()).is_ok(), "and a version behind them");
    assert_eq!(heard.take(), [""; 0], "nothing is emitted");
}

/// Monomorphs of one event under one name.
#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(name = "entity.changed", shares_name, serde)]
struct Changed<T>(T);

#[test]
fn monomorphs_that_share_a_name_are_told_apart_by_the_value() {
    let (bus, log) = (Bus::new(), Log::default());
    bus.listener::<Changed<u8>>().with(log.clone()).on(|log, _| log.add("u8"));
    bus.listener::<Changed<String>>().with(log.clone()).on(|log, _| log.add("String"));
    bus.listener_pattern("entity.*").unwrap().with(log.clone()).on(|log, _| log.add("by name"));

    bus.emit_name("entity.changed", Changed(5_u8)).unwrap().blocking();
    assert_eq!(log.take(), ["u8", "by name"]);
    bus.emit_name("entity.changed", Changed(String::new())).unwrap().blocking();
    assert_eq!(log.take(), ["String", "by name"]);

    let error = bus.emit_name("entity.changed", Changed(5_u16)).unwrap_err();
    assert!(matches!(&error, EmitNameError::WrongType { expected, .. } if expected.len() == 2), "{error}");
}

#[test]
fn json_for_a_shared_name_is_ambiguous_once_two_share_it() {
    let bus = Bus::new();
    bus.declare::<Changed<u8>>().unwrap();
    assert!(bus.emit_json("entity.changed", "5").is_ok(), "one type so far");
    bus.declare::<Changed<String>>().unwrap();
    let error = bus.emit_json("entity.changed", "5").unwrap_err();
    let ReadJsonError::Ambiguous { name, types } = &error else { panic!("{error}") };
    assert_eq!((&**name, types.len()), ("entity.changed", 2));
    assert!(error.to_string().contains("Changed<u8>") && error.to_string().contains("String"), "{error}");
}

#[test]
fn the_type_that_is_refused_has_claimed_nothing() {
    let (bus, log) = (Bus::new(), Log::default());
    bus.listener::<UserCreated>().with(log.clone()).on(|log, _| log.add("user"));
    assert!(bus.declare::<Usurper>().is_err());
    assert!(bus.declare::<Usurper>().is_err(), "again");
    assert!(matches!(bus.emit_name("user.created", Usurper), Err(EmitNameError::WrongType { .. })));
    bus.emit_name("user.created", UserCreated { id: 1 }).unwrap().blocking();
    assert_eq!(log.take(), ["user"]);
}

#[test]
fn a_value_that_is_emitted_under_another_name_than_its_types_does_not_reach_the_listeners_of_its_type() {
    let bus = Bus::new();
    let heard = Log::default();
    let (typed, named) = (heard.clone(), heard.clone());
    bus.on::<UserCreated>(move |e| typed.add(format!("typed {}", e.id)));
    bus.on_pattern("user.*", move |e| named.add(e.name().to_owned())).unwrap();
    assert!(bus.emit_name("user.lost", UserCreated { id: 1 }).is_ok_and(|emit| emit.blocking().is_ok()));
    assert_eq!(heard.take(), ["user.lost"]);
    assert!(bus.emit_name("user.created", UserCreated { id: 2 }).is_ok_and(|emit| emit.blocking().is_ok()));
    assert_eq!(heard.take(), ["typed 2", "user.created"]);
}
