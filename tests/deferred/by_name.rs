//! Events that are kept under names.

use std::{sync::Arc, time::Duration};

use eventbus::{Bus, Event, PublishError, by_name::EmitNameError, transport::MessageId};

use super::noting;
use crate::support::{Log, Numbered};

#[derive(Event)]
#[event(name = "plugin.loaded")]
struct Loaded(u8);

#[test]
fn what_is_kept_under_a_name_is_emitted_in_its_place() {
    let (bus, log) = (Bus::new(), Log::default());
    bus.listener_pattern("**").unwrap().with(log.clone()).on(|log, e| log.add(e.name().to_owned()));
    bus.listener::<Loaded>().with(log.clone()).on(|log, e| log.add(format!("typed {}", e.0)));

    let pending = bus.deferred();
    pending.emit_name("plugin.found", "anything").unwrap();
    pending.emit(Loaded(1));
    pending.emit_name("plugin.loaded", Loaded(2)).unwrap();
    pending.emit_name("plugin.loaded.v2", ()).unwrap_err();
    assert_eq!(
        format!("{pending:?}"),
        r#"Deferred { events: ["plugin.found", "plugin.loaded", "plugin.loaded"], .. }"#
    );
    assert!(log.take().is_empty(), "nothing runs before");

    let released = pending.release().blocking().into_result().unwrap();
    assert_eq!(released.reports()[0].event_name(), "plugin.found");
    assert_eq!(log.take(), ["plugin.found", "plugin.loaded", "typed 1", "plugin.loaded", "typed 2"]);
}

#[test]
fn a_value_that_is_not_kept_is_handed_back() {
    let bus = Bus::new();
    bus.declare::<Loaded>().unwrap();
    let pending = bus.deferred();
    let error = pending.emit_name("plugin.loaded", String::from("seven")).unwrap_err();
    assert!(matches!(error, EmitNameError::WrongType { .. }), "{error}");
    assert_eq!(error.into_value(), "seven");
    assert!(pending.is_empty());
}

#[test]
fn a_type_that_claims_the_name_after_it_was_kept_gets_nothing() {
    let (bus, log) = (Bus::new(), Log::default());
    let pending = bus.deferred();
    pending.emit_name("plugin.loaded", 7_u8).unwrap();
    bus.listener::<Loaded>().with(log.clone()).on(|log, e| log.add(e.0));
    assert_eq!(pending.release().blocking().reports()[0].succeeded(), 0);
    assert!(log.take().is_empty());
}

#[test]
fn what_is_rolled_back_under_a_name_is_counted_as_discarded() {
    let (bus, log) = noting();
    let pending = bus.deferred();
    pending.emit_name("numbered", Numbered(7)).unwrap();
    drop(pending);
    assert_eq!((log.take(), bus.stats().deferred.discarded), (vec![], 1));
}

#[cfg(feature = "serde")]
#[test]
fn json_is_decoded_when_it_is_kept() {
    let (bus, log) = (Bus::new(), Log::default());
    bus.listener_pattern("issues.*").unwrap().with(log.clone()).on(|log, e| log.add(e.to_json().unwrap().to_string()));
    let pending = bus.deferred();
    pending.emit_json("issues.opened", r#"{"number": 7}"#).unwrap();
    assert!(pending.emit_json("issues.opened", "{").is_err());
    pending.release().blocking().into_result().unwrap();
    assert_eq!(log.take(), [r#"{"number":7}"#]);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_a_kept_publish_holds_when_it_is_released() {
    let (bus, log) = (Bus::new(), Log::default());
    let (seen, began) = (log.clone(), tokio::time::Instant::now());
    let handler = move |e: Arc<Loaded>, delivery: eventbus::Delivery| {
        seen.add((e.0, delivery.id(), delivery.message().key().map(str::to_owned), began.elapsed()));
        std::future::ready(())
    };
    bus.consumer("group").handle::<Loaded>(handler).start().await.unwrap();
    let (id, minute) = (MessageId::from_u128(7), Duration::from_mins(1));
    let pending = bus.deferred();
    pending.publish(Loaded(1)).key("k").id(id).dedupe(minute).after(minute);
    pending.publish(Loaded(2)).id(id).dedupe(minute);
    tokio::time::advance(minute).await;
    let released = pending.release().await;
    bus.drained(Duration::from_hours(1)).await.unwrap();
    assert_eq!(log.take(), [(1, id, Some("k".to_owned()), minute * 2)], "it is delayed from its release on");
    let error = released.unpublished()[0].error.downcast_ref::<PublishError<Arc<Loaded>>>().unwrap();
    assert!(matches!(error, PublishError::Duplicate(_)), "{error}");
}
