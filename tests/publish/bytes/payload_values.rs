//! What comes over a transport and does not decode is described, and never shown.

#[path = "../../common/secrets.rs"]
mod secrets;

use std::error::Error as _;

use eventbus::{
    Bus, Event, PublishError, Retry,
    codec::{DecodeCategory, DecodeError, EncodeError},
    consumer::AttemptError,
    transport::{MalformedMessage, Message, WriteError},
};
use secrets::{AccountOpened, SECRET, check, check_text, payloads};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

use super::transport::Wire;
use crate::support::{HOUR, hush, yield_a_lot};

fn bus() -> (Bus, Wire) {
    let wire = Wire::default();
    (Bus::builder().transport(wire.clone()).max_dead_letters(10_000).build(), wire)
}

#[tokio::test(start_paused = true)]
async fn no_payload_that_does_not_decode_is_shown_by_its_dead_letter() {
    for keeps_letters in [true, false] {
        does_not_show_it(keeps_letters).await;
    }
}

async fn does_not_show_it(keeps_letters: bool) {
    let wire = Wire::new(keeps_letters);
    let bus = Bus::builder().transport(wire.clone()).max_dead_letters(10_000).build();
    bus.consumer("typed").handle::<AccountOpened>(|_, _| async {}).start().await.unwrap();
    let payloads = payloads();
    for (_, payload) in &payloads {
        wire.write(&[("type", "account.opened")], payload);
    }
    while bus.dead_letters().list().await.unwrap().len() < payloads.len() {
        yield_a_lot().await;
    }
    if keeps_letters {
        for letter in bus.dead_letters().list().await.unwrap() {
            check_text(&letter, "what the transport keeps");
        }
        bus.shutdown(HOUR).await;
        return;
    }
    for (letter, (case, _)) in bus.dead_letters().list().await.unwrap().iter().zip(&payloads) {
        let AttemptError::Undecodable(error) = &letter.error else { panic!("{letter}") };
        assert!(error.is::<DecodeError>());
        check(&letter.error, case);
        check(&**error, case);
        check_text(letter, case);
    }
    for (case, payload) in &payloads {
        check(&bus.publish_json("account.opened", payload).unwrap_err(), case);
    }
    bus.shutdown(HOUR).await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_by_name_that_asks_for_json_is_told_no_value() {
    let (bus, wire) = bus();
    let by_name = |e: eventbus::AnyEvent<'static>, _| async move { e.to_json().map(drop) };
    bus.consumer("named").handle_pattern("**", by_name).retry(Retry::never()).start().await.unwrap();
    wire.write(&[("type", "user.lost")], format!(r#"{{"key": {SECRET}}}"#));
    wire.write(&[("type", "user.lost")], format!(r#"["{SECRET}"#));
    while bus.dead_letters().in_memory().len() < 2 {
        yield_a_lot().await;
    }
    for letter in bus.dead_letters().list().await.unwrap() {
        let AttemptError::Failed(error) = &letter.error else { panic!("{letter}") };
        assert!(error.source().unwrap().is::<DecodeError>(), "{error}");
        check(&**error, "to_json");
        check_text(&letter, "to_json");
    }
}

#[test]
fn a_malformed_attribute_is_not_shown() {
    for name in ["time", "hops"] {
        let error = Message::from_attributes([("type", "note.made"), (name, SECRET)], *b"1").unwrap_err();
        assert!(matches!(error, MalformedMessage::Attribute { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
        check(&error, name);
    }
}

/// Its codec panics, or fails with its text.
#[derive(Event, Debug)]
#[event(name = "bomb.sent", serde)]
struct BombSent(Option<&'static str>);

impl<'de> Deserialize<'de> for BombSent {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("boom {SECRET}")
    }
}

impl Serialize for BombSent {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom(self.0.expect("boom hunter2")))
    }
}

#[tokio::test(start_paused = true)]
async fn a_deserialize_that_panics_makes_a_dead_letter_and_no_retry() {
    hush();
    let (bus, wire) = bus();
    bus.consumer("group").handle::<BombSent>(|_, _| async {}).key::<BombSent>(|_| 7).start().await.unwrap();
    wire.write(&[("type", "bomb.sent")], "1");
    while bus.dead_letters().list().await.unwrap().is_empty() {
        yield_a_lot().await;
    }
    let letter = &bus.dead_letters().list().await.unwrap()[0];
    let AttemptError::Undecodable(error) = &letter.error else { panic!("{letter}") };
    let error = error.downcast_ref::<DecodeError>().unwrap();
    assert_eq!((error.category(), letter.attempts), (DecodeCategory::Panicked, 1));
    check_text(letter, "a panic");
    let error = bus.publish_json("bomb.sent", "1").unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
    check(&error, "publish_json");
}

#[tokio::test(start_paused = true)]
async fn a_serialize_that_panics_or_quotes_the_event_is_told_without_its_text() {
    hush();
    let (bus, _) = bus();
    for (text, is_panic) in [(None, true), (Some(SECRET), false)] {
        let error = bus.publish(BombSent(text)).await.unwrap_err();
        let PublishError::Unwritable(_, unwritable) = &error else { panic!("{error}") };
        let WriteError::Failed { source, .. } = unwritable.downcast_ref::<WriteError>().unwrap() else {
            panic!("{error}")
        };
        assert_eq!(source.is_panic(), is_panic);
        assert!(error.source().unwrap().is::<EncodeError>());
        check(&error, "publish");
        check(&bus.try_publish(BombSent(text)).unwrap_err(), "try_publish");
    }
}
