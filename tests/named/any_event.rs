//! What listeners by pattern see of an event.

use std::sync::Arc;

use eventbus::{AnyEvent, Bus, Event, codec::JsonError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    events::{OrderDoneV2, UserCreated, UserRenamed},
    support::Log,
};

/// Calls `look` with each event that `emit` emits, and gives what it saw.
fn seen<T: Send + 'static>(
    emit: impl FnOnce(&Bus),
    look: impl Fn(&AnyEvent<'_>) -> T + Send + Sync + 'static,
) -> Vec<T> {
    let (bus, log) = (Bus::new(), Log::default());
    bus.listener_pattern("**").unwrap().with(log.clone()).on(move |log, e| log.add(look(e)));
    emit(&bus);
    log.take()
}

#[test]
fn it_has_the_name_version_and_type_of_a_typed_event() {
    let looks = seen(
        |bus| {
            bus.emit(OrderDoneV2 { id: "a".into() }).blocking();
        },
        |e| (e.name().to_owned(), e.version(), e.event_type()),
    );
    assert_eq!(looks, [("order.done".to_owned(), 2, Some(OrderDoneV2::TYPE))]);
}

#[test]
fn under_an_unclaimed_name_it_has_no_type() {
    let looks = seen(
        |bus| {
            bus.emit_name("order.lost.v7", 5_u8).unwrap().blocking();
            bus.emit_json("order.lost", "5").unwrap().blocking();
        },
        |e| (e.name().to_owned(), e.version(), e.event_type()),
    );
    assert_eq!(looks, [("order.lost".to_owned(), 7, None), ("order.lost".to_owned(), 1, None)]);
}

#[test]
fn downcast_ref_gives_the_right_type_and_no_other() {
    let look = |e: &AnyEvent<'_>| {
        let user = e.downcast_ref::<UserCreated>().map(|user| user.id);
        let number = e.downcast_ref::<u32>().copied();
        assert!(e.downcast_ref::<UserRenamed>().is_none() && e.downcast_ref::<Arc<UserCreated>>().is_none());
        (user, number)
    };
    let emit = |bus: &Bus| {
        bus.emit(UserCreated { id: 7 }).blocking();
        bus.emit(Arc::new(UserCreated { id: 8 })).blocking();
        bus.emit_name("user.lost", 9_u32).unwrap().blocking();
        bus.emit_name("user.created", UserCreated { id: 10 }).unwrap().blocking();
        bus.emit_json("user.lost", "11").unwrap().blocking();
    };
    let expected = [(Some(7), None), (Some(8), None), (None, Some(9)), (Some(10), None), (None, None)];
    assert_eq!(seen(emit, look), expected);
}

#[test]
fn it_can_be_kept_unless_it_was_emitted_by_value() {
    let emit = |bus: &Bus| {
        bus.emit(UserCreated { id: 1 }).blocking();
        bus.emit(Arc::new(UserCreated { id: 2 })).blocking();
        bus.emit_name("user.lost", UserCreated { id: 3 }).unwrap().blocking();
        bus.emit_json("user.lost", "4").unwrap().blocking();
    };
    let kept = seen(emit, |e| e.to_owned());
    assert!(kept[0].is_none());
    assert_eq!(kept[1].as_ref().unwrap().downcast_ref(), Some(&UserCreated { id: 2 }));
    assert_eq!(kept[2].as_ref().unwrap().downcast_ref(), Some(&UserCreated { id: 3 }));
    assert_eq!(kept[3].as_ref().unwrap().to_json().unwrap(), json!(4));
    assert_eq!(kept[3].as_ref().unwrap().name(), "user.lost");
}

#[test]
fn what_is_kept_is_the_very_event() {
    let event = Arc::new(UserCreated { id: 1 });
    let kept = seen(|bus| _ = bus.emit(Arc::clone(&event)).blocking(), |e| e.to_owned());
    let kept = kept.into_iter().next().unwrap().unwrap();
    assert!(std::ptr::eq(kept.downcast_ref::<UserCreated>().unwrap(), &raw const *event));
    drop(kept);
    assert_eq!(Arc::strong_count(&event), 1);
}

#[tokio::test]
async fn async_and_blocking_listeners_can_keep_it_always() {
    let (bus, log) = (Bus::new(), Log::<Option<u32>>::default());
    let id = |e: &AnyEvent<'_>| Some(e.to_owned()?.downcast_ref::<UserCreated>()?.id);
    bus.listener_pattern("**").unwrap().with(log.clone()).on_async(move |log, e| async move { log.add(id(&e)) });
    bus.listener_pattern("**")
        .unwrap()
        .with(log.clone())
        .spawned()
        .on_async(move |log, e| async move { log.add(id(&e)) });
    bus.listener_pattern("**").unwrap().with(log.clone()).on_blocking(move |log, e| log.add(id(e)));
    bus.emit(UserCreated { id: 7 }).await;
    assert_eq!(log.take(), [Some(7); 3]);
}

#[test]
fn to_json_writes_what_has_a_codec() {
    let emit = |bus: &Bus| {
        bus.emit(UserCreated { id: 1 }).blocking();
        bus.emit(Arc::new(UserCreated { id: 2 })).blocking();
        bus.emit(UserRenamed(3)).blocking();
        bus.emit_name("user.lost", 4_u8).unwrap().blocking();
        bus.emit_json("user.lost", r#" {"a": [null]} "#).unwrap().blocking();
    };
    let written = seen(emit, |e| e.to_json());
    assert_eq!(*written[0].as_ref().unwrap(), json!({"id": 1}));
    assert_eq!(*written[1].as_ref().unwrap(), json!({"id": 2}));
    assert_eq!(*written[4].as_ref().unwrap(), json!({"a": [null]}));
    for (at, name) in [(2, "user.renamed"), (3, "user.lost")] {
        let Err(JsonError::NoCodec { name: named }) = &written[at] else { panic!("{:?}", written[at]) };
        assert_eq!(named, name);
        assert!(written[at].as_ref().unwrap_err().to_string().contains(name));
    }
}

#[test]
fn a_failing_serialisation_is_an_error_with_its_source() {
    #[derive(Event, Serialize, Deserialize)]
    #[event(serde)]
    struct BadKeys(std::collections::BTreeMap<Vec<u8>, u8>);

    let emit = |bus: &Bus| _ = bus.emit(BadKeys([(vec![1], 1)].into())).blocking();
    let Err(JsonError::Failed { name, source }) = &seen(emit, |e| e.to_json())[0] else { panic!("no error") };
    assert_eq!(name, "bad.keys");
    assert!(source.to_string().contains("key must be a string"));
}

#[test]
fn debug_shows_no_content() {
    let emit = |bus: &Bus| {
        bus.emit(OrderDoneV2 { id: "secret".into() }).blocking();
        bus.emit_name("order.lost", "secret").unwrap().blocking();
        bus.emit_json("order.lost", r#""secret""#).unwrap().blocking();
    };
    for text in seen(emit, |e| format!("{e:?} {e:#?}")) {
        assert!(!text.contains("secret") && text.contains("order."), "{text}");
    }
}
