//! What `emit_json` reads, and what it refuses before and after reading.

use eventbus::{Bus, by_name::ReadJsonError, codec::Json};
use serde_json::{json, value::RawValue};

use crate::{
    events::{UserCreated, UserRenamed},
    support::Log,
};

#[test]
fn json_arrives_typed_whatever_it_was_made_from() {
    let (bus, log) = (Bus::new(), Log::<u32>::default());
    bus.listener::<UserCreated>().with(log.clone()).on(|log, e| log.add(e.id));
    let text = r#" {"id": 7} "#;
    let raw = RawValue::from_string(text.trim().to_owned()).unwrap();
    let jsons: Vec<Json<'_>> = vec![text.into(), text.as_bytes().into(), (&*raw).into(), (&raw).into()];
    let (string, bytes, value) = (text.to_owned(), text.as_bytes().to_vec(), json!({"id": 7}));
    for json in jsons.into_iter().chain([(&string).into(), (&bytes).into(), (&value).into()]) {
        assert_eq!(bus.emit_json("user.created", json).unwrap().blocking().succeeded(), 1);
    }
    assert_eq!(log.take(), [7; 7]);
}

#[test]
fn a_payload_of_the_wrong_shape_names_the_type_and_what_serde_says() {
    let bus = Bus::new();
    let heard = Log::default();
    bus.listener::<UserCreated>().with(heard.clone()).on(|heard, e| heard.add(e.id));
    for payload in ["", "{", "nonsense", "[]", r#"{"id": "seven"}"#, r#"{"id": 7}x"#, r#"{"id": -1}"#] {
        let error = bus.emit_json("user.created", payload).unwrap_err();
        let ReadJsonError::Payload { name, rust_type, source, .. } = &error else { panic!("{payload}: {error}") };
        assert_eq!(name, "user.created");
        assert!(rust_type.unwrap().ends_with("UserCreated"));
        let text = error.to_string();
        assert!(text.contains("UserCreated") && text.contains(&source.to_string()), "{text}");
    }
    assert!(heard.take().is_empty(), "nothing is emitted");
}

#[test]
fn a_payload_that_is_no_json_is_refused_also_under_an_unclaimed_name() {
    let bus = Bus::new();
    let heard = Log::default();
    bus.listener_pattern("**").unwrap().with(heard.clone()).on(|heard, e| heard.add(e.name().to_owned()));
    for payload in [&b""[..], b"{", b"{]", b"nonsense", b"1 2", b"\"\xff\xfe\"", b"\xff", b"\"\n\"", b"{\"a\":1,}"] {
        let error = bus.emit_json("user.lost", payload).unwrap_err();
        assert!(matches!(&error, ReadJsonError::Payload { rust_type: None, .. }), "{payload:?}: {error}");
        assert!(error.to_string().contains("`user.lost` does not decode as JSON"), "{error}");
    }
    bus.declare::<UserCreated>().unwrap();
    assert!(matches!(bus.emit_json("user.created", &b"{\"id\xff\": 1}"[..]), Err(ReadJsonError::Payload { .. })));
    assert_eq!(heard.take(), [""; 0], "nothing is emitted");
}

