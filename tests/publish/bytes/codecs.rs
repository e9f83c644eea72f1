//! Messages in formats other than JSON.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use eventbus::{
    AnyEvent, BoxError, Bus, Delivery, Event, Retry,
    codec::{Codec, DecodeCategory, DecodeError, Decoded, Encodable},
    consumer::AttemptError,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Moved, transport::Wire};
use crate::{
    hostile_transport::{Call, Hostile, Shape},
    support::{HOUR, Job, Log, assert_balanced, yield_a_lot},
};

/// CBOR, by a crate.
struct Cbor;

const CBOR: &str = "application/cbor";

impl Codec for Cbor {
    fn content_type(&self) -> &'static str {
        CBOR
    }
    fn encode(&self, event: Encodable<'_>) -> Result<Vec<u8>, BoxError> {
        cbor(&event)
    }
    fn decode(&self, bytes: &[u8]) -> Result<Decoded, BoxError> {
        Ok(ciborium::from_reader(bytes)?)
    }
}

fn cbor(value: &impl Serialize) -> Result<Vec<u8>, BoxError> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes)?;
    Ok(bytes)
}

/// JSON, backwards.
struct Reversed;

impl Codec for Reversed {
    fn content_type(&self) -> &'static str {
        "Application/X-Reversed"
    }
    fn encode(&self, event: Encodable<'_>) -> Result<Vec<u8>, BoxError> {
        Ok(serde_json::to_vec(&event)?.into_iter().rev().collect())
    }
    fn decode(&self, bytes: &[u8]) -> Result<Decoded, BoxError> {
        let json: Vec<_> = bytes.iter().rev().copied().collect();
        Ok(serde_json::from_slice(&json)?)
    }
}

fn bus(wire: &Wire) -> Bus {
    Bus::builder().transport(wire.clone()).codec(Cbor).on_failure(|_| {}).build()
}

/// What not every format can say.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "shape.drawn", serde)]
struct ShapeDrawn {
    id: u128,
    below: i128,
    by_number: BTreeMap<i16, Option<char>>,
    by_pair: BTreeMap<(u8, bool), f32>,
    kinds: Vec<Kind>,
    unit: (),
    bytes: Bytes,
    list: Vec<u8>,
    /// Bytes in formats for programs, text in those for people.
    address: std::net::Ipv4Addr,
    raw: Box<RawValue>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum Kind {
    Plain,
    New(u8),
    Pair(u8, String),
    Named { days: Option<u64> },
}

/// A sequence of bytes as such.
#[derive(Clone, Debug, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.into()))
            }
        }
        from.deserialize_bytes(Visitor)
    }
}

