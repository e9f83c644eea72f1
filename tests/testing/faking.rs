//! Faked emissions and publishes: they are recorded, and nothing of them happens.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use eventbus::{BoxError, Bus, Event, testing::Recorder};

use crate::support::panic_of;

#[derive(Debug, Event)]
struct OrderPlaced;

#[derive(Debug, Event)]
struct MailRequested;

/// A bus with listeners and a consumer of both events, and how often one of them ran.
async fn wired(recorder: &Recorder) -> Result<(Bus, Arc<AtomicUsize>), BoxError> {
    let (bus, ran) = (recorder.bus(), Arc::new(AtomicUsize::new(0)));
    let count = |ran: Arc<AtomicUsize>| {
        move || {
            ran.fetch_add(1, Relaxed);
        }
    };
    let (a, b, c, d) = (count(ran.clone()), count(ran.clone()), count(ran.clone()), count(ran.clone()));
    bus.on::<OrderPlaced>(move |_| a());
    bus.listener_pattern("mail.*")?.once().on(move |_| b());
    let handle = move |_, _| {
        c();
        std::future::ready(())
    };
    let consumer = bus.consumer("group").handle::<OrderPlaced>(handle);
    let consumer = consumer.handle::<MailRequested>(move |_, _| {
        d();
        std::future::ready(())
    });
    consumer.start().await?;
    Ok((bus, ran))
}

#[tokio::test]
async fn a_faked_emission_calls_nobody_and_says_so() -> Result<(), BoxError> {
    let recorder = Recorder::fake();
    let (bus, ran) = wired(&recorder).await?;
    let report = bus.emit(OrderPlaced).await.into_result()?;
    assert!(report.is_faked() && report.is_ok());
    assert_eq!((report.succeeded(), report.emission()), (0, None));
    assert_eq!(report.to_string(), "order.placed: a test fakes the emission: 1 listener was not called");
    for report in [bus.emit(MailRequested).blocking(), bus.emit(MailRequested).spawn().await] {
        assert!(report.is_faked(), "{report}");
    }
    let unclaimed = bus.emit_name("mail.sent", ())?.blocking();
    assert_eq!(unclaimed.to_string(), "mail.sent: a test fakes the emission: 1 listener was not called");

    assert_eq!(ran.load(Relaxed), 0);
    assert_eq!(bus.listener_count::<MailRequested>(), 1, "`once` is not spent");
    assert_eq!(recorder.names(), ["order.placed", "mail.requested", "mail.requested", "mail.sent"]);
    assert!(recorder.records().iter().all(eventbus::testing::Record::is_faked));
    let text = panic_of(|| recorder.assert_not_emitted::<OrderPlaced>());
    assert!(text.contains("\n  emitted order.placed OrderPlaced (faked)"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_faked_publish_ends_well_and_reaches_no_transport() -> Result<(), BoxError> {
    let recorder = Recorder::fake();
    let (bus, ran) = wired(&recorder).await?;
    bus.publish(OrderPlaced).key("7").await?;
    bus.try_publish(MailRequested)?;
    assert!(bus.publish_all([OrderPlaced, OrderPlaced]).await.iter().all(Result::is_ok));
    bus.drained(Duration::from_secs(5)).await?;

    assert_eq!(ran.load(Relaxed), 0);
    recorder.assert_published_times::<OrderPlaced>(3);
    recorder.assert_published_times::<MailRequested>(1);
    let stats = bus.stats();
    assert_eq!((stats.published.offered, stats.published.accepted, stats.deliveries().created), (4, 4, 0));
    let report = bus.shutdown(Duration::from_secs(5)).await;
    assert!(report.is_clean(), "{report}");
    assert!(bus.publish(OrderPlaced).await.is_err(), "the bus is closed");
    recorder.assert_published_times::<OrderPlaced>(3);
    Ok(())
}

#[tokio::test]
async fn one_type_is_faked_and_the_others_happen() -> Result<(), BoxError> {
    let recorder = Recorder::new().fake_event::<MailRequested>();
    let (bus, ran) = wired(&recorder).await?;
    assert!(bus.emit(MailRequested).await.is_faked());
    assert!(!bus.emit(OrderPlaced).await.is_faked());
    assert!(bus.publish_all([MailRequested]).await.iter().all(Result::is_ok));
    assert!(bus.publish_all([OrderPlaced]).await.iter().all(Result::is_ok));
    bus.drained(Duration::from_secs(5)).await?;
    assert_eq!(ran.load(Relaxed), 2);
    assert_eq!(recorder.names().len(), 4);
    Ok(())
}

#[tokio::test]
async fn one_type_happens_and_the_others_are_faked() -> Result<(), BoxError> {
    let recorder = Recorder::fake().pass_event::<OrderPlaced>();
    let (bus, ran) = wired(&recorder).await?;
    assert!(bus.emit(MailRequested).await.is_faked());
    assert_eq!(bus.emit(OrderPlaced).await.succeeded(), 1);
    assert_eq!(ran.load(Relaxed), 1);
    let recorder = recorder.fake_event::<OrderPlaced>();
    assert!(bus.emit(OrderPlaced).await.is_faked());
    recorder.assert_emitted_times::<OrderPlaced>(2);
    Ok(())
}

#[tokio::test]
async fn a_delivery_whose_emission_is_faked_is_handled() -> Result<(), BoxError> {
    let recorder = Recorder::new();
    let bus = recorder.bus();
    bus.on::<OrderPlaced>(|_| Err("not to be called"));
    bus.consumer("orders").to_listeners::<OrderPlaced>().start().await?;
    let _recorder = recorder.clone().fake_event::<MailRequested>();
    bus.publish(MailRequested).await?;
    bus.drained(Duration::from_secs(5)).await?;
    assert_eq!(bus.stats().deliveries().created, 0);
    recorder.assert_not_emitted::<OrderPlaced>();
    Ok(())
}
