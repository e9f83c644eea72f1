//! Which group gets what: the log of events that no group handles, groups that come later, handlers of each form.

use std::{sync::Arc, time::Duration};

use eventbus::{
    AnyEvent, BoxError, Bus, Delivery, Event, Retry,
    consumer::Handler,
    transport::{BoxFuture, Memory},
};

use crate::support::{HOUR, Job, Log, assert_balanced, group, logging, yield_a_lot};

#[derive(Event, Debug)]
#[event(name = "order.placed")]
struct Placed(u64);

#[derive(Event, Debug)]
#[event(name = "order.paid")]
struct Paid(u64);

#[tokio::test]
async fn a_group_gets_what_waited_for_it_in_order_and_a_later_one_only_what_is_new() {
    let bus = Bus::builder().transport(Memory::new().capacity(500)).on_warning(|_| {}).build();
    for id in 0..502 {
        bus.publish(Job(id)).await.unwrap();
    }
    let unrouted = bus.stats().unrouted;
    assert_eq!((unrouted.waiting, unrouted.dropped), (500, 2), "the log is bounded, and nobody waits for it");
    let (_, first) = logging(&bus, "first").await;
    let (_, second) = logging(&bus, "second").await;
    yield_a_lot().await;
    bus.publish(Job(502)).await.unwrap();
    yield_a_lot().await;
    assert_eq!(first.take(), (2..=502).collect::<Vec<_>>());
    assert_eq!(second.take(), [502]);
    assert_eq!((group(&bus, "first").created, group(&bus, "second").created), (501, 1));
    assert_eq!(bus.stats().unrouted.waiting, 0);
    assert_balanced(&bus.stats());
}

#[tokio::test]
async fn an_event_waits_for_a_group_that_handles_it_and_others_leave_it_alone() {
    let bus = Bus::builder().on_warning(|_| {}).build();
    bus.publish(Placed(1)).await.unwrap();
    let (_, jobs) = logging(&bus, "jobs").await;
    yield_a_lot().await;
    assert_eq!((jobs.take(), bus.stats().unrouted.waiting), (vec![], 1));
    let (log, seen) = (Log::default(), Log::default());
    let told = log.clone();
    let handler = move |e: AnyEvent<'static>, _| {
        told.add(e.downcast_ref::<Placed>().unwrap().0);
        async {}
    };
    bus.consumer("orders").handle_pattern("order.*", handler).start().await.unwrap();
    let told = seen.clone();
    let handler = move |e: AnyEvent<'static>, _| {
        told.add(e.name().to_owned());
        async {}
    };
    bus.consumer("audit").handle_rest(handler).start().await.unwrap();
    bus.publish(Placed(2)).await.unwrap();
    bus.publish(Job(3)).await.unwrap();
    yield_a_lot().await;
    assert_eq!((log.take(), jobs.take()), (vec![1, 2], vec![3]));
    assert_eq!(seen.take(), ["order.placed", "job"]);
    assert_balanced(&bus.stats());
}

#[tokio::test]
async fn a_slow_group_holds_up_nobody_elses_events() {
    let bus = Bus::new();
    let slow = bus.consumer("slow").handle::<Placed>(|_, _| std::future::pending::<()>()).capacity(10);
    slow.start().await.unwrap();
    let (_, jobs) = logging(&bus, "jobs").await;
    for id in 0..10 {
        bus.publish(Placed(id)).await.unwrap();
    }
    yield_a_lot().await;
    while bus.try_publish(Placed(11)).is_ok() {}
    for id in 0..40 {
        bus.publish(Job(id)).await.unwrap();
    }
    yield_a_lot().await;
    assert_eq!(jobs.take(), (0..40).collect::<Vec<_>>());
    assert_eq!(group(&bus, "jobs").created, 40);
    assert_balanced(&bus.stats());
}

#[tokio::test]
async fn a_group_that_nobody_reads_keeps_its_events_for_its_next_consumer() {
    let bus = Bus::new();
    let (consumer, log) = logging(&bus, "group").await;
    bus.publish(Job(0)).await.unwrap();
    yield_a_lot().await;
    consumer.stop(HOUR).await;
    for id in 1..4 {
        bus.publish(Job(id)).await.unwrap();
    }
    yield_a_lot().await;
    assert_eq!((log.take(), group(&bus, "group").waiting), (vec![0], Some(3)));
    let (_, log) = logging(&bus, "group").await;
    yield_a_lot().await;
    assert_eq!(log.take(), [1, 2, 3]);
    assert_balanced(&bus.stats());
}

