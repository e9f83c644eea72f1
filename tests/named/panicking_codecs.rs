//! A `Deserialize` or `Serialize` that panics is an error of whoever decodes or encodes, and unwinds into nobody.

use std::sync::atomic::{AtomicUsize, Ordering};

use eventbus::{Bus, Event, by_name::ReadJsonError, codec::JsonError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::support::{Bomb, Log, hush};

#[derive(Event)]
#[event(name = "bomb.sent", serde)]
struct BombSent;

impl<'de> Deserialize<'de> for BombSent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match u8::deserialize(from)? {
            0 => Ok(Self),
            1 => panic!("boom of Deserialize"),
            _ => std::panic::panic_any(Bomb),
        }
    }
}

impl Serialize for BombSent {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("boom of Serialize")
    }
}

#[test]
fn a_deserialize_that_panics_is_an_error_of_emit_json() {
    hush();
    let bus = Bus::new();
    bus.declare::<BombSent>().unwrap();
    for payload in ["1", "2"] {
        let error = bus.emit_json("bomb.sent", payload).unwrap_err();
        assert!(matches!(&error, ReadJsonError::Payload { path, .. } if path.is_empty()), "{error}");
        assert!(error.to_string().contains("panicked"), "{error}");
    }
    assert!(bus.emit_json("bomb.sent", "0").is_ok());
}

#[test]
fn a_deserialize_that_panics_when_it_is_asked_for_the_place_is_contained() {
    #[derive(Event, Serialize)]
    #[event(name = "bomb.delayed", serde)]
    struct BombDelayed;
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    impl<'de> Deserialize<'de> for BombDelayed {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            assert!(CALLS.fetch_add(1, Ordering::Relaxed) == 0, "boom the second time");
            u8::deserialize(from).map(|_| Self)
        }
    }
    hush();
    let bus = Bus::new();
    bus.declare::<BombDelayed>().unwrap();
    let error = bus.emit_json("bomb.delayed", r#""text""#).unwrap_err();
    assert!(matches!(&error, ReadJsonError::Payload { .. }), "{error}");
    assert_eq!(CALLS.load(Ordering::Relaxed), 2);
}

#[test]
fn a_serialize_that_panics_is_an_error_of_to_json() {
    hush();
    let (bus, log) = (Bus::new(), Log::<JsonError>::default());
    bus.listener_pattern("**").unwrap().with(log.clone()).on(|log, e| log.add(e.to_json().unwrap_err()));
    assert!(bus.emit(BombSent).blocking().is_ok(), "the listener has not panicked");
    let error = &log.take()[0];
    assert!(matches!(error, JsonError::Failed { .. }) && format!("{error:?}").contains("panicked"), "{error:?}");
}
