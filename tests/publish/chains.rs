//! Handlers that publish: no wait without end, no chain without end.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{
    Bus, Delivery, Event, PublishError, Retry,
    consumer::AttemptError,
    transport::{Memory, MessageId},
};

use crate::support::{Job, Log, assert_balanced, group, multi_thread, scaled, within, yield_a_lot};

#[derive(Event)]
struct Ping(u32);

#[derive(Event)]
struct Pong(u32);

#[test]
fn handlers_that_fill_each_others_queues_do_not_wait_without_end() {
    let (report, dead) = within(Duration::from_mins(1), "A -> B and B -> A", || {
        multi_thread(4).block_on(async {
            let bus = Bus::builder().transport(Memory::new().capacity(1)).max_hops(1000).build();
            let back = |delivery: &Delivery| delivery.bus().unwrap();
            let retry = Retry::fixed(Duration::from_micros(100)).max_attempts(3);
            let serve = move |e: Arc<Ping>, delivery: Delivery| async move { back(&delivery).publish(Pong(e.0)).await };
            let riposte =
                move |e: Arc<Pong>, delivery: Delivery| async move { back(&delivery).publish(Ping(e.0)).await };
            bus.consumer("a").handle::<Ping>(serve).retry(retry.clone()).start().await.unwrap();
            bus.consumer("b").handle::<Pong>(riposte).retry(retry).start().await.unwrap();
            for id in 0..scaled(200, 5_000) {
                bus.publish(Ping(id)).await.unwrap();
                bus.publish(Pong(id)).await.unwrap();
            }
            (bus.shutdown(Duration::from_secs(30)).await, bus.dead_letters().list().await.unwrap())
        })
    });
    assert!(report.is_clean(), "{report}");
    assert_balanced(report.stats());
    assert_eq!(report.stats().deliveries().in_flight, 0);
    // A handler may fail because the other queue is full, and for nothing else.
    for letter in dead {
        assert!(matches!(letter.error, AttemptError::Failed(_)), "{letter}");
    }
}

#[tokio::test]
async fn full_is_an_error_at_once_inside_a_handler_and_its_listeners() {
    let (bus, log) = (Bus::builder().transport(Memory::new().capacity(1)).build(), Log::default());
    let told = log.clone();
    let weak = bus.downgrade();
    bus.on_async::<Ping>(move |_| {
        let (told, bus) = (told.clone(), weak.upgrade().unwrap());
        async move {
            for id in 0..3 {
                if let Err(error) = bus.publish(Job(id)).await {
                    assert!(matches!(error, PublishError::Full(_)), "{error}");
                    told.add(error.into_event().unwrap().0);
                }
            }
            told.add(99);
        }
    });
    let builder = bus.consumer("own").to_listeners::<Ping>().handle::<Job>(|_, _| async {});
    builder.start().await.unwrap();
    bus.publish(Ping(0)).await.unwrap();
    yield_a_lot().await;
    assert_eq!(log.take(), [1, 2, 99]);
    assert_balanced(&bus.stats());
}

type Seen = Arc<Mutex<Vec<(MessageId, Option<MessageId>, MessageId, u32)>>>;

fn note(seen: &Seen, delivery: &Delivery) {
    let message = delivery.message();
    seen.lock().unwrap().push((message.id(), message.causation_id(), message.correlation_id(), message.hops()));
}

