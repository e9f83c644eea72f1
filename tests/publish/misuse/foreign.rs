//! Messages from other programs.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{
    Bus, Retry,
    consumer::AttemptError,
    transport::{MalformedMessage, Memory, Message, Transport},
};

use crate::support::HOUR;

#[tokio::test]
async fn what_is_no_text_is_a_dead_letter_also_by_name() {
    let memory = Memory::new();
    let message = Message::from_attributes([("type", "note.made")], [b'"', 0xff, b'"']).unwrap();
    memory.try_publish(&mut [Some(message)]).unwrap();
    let bus = Bus::builder().transport(memory).build();
    let called = Arc::new(Mutex::new(false));
    let log = Arc::clone(&called);
    let consumer = bus.consumer("group").handle_pattern("note.*", move |_, _| {
        *log.lock().unwrap() = true;
        async {}
    });
    consumer.retry(Retry::fixed(Duration::ZERO)).start().await.unwrap();
    assert!(bus.shutdown(HOUR).await.is_clean());
    let letters = bus.dead_letters().list().await.unwrap();
    assert!(matches!(letters[0].error, AttemptError::Undecodable(_)), "{letters:?}");
    assert_eq!((letters[0].attempts, *called.lock().unwrap()), (1, false));
}

#[test]
fn the_id_of_a_foreign_message_is_the_same_for_ever() {
    let message = |id| Message::from_attributes([("type", "note.made"), ("id", id)], *b"1").unwrap();
    assert_eq!(message("order 7").id(), message("order 7").id());
    assert_eq!(message("order 7").id().to_string(), "0d6234bc-a74f-878d-bf7b-f7441d4f3f76");
    let uuid = "018f3a5c-7b5e-7cc1-8a3d-0123456789ab";
    assert_eq!(message(uuid).id().to_string(), uuid);
}

#[test]
fn what_is_too_large_is_not_read() {
    let read = |name, length: usize, data: usize| {
        let value = "x".repeat(length);
        Message::from_attributes([("type", "note.made"), (name, &*value)], vec![b'1'; data]).map(drop)
    };
    assert_eq!(read("id", 1024, 1 << 20), Ok(()));
    assert!(matches!(read("id", 1, (1 << 20) + 1), Err(MalformedMessage::TooLarge { size: 1_048_577, .. })));
    for name in ["id", "source", "type", "time", "partitionkey", "correlationid", "causationid", "hops"] {
        let error = read(name, 1025, 1).unwrap_err();
        assert!(matches!(error, MalformedMessage::AttributeTooLarge { limit: 1024, .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_eq!(read("traceparent", 1025, 1), Ok(()), "it is passed over");
    assert!(matches!(read("type", 129, 1), Err(MalformedMessage::Type { .. })));
}

#[test]
fn a_foreign_message_keeps_its_chain() {
    let read = |attributes: &[(&'static str, &str)]| {
        let all = attributes.iter().copied().chain([("type", "note.made"), ("id", "c")]);
        let message = Message::from_attributes(all, *b"1").unwrap();
        (message.causation_id(), message.correlation_id(), message.hops())
    };
    let id = |text| Message::from_attributes([("type", "note.made"), ("id", text)], *b"1").unwrap().id();
    let (first, before) = (id("a"), id("b"));
    assert_eq!(read(&[("causationid", "b"), ("correlationid", "a"), ("hops", "2")]), (Some(before), first, 2));
    assert_eq!(read(&[("causationid", "b"), ("hops", "1")]), (Some(before), before, 1));
    assert_eq!(read(&[("correlationid", "a")]), (None, id("c"), 0), "of no cause nothing is known");
}
