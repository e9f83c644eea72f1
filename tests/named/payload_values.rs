//! What cannot be decoded is described by category, place and expectation, and never by what the payload says.

#[path = "../common/secrets.rs"]
mod secrets;

use std::error::Error as _;

use eventbus::{Bus, by_name::ReadJsonError, codec::JsonError};
use secrets::{AccountOpened, check, check_text, payloads};

use crate::support::{Log, bus_lines, in_child};

#[test]
fn no_payload_that_does_not_decode_is_shown() {
    let bus = Bus::new();
    bus.declare::<AccountOpened>().unwrap();
    assert!(bus.emit_json("account.opened", &secrets::good()).is_ok());
    let payloads = payloads();
    assert!(payloads.len() > 80, "{}", payloads.len());
    for (case, payload) in payloads {
        let error = bus.emit_json("account.opened", &payload).unwrap_err();
        assert!(matches!(error, ReadJsonError::Payload { .. }), "{error}");
        assert!(error.source().is_some());
        check(&error, &case);
    }
}

#[test]
fn no_json_that_is_malformed_is_shown() {
    let bus = Bus::new();
    for payload in ["hunter2", r#"{"hunter2": hunter2}"#, r#"["hunter2"#, r#"{"hunter2"}"#, "\"hunter2\n\""] {
        check(&bus.emit_json("user.lost", payload).unwrap_err(), payload);
    }
}

#[test]
fn a_long_value_is_not_shown_and_not_kept() {
    let bus = Bus::builder().max_payload(usize::MAX).build();
    bus.declare::<AccountOpened>().unwrap();
    let payload = format!(r#"{{"id": "{}"}}"#, "hunter2".repeat(1_500_000));
    check(&bus.emit_json("account.opened", &payload).unwrap_err(), "10 MB");
}

#[test]
fn a_listener_that_passes_on_the_error_shows_nothing_on_stderr() {
    let output = in_child("payload_values::a_listener_that_passes_on_the_error_shows_nothing_on_stderr", || {
        let bus = Bus::new();
        let inner = bus.clone();
        bus.on_pattern("user.lost", move |e| {
            inner.emit_json("account.opened", &e.to_json()?)?.blocking();
            eventbus::Ok(())
        })
        .unwrap();
        bus.declare::<AccountOpened>().unwrap();
        for (_, payload) in payloads().iter().filter(|(case, _)| case.starts_with('/')).take(15) {
            let report = bus.emit_json("user.lost", payload).unwrap().blocking();
            let copy = report.clone();
            drop(report);
            drop(copy);
        }
    });
    if let Some(output) = output {
        let lines = bus_lines(&output);
        assert_eq!(lines.len(), 15, "{lines:#?}");
        for line in lines {
            check_text(&*line, "stderr");
        }
    }
}

#[test]
fn what_cannot_be_written_is_not_shown_either() {
    use serde::{Deserialize, Serialize, Serializer, ser::Error as _};

    #[derive(eventbus::Event, Deserialize)]
    #[event(serde)]
    struct Unwritable(String);
    impl Serialize for Unwritable {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom(format!("cannot write {}", self.0)))
        }
    }
    let (bus, log) = (Bus::new(), Log::<JsonError>::default());
    bus.listener_pattern("**").unwrap().with(log.clone()).on(|log, e| log.add(e.to_json().unwrap_err()));
    bus.emit(Unwritable(secrets::SECRET.into())).blocking();
    check(&log.take()[0], "to_json");
}