#[test]
fn the_limit_of_the_size_is_exact() {
    let bus = Bus::builder().max_payload(8).build();
    for name in ["user.lost", "user.created"] {
        let largest = format!("{:8}", 1);
        assert!(!matches!(bus.emit_json(name, &largest), Err(ReadJsonError::TooLarge { .. })));
        let error = bus.emit_json(name, &format!("{:9}", 1)).unwrap_err();
        assert!(matches!(&error, ReadJsonError::TooLarge { size: 9, limit: 8, .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(name) && text.contains("9 bytes") && text.contains("max_payload"), "{text}");
        bus.declare::<UserCreated>().unwrap();
    }
}

#[test]
fn a_mebibyte_is_read_and_a_byte_more_is_not() {
    let bus = Bus::new();
    let payload = |len: usize| format!("\"{}\"", "a".repeat(len - 2));
    assert!(bus.emit_json("user.lost", &payload(1 << 20)).is_ok());
    assert!(matches!(bus.emit_json("user.lost", &payload((1 << 20) + 1)), Err(ReadJsonError::TooLarge { .. })));
}

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

#[test]
fn the_limit_of_the_nesting_is_exact() {
    for limit in [0, 1, 3, 64] {
        let bus = Bus::builder().max_nesting(limit).build();
        assert!(bus.emit_json("user.lost", if limit == 0 { "7" } else { "[7]" }).is_ok());
        assert!(limit == 0 || bus.emit_json("user.lost", &nested(limit)).is_ok(), "{limit}");
        let error = bus.emit_json("user.lost", &nested(limit + 1)).unwrap_err();
        assert!(matches!(&error, ReadJsonError::TooDeep { limit: told, .. } if *told == limit), "{error}");
        assert!(error.to_string().contains("max_nesting"), "{error}");
    }
    assert!(bus_of_default().emit_json("user.lost", &nested(64)).is_ok());
    assert!(matches!(bus_of_default().emit_json("user.lost", &nested(65)), Err(ReadJsonError::TooDeep { .. })));
}

fn bus_of_default() -> Bus {
    Bus::new()
}

#[test]
fn deep_nesting_overflows_no_stack_whatever_the_limit() {
    let bus = Bus::builder().max_nesting(usize::MAX).build();
    let log = Log::<bool>::default();
    bus.listener_pattern("user.*").unwrap().with(log.clone()).on(|log, e| log.add(e.to_json().is_ok()));
    let deep = nested(500_000);
    // Whether it is taken or refused is serde's; what is taken and cannot be shown is an error to whoever asks.
    if let Ok(emit) = bus.emit_json("user.lost", &deep) {
        emit.blocking();
        assert_eq!(log.take(), [false]);
    }
    bus.declare::<UserCreated>().unwrap();
    assert!(matches!(bus.emit_json("user.created", &deep), Err(ReadJsonError::Payload { .. })));
}

#[test]
fn brackets_in_strings_do_not_nest() {
    let bus = Bus::builder().max_nesting(1).build();
    assert!(bus.emit_json("user.lost", r#"["[[[[", "\"[[", "\\"]"#).is_ok());
    assert!(matches!(bus.emit_json("user.lost", r#"["\\", []]"#), Err(ReadJsonError::TooDeep { .. })));
}

#[test]
fn limits_are_checked_before_anything_is_read() {
    let bus = Bus::builder().max_payload(4).max_nesting(1).build();
    bus.declare::<UserRenamed>().unwrap();
    assert!(matches!(bus.emit_json("user.lost", "nonsense"), Err(ReadJsonError::TooLarge { .. })));
    assert!(matches!(bus.emit_json("user.lost", "[[x"), Err(ReadJsonError::TooDeep { .. })));
    assert!(matches!(bus.emit_json("user.renamed", "[[x"), Err(ReadJsonError::TooDeep { .. })));
}

#[test]
fn a_type_without_a_codec_says_what_to_add() {
    let bus = Bus::new();
    bus.declare::<UserRenamed>().unwrap();
    let error = bus.emit_json("user.renamed", "7").unwrap_err();
    assert!(matches!(error, ReadJsonError::NoCodec { .. }));
    let text = error.to_string();
    assert!(text.contains("UserRenamed") && text.contains("#[event(serde)]"), "{text}");
}

#[test]
fn an_error_says_in_which_line_and_column_decoding_ended() {
    let bus = Bus::new();
    bus.declare::<UserCreated>().unwrap();
    for payload in ["{\n \"id\": \"seven\"\n}", "{\n \"id\": sevens"] {
        let error = bus.emit_json("user.created", payload).unwrap_err();
        let ReadJsonError::Payload { source, .. } = &error else { panic!("{error}") };
        assert_eq!(source.line(), 2, "{error}");
        let place = format!(", line 2 column {}", source.column());
        assert!(source.column() > 6 && source.to_string().ends_with(&place), "{error}");
    }
}

#[test]
fn a_path_of_256_bytes_is_kept_whole_and_a_longer_one_is_cut() {
    use std::collections::BTreeMap;

    #[derive(eventbus::Event, serde::Serialize, serde::Deserialize)]
    #[event(serde)]
    struct Nested(BTreeMap<String, Nested>);

    let bus = Bus::new();
    bus.declare::<Nested>().unwrap();
    let path = |keys: [usize; 4]| {
        let keys = keys.map(|length| "k".repeat(length));
        let payload = keys.iter().rev().fold("1".to_owned(), |inner, key| format!(r#"{{"{key}":{inner}}}"#));
        let error = bus.emit_json("nested", &payload).unwrap_err();
        let ReadJsonError::Payload { source, .. } = error else { panic!("{error}") };
        (keys.join("."), source.path().to_owned())
    };
    let (whole, kept) = path([64, 63, 63, 63]);
    assert_eq!((whole.len(), &kept), (256, &whole));
    let (whole, kept) = path([64, 64, 63, 63]);
    assert_eq!((whole.len(), kept), (257, format!("{}..", &whole[..256])));
}

#[test]
fn a_field_that_the_type_refuses_is_told_with_those_that_it_knows() {
    #[derive(eventbus::Event, serde::Serialize, serde::Deserialize)]
    #[event(serde)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        id: u32,
    }

    let bus = Bus::new();
    bus.declare::<Strict>().unwrap();
    let error = bus.emit_json("strict", r#"{"id": 7, "more": 1}"#).unwrap_err();
    assert!(error.to_string().contains("unknown field, expected `id`"), "{error}");
}
