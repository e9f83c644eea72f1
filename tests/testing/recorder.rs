//! What a recorder records, and in which order.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use eventbus::{
    BoxError, Bus, Event,
    intercept::{EmissionInfo, Intercepted, Interceptor},
    testing::{Recorder, explore},
    transport::Memory,
};

#[derive(Debug, Event)]
struct OrderPlaced {
    id: u64,
}

#[derive(Debug, Event)]
struct MailRequested {
    to: &'static str,
}

#[derive(Debug, Event)]
struct Tick;

#[test]
fn an_event_that_was_emitted_by_value_is_kept_though_nobody_listens() {
    let recorder = Recorder::new();
    let bus = recorder.bus();
    assert!(bus.emit(OrderPlaced { id: 7 }).blocking().is_ok());

    let events = recorder.emitted::<OrderPlaced>();
    assert_eq!((events.len(), events[0].id), (1, 7));
    assert_eq!(recorder.assert_emitted::<OrderPlaced>(|e| e.id == 7).id, 7);
    recorder.assert_emitted_times::<OrderPlaced>(1);
    recorder.assert_not_emitted::<Tick>();
    recorder.assert_nothing_published();
    assert!(recorder.records()[0].is_unheard());
}

#[test]
fn listeners_run_and_see_the_event_that_is_recorded() {
    let recorder = Recorder::new();
    let bus = Bus::builder().recorder(&recorder).build();
    let seen = Arc::new(Mutex::new(Vec::new()));
    bus.listener::<OrderPlaced>().with(Arc::clone(&seen)).on(|seen, e| seen.lock().unwrap().push(e.id));
    assert_eq!(bus.emit(OrderPlaced { id: 7 }).blocking().succeeded(), 1);
    let mut emitter = bus.emitter::<OrderPlaced>();
    assert_eq!(emitter.emit(Arc::new(OrderPlaced { id: 8 })).blocking().succeeded(), 1);
    assert_eq!(*seen.lock().unwrap(), [7, 8]);
    recorder.assert_emitted_times::<OrderPlaced>(2);
}

#[tokio::test]
async fn the_order_is_kept_over_types_and_over_emitting_and_publishing() -> Result<(), BoxError> {
    let recorder = Recorder::new();
    let bus = recorder.bus();
    bus.on_async::<Tick>(|_| async {});
    bus.emit(Tick).await.into_result()?;
    bus.publish(MailRequested { to: "ada" }).await?;
    bus.emit(OrderPlaced { id: 1 }).spawn().await.into_result()?;
    assert!(bus.publish_all([OrderPlaced { id: 2 }, OrderPlaced { id: 3 }]).await.iter().all(Result::is_ok));
    let later = bus.deferred();
    later.emit(Tick);
    assert_eq!(recorder.records().len(), 5);
    later.release().await.into_result()?;

    let names = ["tick", "mail.requested", "order.placed", "order.placed", "order.placed", "tick"];
    assert_eq!(recorder.names(), names);
    recorder.assert_order(["tick", "order.placed", "tick"]);
    recorder.assert_order([Tick::NAME, MailRequested::NAME]);
    recorder.assert_published::<OrderPlaced>(|e| e.id == 3);
    recorder.assert_published_times::<OrderPlaced>(2);
    recorder.assert_emitted_times::<OrderPlaced>(1);
    recorder.assert_not_published::<Tick>();
    assert_eq!(recorder.published::<MailRequested>()[0].to, "ada");
    Ok(())
}

#[test]
fn nested_emissions_know_their_parents() {
    let recorder = Recorder::new();
    let bus = recorder.bus();
    bus.listener::<OrderPlaced>().with_context().on(|e, cx| {
        cx.bus().emit(MailRequested { to: "ada" }).blocking().into_result()?;
        cx.bus().try_publish(OrderPlaced { id: e.id + 1 }).map_err(|error| error.to_string())?;
        eventbus::Ok(())
    });
    assert!(bus.emit(OrderPlaced { id: 1 }).blocking().is_ok());

    let [order, mail, published] = &recorder.records()[..] else { panic!("{:?}", recorder.records()) };
    assert_eq!((order.parent(), mail.parent(), published.parent()), (None, order.emission(), order.emission()));
    assert!(mail.is_emitted() && published.is_published() && !published.is_emitted());
    assert!(published.message_id().is_some() && mail.message_id().is_none());
}