#[tokio::test]
async fn a_handler_by_name_gets_the_event_itself() {
    let (bus, log) = (Bus::new(), Log::default());
    let seen = log.clone();
    let handler = move |e: AnyEvent<'static>, delivery: Delivery| {
        assert_eq!(e.name(), delivery.message().name());
        let id = e.downcast_ref::<Placed>().map(|e| e.0).or_else(|| e.downcast_ref::<Paid>().map(|e| e.0));
        seen.add((e.name().to_owned(), id));
        async {}
    };
    bus.consumer("orders").handle_pattern("order.*", handler).start().await.unwrap();
    bus.publish(Placed(1)).await.unwrap();
    bus.publish(Arc::new(Paid(2))).await.unwrap();
    bus.publish(Job(3)).await.unwrap();
    yield_a_lot().await;
    assert_eq!(log.take(), [("order.placed".to_owned(), Some(1)), ("order.paid".to_owned(), Some(2))]);
    assert_eq!((group(&bus, "orders").created, bus.stats().unrouted.waiting), (2, 1));
    assert_balanced(&bus.stats());
}

struct Mailer {
    from: &'static str,
    sent: Log<String>,
}

impl Handler<Placed> for Mailer {
    fn handle(&self, event: Arc<Placed>, delivery: Delivery) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.sent.add(format!("{} {} {}", self.from, event.0, delivery.attempt()));
            if delivery.attempt() == 1 { Err("once more".into()) } else { Ok(()) }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_be_a_value_chosen_at_run_time() {
    let (bus, sent) = (Bus::new(), Log::default());
    let chosen: Arc<dyn Handler<Placed>> = Arc::new(Mailer { from: "shop", sent: sent.clone() });
    let retry = Retry::fixed(Duration::from_secs(1));
    bus.consumer("mail").handle_with(Arc::clone(&chosen)).retry(retry).start().await.unwrap();
    bus.publish(Placed(7)).await.unwrap();
    assert!(bus.shutdown(HOUR).await.is_clean());
    assert_eq!(sent.take(), ["shop 7 1", "shop 7 2"]);
    drop(bus);
    yield_a_lot().await;
    assert_eq!(Arc::strong_count(&chosen), 1, "the consumer has let it go");
}

#[tokio::test(start_paused = true)]
async fn to_listeners_is_well_when_all_listeners_are_and_fails_with_any() {
    let (bus, log) = (Bus::new(), Log::default());
    let (first, second) = (log.clone(), log.clone());
    bus.on::<Placed>(move |e| first.add(("steady", e.0)));
    let fails_once = std::sync::atomic::AtomicBool::new(true);
    bus.listener::<Placed>().named("shaky").on(move |e| {
        second.add(("shaky", e.0));
        if e.0 == 2 && fails_once.swap(false, std::sync::atomic::Ordering::SeqCst) { Err("shaken") } else { Ok(()) }
    });
    bus.consumer("own").to_listeners::<Placed>().retry(Retry::fixed(Duration::ZERO)).start().await.unwrap();
    for id in 1..=2 {
        bus.publish(Placed(id)).await.unwrap();
    }
    assert!(bus.shutdown(HOUR).await.is_clean());
    let expected = [("steady", 1), ("shaky", 1), ("steady", 2), ("shaky", 2), ("steady", 2), ("shaky", 2)];
    assert_eq!(log.take(), expected, "all are called again");
    assert_eq!((group(&bus, "own").handled, group(&bus, "own").retried), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_dead_letter_of_to_listeners_says_which_listener_failed() {
    let bus = Bus::new();
    bus.listener::<Placed>().named("shaky").on(|_| Err::<(), _>("shaken"));
    bus.consumer("own").to_listeners::<Placed>().retry(Retry::never()).start().await.unwrap();
    bus.publish(Placed(1)).await.unwrap();
    assert!(bus.shutdown(HOUR).await.is_clean());
    let error = bus.dead_letters().list().await.unwrap()[0].error.to_string();
    assert!(error.contains("shaky") && error.contains("shaken") && !error.contains('\n'), "{error}");
}

#[tokio::test(start_paused = true)]
async fn to_listeners_without_a_listener_is_well() {
    let bus = Bus::new();
    bus.consumer("own").to_listeners::<Placed>().start().await.unwrap();
    bus.publish(Placed(1)).await.unwrap();
    assert!(bus.shutdown(HOUR).await.is_clean());
    assert_eq!(group(&bus, "own").handled, 1);
}