/// A consumer that answers each with the other; the errors are logged.
async fn storm(bus: &Bus, seen: &Seen, errors: &Log<String>, own_task: bool) {
    let (noted, failed) = (Arc::clone(seen), errors.clone());
    let serve = move |e: Arc<Ping>, delivery: Delivery| {
        note(&noted, &delivery);
        let failed = failed.clone();
        async move {
            let bus = delivery.bus().unwrap();
            let publish =
                async move { bus.publish(Pong(e.0 + 1)).await.map_err(|error| failed.add(error.to_string())) };
            if own_task { tokio::spawn(publish).await.unwrap().unwrap_or(()) } else { publish.await.unwrap_or(()) }
        }
    };
    let (noted, failed) = (Arc::clone(seen), errors.clone());
    let riposte = move |e: Arc<Pong>, delivery: Delivery| {
        note(&noted, &delivery);
        let failed = failed.clone();
        async move {
            let bus = delivery.bus().unwrap();
            if let Err(error) = bus.try_publish(Ping(e.0 + 1)) {
                failed.add(error.to_string());
            }
        }
    };
    bus.consumer("storm").handle::<Ping>(serve).handle::<Pong>(riposte).start().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_storm_ends_at_the_hop_limit_and_names_its_chain() {
    for own_task in [false, true] {
        let (bus, seen, errors) = (Bus::builder().max_hops(6).build(), Seen::default(), Log::default());
        storm(&bus, &seen, &errors, own_task).await;
        bus.publish(Ping(0)).await.unwrap();
        yield_a_lot().await;
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 6, "a chain of six messages");
        let first = seen[0].0;
        for (at, &(_, causation, correlation, hops)) in seen.iter().enumerate() {
            assert_eq!((correlation, hops as usize), (first, at));
            assert_eq!(causation, at.checked_sub(1).map(|before| seen[before].0));
        }
        let errors = errors.take();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].contains("message 7 of its chain, the limit is 6: "), "{}", errors[0]);
        assert!(errors[0].ends_with("ping -> pong -> ping"), "{}", errors[0]);
        assert_eq!(bus.stats().published.rejected, 1);
        assert_eq!(group(&bus, "storm").handled, 6, "no handler has panicked");
        assert_balanced(&bus.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_hops_is_64_unless_stated_and_at_least_one() {
    for (bus, length) in [(Bus::new(), 64), (Bus::builder().max_hops(0).build(), 1)] {
        let (seen, errors) = (Seen::default(), Log::default());
        storm(&bus, &seen, &errors, false).await;
        bus.publish(Ping(0)).await.unwrap();
        for _ in 0..10 {
            yield_a_lot().await;
        }
        assert_eq!((seen.lock().unwrap().len(), errors.take().len()), (length, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn what_two_buses_publish_to_each_other_ends_too() {
    let (one, other) = (Bus::builder().max_hops(10).build(), Bus::builder().max_hops(10).build());
    for (from, to) in [(&one, &other), (&other, &one)] {
        let to = to.downgrade();
        let handler = move |e: Arc<Ping>, _| {
            let to = to.upgrade().unwrap();
            async move { to.publish(Ping(e.0 + 1)).await }
        };
        from.consumer("there").handle::<Ping>(handler).retry(Retry::never()).start().await.unwrap();
    }
    one.publish(Ping(0)).await.unwrap();
    for _ in 0..10 {
        yield_a_lot().await;
    }
    let handled = group(&one, "there").handled + group(&other, "there").handled;
    let dead = group(&one, "there").dead_lettered + group(&other, "there").dead_lettered;
    assert_eq!((handled, dead), (9, 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_listener_of_a_failed_event_publishes_belongs_to_the_chain() {
    let (bus, seen) = (Bus::new(), Seen::default());
    let weak = bus.downgrade();
    bus.on_async::<eventbus::Failed<Ping>>(move |e| {
        let bus = weak.upgrade().unwrap();
        async move { bus.publish(Pong(e.event.0)).await.map_err(|error| error.to_string()) }
    });
    let noted = Arc::clone(&seen);
    let riposte = move |_: Arc<Pong>, delivery: Delivery| {
        note(&noted, &delivery);
        async {}
    };
    let noted = Arc::clone(&seen);
    let serve = move |_: Arc<Ping>, delivery: Delivery| {
        note(&noted, &delivery);
        async { Err("no") }
    };
    bus.consumer("g").handle::<Ping>(serve).handle::<Pong>(riposte).retry(Retry::never()).start().await.unwrap();
    bus.publish(Ping(0)).await.unwrap();
    yield_a_lot().await;
    let seen = seen.lock().unwrap();
    assert_eq!((seen.len(), seen[1].1, seen[1].2, seen[1].3), (2, Some(seen[0].0), seen[0].0, 1));
}
