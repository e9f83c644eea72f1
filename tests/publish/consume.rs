//! Consumers: who gets what, once.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{Bus, Event, Retry};

#[derive(Event)]
struct OrderPlaced {
    id: u64,
}

#[tokio::test]
async fn each_group_gets_every_event_once() {
    let bus = Bus::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    for group in ["mail", "stock"] {
        let seen = Arc::clone(&seen);
        bus.consumer(group)
            .handle::<OrderPlaced>(move |e, delivery| {
                seen.lock().unwrap().push((delivery.group().to_owned(), e.id));
                async {}
            })
            .start()
            .await
            .unwrap();
    }
    for id in 0..3 {
        bus.publish(OrderPlaced { id }).await.unwrap();
    }
    let report = bus.shutdown(Duration::from_secs(5)).await;
    assert!(report.is_clean(), "{report}");
    let mut seen = seen.lock().unwrap().clone();
    seen.sort();
    let expected: Vec<_> =
        ["mail", "stock"].iter().flat_map(|group| (0..3).map(|id| ((*group).to_owned(), id))).collect();
    assert_eq!(seen, expected);
    assert!(report.stats().deliveries().is_balanced());
}

#[tokio::test(start_paused = true)]
async fn a_failing_handler_is_tried_again_and_then_a_dead_letter() {
    let bus = Bus::new();
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&attempts);
    bus.consumer("mail")
        .handle::<OrderPlaced>(move |_, delivery| {
            log.lock().unwrap().push(delivery.attempt());
            async { Err("no server") }
        })
        .retry(Retry::exponential(Duration::from_millis(100)).max_attempts(3))
        .start()
        .await
        .unwrap();
    bus.publish(OrderPlaced { id: 1 }).await.unwrap();
    let report = bus.shutdown(Duration::from_mins(1)).await;
    assert_eq!(*attempts.lock().unwrap(), [1, 2, 3]);
    assert_eq!(report.stats().deliveries().dead_lettered, 1);
    assert_eq!(bus.dead_letters().list().await.unwrap()[0].error.to_string(), "no server");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_just_being_read_is_drained() {
    let bus = Bus::new();
    let (reading, read) = std::sync::mpsc::sync_channel(1);
    let (go_on, may_go_on) = std::sync::mpsc::sync_channel::<()>(1);
    let may_go_on = Mutex::new(may_go_on);
    let keys = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&keys);
    bus.consumer("mail")
        .handle::<OrderPlaced>(|_, _| async {})
        .key::<OrderPlaced>(move |e: &OrderPlaced| {
            // Between the transport and the consumer.
            reading.send(()).unwrap();
            may_go_on.lock().unwrap().recv().unwrap();
            // Not reached after a panic, which the consumer contains.
            told.lock().unwrap().push(e.id);
            e.id
        })
        .start()
        .await
        .unwrap();
    bus.publish(OrderPlaced { id: 1 }).await.unwrap();
    tokio::task::spawn_blocking(move || read.recv()).await.unwrap().unwrap();
    let mut shutdown = Box::pin(bus.shutdown(Duration::from_secs(30)));
    assert!(futures_util::poll!(&mut shutdown).is_pending());
    // The shutdown's own task has begun to drain, or will: in both orders it waits.
    tokio::task::yield_now().await;
    go_on.send(()).unwrap();
    let report = shutdown.await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.stats().deliveries().handled, 1);
    assert_eq!(*keys.lock().unwrap(), [1]);
}

#[tokio::test]
async fn what_is_published_again_with_its_id_is_known_by_it() {
    let bus = Bus::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let handler = move |e: Arc<OrderPlaced>, delivery: eventbus::Delivery| {
        log.lock().unwrap().push((delivery.id(), e.id));
        async {}
    };
    bus.consumer("mail").handle::<OrderPlaced>(handler).start().await.unwrap();
    let id = eventbus::transport::MessageId::new();
    for _ in 0..2 {
        bus.publish(OrderPlaced { id: 7 }).id(id).await.unwrap();
    }
    assert!(bus.shutdown(Duration::from_secs(5)).await.is_clean());
    assert_eq!(*seen.lock().unwrap(), [(id, 7), (id, 7)]);
}
