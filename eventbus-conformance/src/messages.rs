//! The messages of the suite. They carry bytes, and the bus knows them as events, so that they are the same over every transport.

use std::sync::Arc;

use eventbus::{
    Event,
    transport::{Leased, Message, MessageId},
};
use serde::{Deserialize, Serialize};

/// What most properties publish.
#[derive(Event, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[event(name = "conformance.note", serde)]
pub(crate) struct Note {
    pub(crate) number: u64,
    pub(crate) text: String,
}

/// Another event.
#[derive(Event, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[event(name = "conformance.other", serde)]
pub(crate) struct Other {
    pub(crate) number: u64,
}

pub(crate) const NOTE: &str = "conformance.note";
pub(crate) const OTHER: &str = "conformance.other";

pub(crate) fn event(number: u64) -> Note {
    Note { number, text: format!("note {number}") }
}

/// A message with a number.
pub(crate) fn note(number: u64) -> Message {
    numbered(NOTE, number, &[])
}

pub(crate) fn notes(numbers: impl IntoIterator<Item = u64>) -> Vec<Message> {
    numbers.into_iter().map(note).collect()
}

/// A message of this type with a number, and more attributes.
pub(crate) fn numbered(wire_type: &str, number: u64, more: &[(&str, &str)]) -> Message {
    let data = format!("{{\"number\":{number},\"text\":\"note {number}\"}}");
    message(wire_type, data.as_bytes(), more)
}

/// A message of this type with these bytes.
///
/// # Panics
///
/// If the suite itself writes attributes that are none.
pub(crate) fn message(wire_type: &str, data: &[u8], more: &[(&str, &str)]) -> Message {
    let id = MessageId::new().to_string();
    let own = [("id", &*id), ("source", "conformance"), ("type", wire_type)];
    let attributes = own.into_iter().chain(more.iter().copied());
    Message::from_attributes(attributes, data).expect("the suite's own messages are well-formed")
}

/// The number of a message; `u64::MAX` if it has none.
pub(crate) fn number(message: &Message) -> u64 {
    #[derive(Deserialize)]
    struct Number {
        number: u64,
    }
    let data = message.data().unwrap_or_else(|_| Arc::from(Vec::new()));
    serde_json::from_slice(&data).map_or(u64::MAX, |Number { number }| number)
}

pub(crate) fn numbers(leased: &[Leased]) -> Vec<u64> {
    leased.iter().map(|leased| number(leased.message())).collect()
}

pub(crate) fn sorted(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable();
    numbers
}
