//! JSON that is published by name.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{
    Bus, Event, Failed, Retry,
    by_name::ReadJsonError,
    publish::PublishJsonError,
    transport::{Memory, MessageId},
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::support::{unread, yield_a_lot};

#[derive(Event, Serialize, Deserialize)]
#[event(serde)]
struct UserCreated {
    id: u64,
}

const DEADLINE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_claimed_name_is_published_typed_and_an_unclaimed_one_as_json() {
    let bus = Bus::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (typed, named) = (Arc::clone(&seen), Arc::clone(&seen));
    let consumer = bus.consumer("all").handle::<UserCreated>(move |e, delivery| {
        assert_eq!(delivery.message().downcast_ref::<UserCreated>().unwrap().id, e.id);
        typed.lock().unwrap().push((delivery.id(), e.id.to_string()));
        async {}
    });
    let consumer = consumer.handle_pattern("issues.*", move |e, delivery| {
        assert!(e.event_type().is_none());
        named.lock().unwrap().push((delivery.id(), e.to_json().unwrap().to_string()));
        async {}
    });
    consumer.start().await.unwrap();

    let user = bus.publish_json("user.created", r#"{"id": 7, "more": true}"#).unwrap();
    assert_eq!(user.event_type(), Some(UserCreated::TYPE));
    let ids = (MessageId::new(), MessageId::new());
    user.id(ids.0).await.unwrap();
    let issue = bus.publish_json("issues.opened", r#"{"number":3}"#).unwrap();
    assert!(issue.event_type().is_none());
    issue.id(ids.1).await.unwrap();

    let report = bus.shutdown(DEADLINE).await;
    assert!(report.is_clean() && report.stats().published.is_balanced(), "{report:?}");
    assert_eq!(*seen.lock().unwrap(), [(ids.0, "7".to_owned()), (ids.1, r#"{"number":3}"#.to_owned())]);
}

#[tokio::test]
async fn what_emit_json_refuses_is_refused_and_not_offered() {
    let bus = Bus::builder().max_payload(64).build();
    bus.declare::<UserCreated>().unwrap();
    let error = |name: &str, json: &str| bus.publish_json(name, json).unwrap_err();
    assert!(matches!(error("User", "{}"), ReadJsonError::Name(_)));
    assert!(matches!(error("user.created.v2", "{}"), ReadJsonError::UnknownVersion { .. }));
    assert!(matches!(error("user.created", r#"{"id": "x"}"#), ReadJsonError::Payload { path, .. } if path == "id"));
    assert!(matches!(error("issues.opened", "{"), ReadJsonError::Payload { rust_type: None, .. }));
    assert!(matches!(error("issues.opened", &"[".repeat(65)), ReadJsonError::TooLarge { .. }));
    assert_eq!(bus.stats().published.offered, 0);
}

#[tokio::test(start_paused = true)]
async fn when_it_is_full_it_waits_or_hands_the_message_back() {
    let bus = Bus::builder().transport(unread(Memory::new().capacity(1))).build();
    bus.publish_json("issues.opened", "1").unwrap().await.unwrap();

    let late = bus.publish_json("issues.opened", "2").unwrap().timeout(Duration::from_secs(1)).await.unwrap_err();
    assert!(
        matches!(late, PublishJsonError::Full(_)) && late.to_string().starts_with("`issues.opened` was not"),
        "{late}"
    );
    assert_eq!(*late.into_message().data().unwrap(), *b"2");

    let token = CancellationToken::new();
    token.cancel();
    let cancelled = bus.publish_json("issues.opened", "3").unwrap().cancel_on(&token).await;
    assert!(matches!(cancelled, Err(PublishJsonError::Cancelled(_))));

    tokio::select! {
        biased;
        _ = bus.publish_json("issues.opened", "4").unwrap() => panic!("there is room"),
        () = async {} => {}
    }
    let waiting = async {
        let refused = bus.publish_json("issues.opened", "5").unwrap().await;
        assert!(matches!(refused, Err(PublishJsonError::Closed(_))));
    };
    let (report, ()) = tokio::join!(biased; bus.shutdown(DEADLINE), waiting);
    let published = report.stats().published;
    assert_eq!((published.offered, published.accepted, published.rejected), (5, 1, 4));
    assert_eq!(report.returned().len(), 1);
}

#[tokio::test]
async fn its_dead_letter_is_told_typed_where_a_handler_of_its_type_failed() {
    let bus = Bus::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    bus.on::<Failed<UserCreated>>(move |failed| {
        log.lock().unwrap().push((failed.event.id, failed.letter.message.id()));
    });
    let consumer = bus.consumer("mail").handle::<UserCreated>(|_, _| async { Err::<(), _>("no relay") });
    consumer.retry(Retry::never()).start().await.unwrap();
    let id = MessageId::new();
    bus.publish_json("user.created", r#"{"id": 7}"#).unwrap().id(id).await.unwrap();
    let report = bus.shutdown(DEADLINE).await;
    assert_eq!(report.stats().deliveries().dead_lettered, 1);
    assert_eq!(*told.lock().unwrap(), [(7, id)]);
}

#[tokio::test]
async fn inside_a_handler_it_never_waits_and_tells_its_cause() {
    let bus = Bus::builder().transport(Memory::new().capacity(1)).build();
    let seen = Arc::new(Mutex::new(None));
    let log = Arc::clone(&seen);
    let consumer = bus.consumer("loop").retry(Retry::never()).handle::<UserCreated>(move |_, delivery| {
        let log = Arc::clone(&log);
        async move {
            let bus = delivery.bus().ok_or("the bus is gone")?;
            let accepted = bus.publish_json("issues.opened", "1")?.await;
            let refused = bus.publish_json("issues.opened", "2")?.await;
            *log.lock().unwrap() = Some((accepted, refused));
            eventbus::Ok(())
        }
    });
    consumer.handle_pattern("issues.*", |_, _| async {}).start().await.unwrap();
    bus.publish_json("user.created", r#"{"id": 7}"#).unwrap().await.unwrap();
    yield_a_lot().await;
    let (accepted, refused) = seen.lock().unwrap().take().expect("the handler has ended well");
    accepted.unwrap();
    let error = refused.unwrap_err();
    assert!(matches!(error, PublishJsonError::Full(_)), "{error}");
    assert_eq!(error.message().hops(), 1);
    assert!(bus.shutdown(DEADLINE).await.is_clean());
}