#[tokio::test]
async fn what_a_delivery_emits_knows_its_message() -> Result<(), BoxError> {
    let recorder = Recorder::new();
    let bus = recorder.bus();
    bus.listener::<OrderPlaced>().with_context().on_async(|_, cx| async move {
        cx.bus().publish(MailRequested { to: "ada" }).await.map_err(|error| error.to_string())
    });
    bus.consumer("orders").to_listeners::<OrderPlaced>().start().await?;
    bus.publish(OrderPlaced { id: 7 }).await?;
    bus.drained(Duration::from_secs(5)).await?;

    let [published, emitted, mail] = &recorder.records()[..] else { panic!("{:?}", recorder.records()) };
    assert_eq!(emitted.cause(), published.message_id());
    assert_eq!((mail.cause(), mail.parent()), (published.message_id(), emitted.emission()));
    assert_eq!(recorder.names(), ["order.placed", "order.placed", "mail.requested"]);
    Ok(())
}

#[tokio::test]
async fn what_is_emitted_by_name_is_recorded_typed_or_with_its_content() -> Result<(), BoxError> {
    let recorder = Recorder::new();
    let bus = recorder.bus();
    bus.declare::<OrderPlaced>()?;
    bus.emit_name("order.placed", OrderPlaced { id: 7 })?.blocking();
    bus.emit_name("plugin.loaded.v2", "blue")?.await;
    bus.emit_json("plugin.failed", r#"{"why": "red"}"#)?.blocking();

    recorder.assert_emitted::<OrderPlaced>(|e| e.id == 7);
    recorder.assert_emitted_name("order.placed", |e| e.downcast_ref::<OrderPlaced>().is_some());
    let loaded = recorder.assert_emitted_name("plugin.loaded", |e| e.downcast_ref::<&str>() == Some(&"blue"));
    assert_eq!(loaded.version(), 2);
    let failed = recorder.emitted_name("plugin.failed");
    assert_eq!(failed[0].to_json()?["why"], "red");
    assert_eq!(recorder.names(), ["order.placed", "plugin.loaded.v2", "plugin.failed"]);

    bus.publish_json("plugin.failed", r#"{"why": "green"}"#)?.await?;
    recorder.assert_published_name("plugin.failed", |e| e.to_json().is_ok_and(|json| json["why"] == "green"));
    assert_eq!(recorder.published_name("plugin.failed").len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_event_that_the_transport_refuses_was_not_published() -> Result<(), BoxError> {
    let recorder = Recorder::new();
    let bus = Bus::builder().recorder(&recorder).transport(Memory::new().capacity(1)).build();
    let consumer = bus.consumer("one").handle::<Tick>(|_, _| async {}).start().await?;
    consumer.pause();
    bus.publish(Tick).await?;
    assert!(bus.try_publish(Tick).is_err());
    let mut waiting = bus.publish(Tick);
    assert!(futures_util::poll!(&mut waiting).is_pending());

    recorder.assert_published_times::<Tick>(1);
    assert_eq!(recorder.names(), ["tick"]);
    let shown: Vec<_> = recorder.records().iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["published tick", "offered tick (not published: full)", "offered tick (not published yet)"]);

    consumer.resume();
    waiting.await?;
    recorder.assert_published_times::<Tick>(2);
    Ok(())
}

#[test]
fn events_of_many_threads_are_all_recorded_and_those_of_one_in_its_order() {
    let recorder = Recorder::new();
    let bus = recorder.bus();
    thread::scope(|scope| {
        for at in 0..4 {
            let bus = &bus;
            scope.spawn(move || {
                for id in 0..250 {
                    assert!(bus.emit(OrderPlaced { id: at * 1_000 + id }).blocking().is_ok());
                }
            });
        }
    });
    let ids: Vec<_> = recorder.emitted::<OrderPlaced>().iter().map(|e| e.id).collect();
    assert_eq!(ids.len(), 1_000);
    for at in 0..4 {
        let of_thread: Vec<_> = ids.iter().copied().filter(|id| id / 1_000 == at).collect();
        assert!(of_thread.is_sorted(), "{of_thread:?}");
    }
}

#[test]
fn two_buses_share_a_recorder_and_its_order() {
    let recorder = Recorder::new();
    let (one, other) = (recorder.bus(), recorder.bus());
    one.emit(Tick).blocking();
    other.emit(OrderPlaced { id: 1 }).blocking();
    one.emit(MailRequested { to: "ada" }).blocking();
    assert_eq!(recorder.names(), ["tick", "order.placed", "mail.requested"]);
}

#[test]
fn what_was_recorded_is_forgotten_when_it_is_cleared() {
    let recorder = Recorder::new();
    let (bus, event) = (recorder.bus(), Arc::new(Tick));
    bus.emit(Arc::clone(&event)).blocking();
    assert_eq!(Arc::strong_count(&event), 2);
    recorder.clear();
    assert_eq!(Arc::strong_count(&event), 1);
    recorder.assert_nothing_emitted();
}

/// A module that makes its own bus.
struct Shop {
    bus: Bus,
}

impl Shop {
    fn new() -> Self {
        Self { bus: Bus::new() }
    }

    async fn start() -> Self {
        tokio::task::yield_now().await;
        Self::new()
    }
}

#[tokio::test]
async fn the_buses_that_other_code_makes_are_watched() {
    let recorder = Recorder::new();
    let shop = recorder.watch_new_buses(Shop::new);
    let another = recorder.watch_new_buses_async(Shop::start()).await;
    let unwatched = Shop::new();
    for shop in [&shop, &another, &unwatched] {
        shop.bus.emit(Tick).blocking();
    }
    recorder.assert_emitted_times::<Tick>(2);
}

#[test]
fn a_panic_in_the_code_that_makes_buses_ends_the_watching() {
    let recorder = Recorder::new();
    crate::support::panic_of(|| recorder.watch_new_buses(|| panic!("no shop")));
    Shop::new().bus.emit(Tick).blocking();
    recorder.assert_nothing_emitted();
}

struct Refuses;

impl Interceptor for Refuses {
    fn emission(&self, _: &EmissionInfo<'_>) -> Intercepted<eventbus::Report> {
        Err("not today".into())
    }
}

#[test]
fn what_an_interceptor_refuses_is_recorded_if_the_recorder_stands_before_it() {
    let (before, behind) = (Recorder::new(), Recorder::new());
    let bus = Bus::builder().recorder(&before).intercept(Refuses).recorder(&behind).on_failure(|_| {}).build();
    bus.on::<Tick>(|_| {});
    assert!(!bus.emit(Tick).blocking().is_ok());
    before.assert_emitted_times::<Tick>(1);
    behind.assert_nothing_emitted();
}

/// Keeps events by the means that a recorder has, too.
#[derive(Clone, Default)]
struct Keeps(Arc<Mutex<Vec<u64>>>);

impl Interceptor for Keeps {
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<eventbus::Report> {
        let event = emission.event().to_owned().ok_or("it is only borrowed")?;
        self.0.lock().unwrap().extend(event.downcast_ref::<OrderPlaced>().map(|e| e.id));
        Ok(None)
    }

    fn keeps_events(&self) -> bool {
        true
    }
}

#[test]
fn any_interceptor_may_keep_events() {
    let keeps = Keeps::default();
    let bus = Bus::builder().intercept(Box::new(keeps.clone())).build();
    bus.on::<OrderPlaced>(|_| {});
    assert!(bus.emit(OrderPlaced { id: 7 }).blocking().is_ok());
    assert_eq!(*keeps.0.lock().unwrap(), [7]);
}

#[test]
fn conditions_may_use_the_recorder_and_the_bus() {
    let recorder = Recorder::new();
    let bus = recorder.bus();
    bus.emit(OrderPlaced { id: 7 }).blocking();
    recorder.assert_emitted::<OrderPlaced>(|e| {
        bus.emit(Tick).blocking();
        recorder.emitted::<Tick>().len() == 1 && e.id == 7
    });
}

#[test]
fn each_explored_schedule_has_a_recorder_of_its_own() {
    let explored = explore(0..100, |sim| async move {
        let recorder = Recorder::new();
        let bus = recorder.bus();
        for to in ["ada", "bob"] {
            bus.listener::<OrderPlaced>().with_context().on_async(move |_, cx| async move {
                tokio::task::yield_now().await;
                cx.bus().emit(MailRequested { to }).await.into_result().map(drop)
            });
        }
        bus.emit(OrderPlaced { id: sim.seed() }).await.into_result()?;
        recorder.assert_emitted_times::<MailRequested>(2);
        recorder.assert_order(["order.placed", "mail.requested", "mail.requested"]);
        Ok::<_, BoxError>(())
    });
    assert!(explored.schedules > 1);
}
