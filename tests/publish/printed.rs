//! What public types print of themselves by `Debug`: their name, and nothing of an event.

use std::{fmt::Debug, time::Duration};

use eventbus::{
    BoxError, Bus, Event, Retry,
    by_name::Pattern,
    consumer::Batch,
    intercept::{DeliveryEnd, DeliveryInfo, EmissionInfo, Intercepted, Interceptor, PublishEnd, PublishInfo},
    publish::PublishJsonError,
    transport::{GroupSpec, LeaseId, Leased, Memory, Message, Source, Transport, Unsettled},
};

use crate::{
    hostile_transport::{Call, Fault, Hostile, Shape},
    support::{HOUR, Log},
};

/// It has no `Debug`.
#[derive(Event, serde::Serialize, serde::Deserialize, Clone)]
#[event(serde)]
struct Sealed(String);

fn sealed() -> Sealed {
    Sealed("hunter2".to_owned())
}

/// What was printed, as the name with which it begins.
#[track_caller]
fn prints(value: &(impl Debug + ?Sized), name: &str) {
    let text = format!("{value:?}");
    assert!(text.starts_with(name) && text[name.len()..].starts_with([' ', '(', '{', '"']), "no `{name}`: {text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn what_publishes_emits_and_listens_prints_its_name_and_no_event() -> Result<(), BoxError> {
    let bus = Bus::builder().on_warning(|_| {}).build();
    prints(&Bus::builder(), "BusBuilder");
    prints(&bus, "Bus");
    assert_eq!(format!("{:?}", Pattern::new("user.*")?), "\"user.*\"");
    prints(&bus.publish(sealed()), "Publish");
    prints(&bus.publish_all([sealed()]), "PublishAll");
    prints(&bus.emit(sealed()), "Emit");
    prints(&bus.emitter::<Sealed>(), "Emitter");
    prints(&bus.emit(sealed()).spawn(), "EmitHandle");
    prints(&bus.listener::<Sealed>(), "Listener");
    prints(&bus.stream::<Sealed>(), "EventStream");
    prints(&bus.stream::<Sealed>().recv(), "Recv");
    prints(&bus.next::<Sealed>(), "Next");
    let deferred = bus.deferred();
    prints(&deferred.publish(sealed()), "DeferredPublish");
    prints(&deferred, "Deferred");
    let log = Log::default();
    let printed = log.clone();
    bus.listener::<Sealed>().with_context().on(move |_, cx| printed.add(format!("{cx:?}")));
    bus.emit(sealed()).await;
    assert!(log.take()[0].starts_with("Context {"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_consumes_prints_its_name_and_no_event() -> Result<(), BoxError> {
    let bus = Bus::builder().on_failure(|_| {}).build();
    let log = Log::default();
    let (printed, batches) = (log.clone(), log.clone());
    let single = bus.consumer("single").handle::<Sealed>(move |_, delivery| {
        printed.add(format!("{delivery:?}"));
        async {}
    });
    prints(&single, "ConsumerBuilder");
    prints(&Retry::default(), "Retry");
    let consumer = single.start().await?;
    prints(&consumer, "Consumer");
    let many = bus.consumer("many").handle_batch::<Sealed>(1, Duration::ZERO, move |batch: Batch<Sealed>| {
        batches.add(format!("{batch:?}"));
        assert_eq!((&batch).into_iter().count(), 1);
        assert_eq!(batch.into_iter().count(), 1);
        async {}
    });
    many.start().await?;
    bus.publish(sealed()).await?;
    bus.drained(HOUR).await?;
    let mut printed = log.take();
    printed.sort();
    assert!(printed[0].starts_with("Batch {") && printed[1].starts_with("Delivery {"), "{printed:?}");
    assert!(printed.iter().all(|text| !text.contains("hunter2")));
    prints(&bus.shutdown(HOUR).await, "ShutdownReport");
    Ok(())
}

#[tokio::test]
async fn what_a_transport_has_to_do_with_prints_its_name_and_no_event() -> Result<(), BoxError> {
    let memory = Memory::new();
    prints(&memory, "Memory");
    prints(&memory as &dyn Transport, "Transport");
    let source = memory.subscribe(GroupSpec::new("group")).await?;
    prints(&*source as &dyn Source, "Source");
    let leased = Leased::new(Message::from_attributes([("type", "sealed")], *b"\"hunter2\"")?, LeaseId::NONE);
    prints(&Unsettled { leased, is_lost: false, error: "no".into() }, "Unsettled");
    Ok(())
}

/// Prints what it sees.
struct Printer(Log<String>);

impl Interceptor for Printer {
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<eventbus::Report> {
        self.0.add(format!("{emission:?}"));
        Ok(None)
    }
    fn publish(&self, publish: &mut PublishInfo<'_>) -> Intercepted<PublishEnd> {
        self.0.add(format!("{publish:?}"));
        self.0.add(format!("{:?}", publish.message()));
        Ok(None)
    }
    fn delivery(&self, delivery: &DeliveryInfo<'_>) -> Intercepted<DeliveryEnd> {
        self.0.add(format!("{delivery:?}"));
        Ok(None)
    }
}

#[tokio::test]
async fn what_an_interceptor_sees_prints_its_name_and_no_event() -> Result<(), BoxError> {
    let log = Log::default();
    let bus = Bus::builder().intercept(Printer(log.clone())).on_warning(|_| {}).build();
    bus.consumer("group").handle::<Sealed>(|_, _| async {}).start().await?;
    bus.on::<Sealed>(|_| ());
    bus.emit(sealed()).await;
    bus.publish(sealed()).await?;
    bus.drained(HOUR).await?;
    let printed = log.take();
    let names = ["EmissionInfo {", "PublishInfo {", "MessageInfo {", "DeliveryInfo {"];
    assert!(printed.iter().zip(names).all(|(text, name)| text.starts_with(name)), "{printed:?}");
    assert!(printed.len() == 4 && printed.iter().all(|text| !text.contains("hunter2")), "{printed:?}");
    Ok(())
}

#[tokio::test]
async fn an_error_of_publishing_shows_the_event_that_it_hands_back() -> Result<(), BoxError> {
    let hostile = Hostile::new(Shape::AtOnce);
    let bus = hostile.bus();
    bus.declare::<Sealed>()?;
    hostile.breaks(Call::TryPublish, Fault::Error, 2);
    let error = bus.publish(sealed()).await.unwrap_err();
    assert_eq!(error.event().map(|event| &*event.0), Some("hunter2"));
    let error: PublishJsonError = bus.publish_json("sealed", "\"hunter2\"")?.await.unwrap_err();
    prints(&error, "PublishJsonError");
    Ok(())
}
