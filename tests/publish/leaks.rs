//! When the last `Bus` is gone, nothing of it is left.

use std::{sync::Arc, time::Duration};

use eventbus::{Bus, Delivery, Retry};
use tokio::runtime::Handle;

use crate::support::{Gauge, HOUR, Log, Tracked, yield_a_lot};

#[tokio::test(start_paused = true)]
async fn dropping_the_last_bus_ends_its_consumers_and_leaks_nothing() {
    let (events, handlers) = (Gauge::default(), Gauge::default());
    let (bus, log) = (Bus::new(), Log::default());
    let weak = bus.downgrade();
    for name in ["one", "two", "three"] {
        let (live, log) = (handlers.enter(), log.clone());
        let handler = move |e: Arc<Tracked>, _: Delivery| {
            let _ = &live;
            let log = log.clone();
            async move {
                let _guard = crate::support::OnDrop(move || log.add("stopped"));
                match e.id {
                    0 => std::future::pending().await,
                    _ => Err::<(), _>("later"),
                }
            }
        };
        bus.consumer(name).handle::<Tracked>(handler).workers(4).retry(Retry::fixed(HOUR)).start().await.unwrap();
    }
    for id in 0..20 {
        bus.publish(Tracked::new(id, &events)).await.unwrap();
    }
    yield_a_lot().await;
    assert_eq!((events.now(), handlers.now()), (20, 3));
    assert!(Handle::current().metrics().num_alive_tasks() >= 3);
    drop(bus);
    yield_a_lot().await;
    assert!(weak.upgrade().is_none());
    assert_eq!((events.now(), handlers.now(), Handle::current().metrics().num_alive_tasks()), (0, 0, 0));
    assert_eq!(log.take().len(), 60, "each attempt has been dropped");
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_was_shut_down_leaves_no_task_and_no_event() {
    let gauge = Gauge::default();
    {
        let bus = Bus::new();
        let handler = |e: Arc<Tracked>, _| async move { if e.id == 0 { Err("dead") } else { Ok(()) } };
        let retry = Retry::fixed(Duration::from_secs(1)).max_attempts(2);
        bus.consumer("group").handle::<Tracked>(handler).retry(retry).start().await.unwrap();
        for id in 0..50 {
            bus.publish(Tracked::new(id, &gauge)).await.unwrap();
        }
        assert!(bus.shutdown(HOUR).await.is_clean());
        assert_eq!(gauge.now(), 1, "the dead letter");
        yield_a_lot().await;
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    }
    assert_eq!(gauge.now(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_was_stopped_leaves_no_task() {
    let (bus, gauge, handlers) = (Bus::new(), Gauge::default(), Gauge::default());
    let live = handlers.enter();
    let handler = move |_: Arc<Tracked>, _| {
        let _ = &live;
        async {}
    };
    let consumer = bus.consumer("group").handle::<Tracked>(handler).workers(3).start().await.unwrap();
    bus.publish(Tracked::new(0, &gauge)).await.unwrap();
    yield_a_lot().await;
    consumer.stop(HOUR).await;
    yield_a_lot().await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    drop(consumer);
    assert_eq!((handlers.now(), gauge.now()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_drop_the_last_bus() {
    let (gauge, log) = (Gauge::default(), Log::default());
    let bus = Bus::new();
    let weak = bus.downgrade();
    let held = std::sync::Mutex::new(Some(bus.clone()));
    let done = log.clone();
    let handler = move |_: Arc<Tracked>, _: Delivery| {
        drop(held.lock().unwrap().take());
        done.add("dropped");
        async {}
    };
    bus.consumer("group").handle::<Tracked>(handler).start().await.unwrap();
    bus.publish(Tracked::new(0, &gauge)).await.unwrap();
    drop(bus);
    yield_a_lot().await;
    assert_eq!(log.take(), ["dropped"]);
    assert!(weak.upgrade().is_none());
    assert_eq!((gauge.now(), Handle::current().metrics().num_alive_tasks()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_is_kept_does_not_keep_the_bus() {
    let (bus, log) = (Bus::new(), Log::default());
    let kept = log.clone();
    let handler = move |_: Arc<Tracked>, delivery: Delivery| {
        kept.add(delivery);
        async {}
    };
    bus.consumer("group").handle::<Tracked>(handler).start().await.unwrap();
    let gauge = Gauge::default();
    bus.publish(Tracked::new(0, &gauge)).await.unwrap();
    yield_a_lot().await;
    drop(bus);
    yield_a_lot().await;
    let kept = log.take();
    assert!(kept[0].bus().is_none() && kept[0].is_cancelled());
    drop(kept);
    assert_eq!(gauge.now(), 0);
}