fn shape() -> ShapeDrawn {
    ShapeDrawn {
        id: u128::MAX - 1,
        below: i128::from(i64::MIN) - 7,
        by_number: [(-3, Some('ä')), (7, None)].into(),
        by_pair: [((1, true), 0.5)].into(),
        kinds: vec![Kind::Plain, Kind::New(1), Kind::Pair(2, "b".into()), Kind::Named { days: Some(u64::MAX) }],
        unit: (),
        bytes: Bytes(vec![0, 255]),
        list: vec![3, 4],
        address: [10, 0, 0, 1].into(),
        raw: RawValue::from_string("{\"a\": [1.50]}".into()).unwrap(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_bus_publishes_in_its_codec_and_reads_back_all_that_the_format_can_say() {
    let wire = Wire::default();
    let bus = bus(&wire);
    let log = Log::default();
    let seen = log.clone();
    let handler = move |e: Arc<ShapeDrawn>, delivery: Delivery| {
        assert_eq!(delivery.message().content_type(), CBOR);
        seen.add(ShapeDrawn::clone(&e));
        async {}
    };
    bus.consumer("group").handle::<ShapeDrawn>(handler).start().await.unwrap();
    bus.publish(shape()).await.unwrap();
    yield_a_lot().await;
    let record = wire.state().written[0].clone();
    assert_eq!(record.attribute("datacontenttype"), Some(CBOR));
    assert_eq!(*record.data, cbor(&shape()).unwrap());
    let [read] = &log.take()[..] else { panic!("{:?}", bus.dead_letters().in_memory()) };
    assert_eq!(format!("{read:?}"), format!("{:?}", shape()));
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn content_types_are_mixed_on_one_stream_and_keys_are_found_in_all() {
    let wire = Wire::default();
    let builder = Bus::builder().transport(wire.clone()).codec(Cbor).read_codec(Reversed);
    let bus = builder.build();
    let log = Log::default();
    let seen = log.clone();
    let handler = move |e: Arc<Moved>, delivery: Delivery| {
        let seen = seen.clone();
        async move {
            if e.number == 0 && delivery.attempt() == 1 {
                // The others of its key wait for it, whatever they are written in.
                return Err("stumbles");
            }
            seen.add((e.of, e.number));
            Ok(())
        }
    };
    let consumer = bus.consumer("group").handle::<Moved>(handler).key::<Moved>(|e| e.of).workers(4);
    consumer.retry(Retry::fixed(Duration::from_secs(1))).start().await.unwrap();

    let json = |number: u64| format!("{{\"of\": 1, \"number\": {number}}}");
    bus.publish(Moved { of: 1, number: 0 }).await.unwrap();
    wire.write(&[("type", "stock.moved")], json(1));
    wire.write(&[("type", "stock.moved"), ("datacontenttype", "application/json; charset=utf-8")], json(2));
    wire.write(&[("type", "stock.moved"), ("datacontenttype", "Application/Vnd.Stock+JSON")], json(3));
    let reversed: String = json(4).chars().rev().collect();
    wire.write(&[("type", "stock.moved"), ("datacontenttype", "application/x-reversed")], reversed);
    let moved = cbor(&Moved { of: 1, number: 5 }).unwrap();
    wire.write(&[("type", "stock.moved"), ("datacontenttype", "APPLICATION/CBOR;x=y")], moved);
    bus.publish(Moved { of: 2, number: 6 }).await.unwrap();
    yield_a_lot().await;
    assert_eq!(log.take(), [(2, 6)], "the rest has one key");
    let report = bus.shutdown(HOUR).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(log.take(), (0..6).map(|number| (1, number)).collect::<Vec<_>>());
    assert_balanced(report.stats());
}

#[tokio::test(start_paused = true)]
async fn a_content_type_without_a_codec_is_a_dead_letter_at_once_and_disturbs_nobody() {
    for keeps_letters in [false, true] {
        let wire = Wire::new(keeps_letters);
        let bus = bus(&wire);
        let log = Log::default();
        let seen = log.clone();
        let handler = move |e: Arc<Moved>, _| {
            seen.add(e.number);
            async {}
        };
        let named = |_: AnyEvent<'static>, _| async {};
        bus.consumer("typed").handle::<Moved>(handler).key::<Moved>(|e| e.of).start().await.unwrap();
        bus.consumer("named").handle_pattern("**", named).start().await.unwrap();
        let strange = format!("application/{}\n", "x".repeat(200));
        wire.write(&[("type", "stock.moved"), ("datacontenttype", &strange)], "hunter2");
        bus.publish(Moved { of: 0, number: 1 }).await.unwrap();
        yield_a_lot().await;
        assert_eq!(log.take(), [1]);
        let letters = bus.dead_letters().list().await.unwrap();
        assert_eq!(letters.len(), 2, "one of each group");
        for letter in &letters {
            let text = letter.error.to_string();
            assert!(text.contains("has no codec for that") && text.contains("application/xxx"), "{text}");
            assert!(text.len() < 300 && !text.contains('\n') && !text.contains("hunter2"), "{text}");
            assert_eq!(letter.message.content_type(), strange.trim());
            assert_eq!(*letter.message.data().unwrap(), *b"hunter2");
            if !keeps_letters {
                let AttemptError::Undecodable(error) = &letter.error else { panic!("{letter}") };
                let error = error.downcast_ref::<DecodeError>().unwrap();
                assert_eq!(error.category(), DecodeCategory::ContentType);
            }
        }
        assert_balanced(&bus.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_keeps_its_format_and_is_replayed_in_it() {
    for keeps_letters in [false, true] {
        let wire = Wire::new(keeps_letters);
        let bus = bus(&wire);
        let log = Log::default();
        let (seen, calls) = (log.clone(), AtomicUsize::new(0));
        let handler = move |e: Arc<Moved>, delivery: Delivery| {
            seen.add((e.number, delivery.message().content_type().to_owned()));
            let is_first = calls.fetch_add(1, Ordering::SeqCst) < 2;
            async move { if is_first { Err("not yet") } else { Ok(()) } }
        };
        bus.consumer("group").handle::<Moved>(handler).retry(Retry::never()).start().await.unwrap();
        bus.publish(Moved { of: 0, number: 1 }).await.unwrap();
        wire.write(&[("type", "stock.moved")], "{\"of\": 0, \"number\": 2}");
        yield_a_lot().await;
        let failed = log.take();
        assert_eq!(failed, [(1, CBOR.to_owned()), (2, "application/json".to_owned())]);
        assert_eq!(bus.dead_letters().replay_where(|_| true).await.unwrap(), 2);
        yield_a_lot().await;
        assert_eq!(log.take(), failed);
        assert!(bus.dead_letters().list().await.unwrap().is_empty());
        assert_balanced(&bus.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_by_name_sees_every_format_as_json() {
    let wire = Wire::default();
    let bus = bus(&wire);
    let log = Log::default();
    let seen = log.clone();
    let handler = move |e: AnyEvent<'static>, _| {
        seen.add(e.to_json().unwrap());
        async {}
    };
    bus.consumer("named").handle_pattern("stock.*", handler).start().await.unwrap();
    bus.publish(Moved { of: 3, number: 4 }).await.unwrap();
    bus.publish_json("stock.counted", "[1, null]").unwrap().await.unwrap();
    let by_pair = BTreeMap::from([((1, 2), 3)]);
    wire.write(&[("type", "stock.lost"), ("datacontenttype", CBOR)], cbor(&by_pair).unwrap());
    yield_a_lot().await;
    assert_eq!(log.take(), [serde_json::json!({"of": 3, "number": 4}), serde_json::json!([1, null])]);
    let [letter] = &bus.dead_letters().in_memory()[..] else { panic!("keys of two numbers are no JSON") };
    assert!(letter.error.to_string().contains("keys that JSON cannot have"), "{letter}");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_decode_is_told_by_its_place_and_never_shown() {
    let wire = Wire::default();
    let bus = bus(&wire);
    bus.consumer("group").handle::<Moved>(|_, _| async {}).start().await.unwrap();
    let write = |value: &dyn Fn() -> Vec<u8>| {
        wire.write(&[("type", "stock.moved"), ("datacontenttype", CBOR)], value());
    };
    write(&|| cbor(&BTreeMap::from([("of", "hunter2")])).unwrap());
    write(&|| cbor(&BTreeMap::from([("of", 7)])).unwrap());
    write(&|| b"\x67hunter".to_vec());
    // A list in a list in a list, without end.
    write(&|| vec![0x81; 100_000]);
    write(&|| [&[0xd8, 0x2a][..], &cbor(&"hunter2").unwrap()].concat());
    while bus.dead_letters().in_memory().len() < 5 {
        yield_a_lot().await;
    }
    let letters = bus.dead_letters().in_memory();
    let errors: Vec<_> = letters.iter().map(|letter| letter.error.to_string()).collect();
    assert_eq!(errors[0], "cannot be read: at `of`: expected u64");
    assert_eq!(errors[1], "cannot be read: missing field `number`");
    for error in &errors[2..] {
        assert!(error.contains("its text is withheld"), "{error}");
    }
    assert!(!format!("{letters:?}{errors:?}").contains("hunter"), "{errors:?}");
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn a_bus_may_replace_json_and_memory_asks_no_codec() {
    /// Writes JSON, and says so by its spaces.
    struct Spacious;
    impl Codec for Spacious {
        fn content_type(&self) -> &'static str {
            "application/json"
        }
        fn encode(&self, event: Encodable<'_>) -> Result<Vec<u8>, BoxError> {
            Ok(serde_json::to_vec_pretty(&event)?)
        }
        fn decode(&self, bytes: &[u8]) -> Result<Decoded, BoxError> {
            Ok(serde_json::from_slice(bytes)?)
        }
    }
    let wire = Wire::default();
    let bus = Bus::builder().transport(wire.clone()).codec(Reversed).codec(Spacious).build();
    bus.consumer("group").handle::<Moved>(|_, _| async {}).start().await.unwrap();
    bus.publish(Moved { of: 0, number: 1 }).await.unwrap();
    assert_eq!(*wire.state().written[0].data, *b"{\n  \"of\": 0,\n  \"number\": 1\n}");
    assert!(bus.shutdown(HOUR).await.is_clean());

    let bus = Bus::builder().codec(Reversed).build();
    bus.publish(Job(1)).await.unwrap();
    bus.consumer("group").handle::<Job>(|_, _| async {}).start().await.unwrap();
    assert!(bus.shutdown(HOUR).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_source_whose_messages_know_their_codec_hears_when_handlers_wait() {
    let hostile = Hostile::new(Shape::AtOnce);
    let bus = hostile.builder().read_codec(Cbor).build();
    let waiting = bus.consumer("group").handle::<Job>(|_, _| tokio::time::sleep(Duration::from_secs(1)));
    waiting.start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    bus.drained(HOUR).await.unwrap();
    assert_eq!(
        hostile.calls.take().iter().filter(|call| **call == Call::WorkerWaits).count(),
        2,
        "it waits, and it ends"
    );
}
