//! Programs on a bus: the same one over memory and over Redis.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod rig;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use eventbus::{
    Bus, Delivery, Event, Overflow, Retry,
    transport::{Memory, Transport},
    warning::Warning,
};
use eventbus_redis::RedisStreams;
use rig::{LIMIT, Log, RedisServer, builder, open, until};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.placed", serde)]
struct OrderPlaced {
    id: u64,
}

#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "receipt.sent", serde)]
struct ReceiptSent {
    order: u64,
}

#[tokio::test]
async fn a_program_runs_over_memory() {
    shop(Memory::new()).await;
}

#[tokio::test]
async fn the_same_program_runs_over_redis() {
    let server = RedisServer::start();
    shop(open(&server).await).await;
}

/// Orders are billed, and receipts sent for them. Billing fails once for each third order, and always for the order 13, until it
/// is repaired.
async fn shop(transport: impl Transport) {
    let bus = Bus::builder().transport(transport).on_failure(|_| {}).on_dead_letter(|_| {}).build();
    let (billed, sent) = (Log::<u64>::default(), Log::<u64>::default());
    let is_repaired = Arc::new(AtomicBool::new(false));
    let (log, repaired) = (billed.clone(), Arc::clone(&is_repaired));
    let bill = move |order: Arc<OrderPlaced>, delivery: Delivery| {
        let (log, repaired) = (log.clone(), Arc::clone(&repaired));
        async move {
            if order.id == 13 && !repaired.load(Ordering::SeqCst) {
                return Err("the card was refused");
            }
            if order.id.is_multiple_of(3) && delivery.attempt() == 1 {
                return Err("the bank did not answer");
            }
            log.add(order.id);
            delivery.bus().unwrap().publish(ReceiptSent { order: order.id }).await.map_err(|_| "no receipt")
        }
    };
    let retry = Retry::fixed(Duration::from_millis(5)).max_attempts(3);
    bus.consumer("billing").handle::<OrderPlaced>(bill).workers(4).retry(retry).start().await.unwrap();
    let log = sent.clone();
    let mail = move |receipt: Arc<ReceiptSent>, _: Delivery| {
        let log = log.clone();
        async move { log.add(receipt.order) }
    };
    bus.consumer("mail").handle::<ReceiptSent>(mail).start().await.unwrap();

    for id in 0..20 {
        bus.publish(OrderPlaced { id }).await.unwrap();
    }
    let later = Duration::from_millis(200);
    let published = Instant::now();
    bus.publish(OrderPlaced { id: 20 }).after(later).await.unwrap();
    bus.drained(LIMIT).await.unwrap();
    assert!(published.elapsed() >= later, "a drain waits for what is delayed");
    let sorted = |log: &Log<u64>| {
        let mut all = log.all();
        all.sort_unstable();
        all
    };
    let all_but_one: Vec<_> = (0..=20).filter(|id| *id != 13).collect();
    assert_eq!(sorted(&billed), all_but_one);
    assert_eq!(sorted(&sent), all_but_one);

    let letters = bus.dead_letters().list().await.unwrap();
    let told: Vec<_> =
        letters.iter().map(|letter| (&*letter.group, letter.attempts, letter.error.to_string())).collect();
    assert_eq!(told, [("billing", 3, "the card was refused".to_owned())]);
    is_repaired.store(true, Ordering::SeqCst);
    bus.dead_letters().replay(&letters[0].id).await.unwrap();
    bus.drained(LIMIT).await.unwrap();
    assert_eq!(sorted(&sent), (0..=20).collect::<Vec<_>>());
    assert!(bus.dead_letters().list().await.unwrap().is_empty());

    let report = bus.shutdown(LIMIT).await;
    assert!(report.is_clean(), "{report}");
    let deliveries = report.stats().deliveries();
    assert!(deliveries.is_balanced(), "{deliveries:?}");
    assert_eq!(report.stats().transport_errors, 0);
}

fn redis_bus(transport: RedisStreams) -> Bus {
    Bus::builder().transport(transport).on_failure(|_| {}).on_dead_letter(|_| {}).build()
}

fn note(log: &Log<u64>) -> impl Fn(Arc<OrderPlaced>, Delivery) -> std::future::Ready<()> + Send + Sync + 'static {
    let log = log.clone();
    move |order, _| {
        log.add(order.id);
        std::future::ready(())
    }
}

#[tokio::test]
async fn a_drain_waits_for_what_the_server_has_handed_out_and_the_bus_has_not_seen() {
    let server = RedisServer::start();
    let (bus, log) = (redis_bus(open(&server).await), Log::default());
    bus.consumer("group").handle::<OrderPlaced>(note(&log)).start().await.unwrap();
    for id in 0..200 {
        bus.publish(OrderPlaced { id }).await.unwrap();
        bus.drained(LIMIT).await.unwrap();
        assert_eq!(log.all().len() as u64, id + 1);
    }
    assert!(bus.shutdown(LIMIT).await.is_clean());
}

#[tokio::test]
async fn a_consumer_that_stops_hands_its_deliveries_to_another_process_at_once() {
    let server = RedisServer::start();
    let lease = LIMIT * 4;
    let first = redis_bus(builder(&server).lease(lease).connect().await.unwrap());
    let second = redis_bus(builder(&server).lease(lease).connect().await.unwrap());
    let (started, log) = (Log::default(), Log::default());
    let begun = started.clone();
    let stuck = move |order: Arc<OrderPlaced>, delivery: Delivery| {
        begun.add(order.id);
        async move {
            delivery.cancelled().await;
            Err::<(), _>("interrupted")
        }
    };
    let consumer = first.consumer("group").handle::<OrderPlaced>(stuck).workers(3).start().await.unwrap();
    for id in 0..3 {
        first.publish(OrderPlaced { id }).await.unwrap();
    }
    until("all have begun", || async { started.all().len() == 3 }).await;
    second.consumer("group").handle::<OrderPlaced>(note(&log)).start().await.unwrap();
    consumer.stop(Duration::ZERO).await;
    // Long before the lease is over.
    until("the other one has them", || async { log.all().len() == 3 }).await;
    assert!(first.shutdown(LIMIT).await.stats().deliveries().is_balanced());
    assert!(second.shutdown(LIMIT).await.is_clean());
}

#[tokio::test]
async fn a_handler_that_takes_longer_than_a_lease_runs_once() {
    let server = RedisServer::start();
    let (first, second) = (redis_bus(open(&server).await), redis_bus(open(&server).await));
    let log = Log::default();
    for bus in [&first, &second] {
        let log = log.clone();
        let slow = move |order: Arc<OrderPlaced>, _: Delivery| {
            log.add(order.id);
            tokio::time::sleep(rig::LEASE * 3)
        };
        bus.consumer("group").handle::<OrderPlaced>(slow).workers(2).start().await.unwrap();
    }
    for id in 0..2 {
        first.publish(OrderPlaced { id }).await.unwrap();
    }
    first.drained(LIMIT).await.unwrap();
    second.drained(LIMIT).await.unwrap();
    let mut all = log.all();
    all.sort_unstable();
    assert_eq!(all, [0, 1]);
    assert!(first.shutdown(LIMIT).await.is_clean() && second.shutdown(LIMIT).await.is_clean());
}

#[tokio::test]
async fn what_is_no_event_becomes_a_dead_letter_and_holds_up_nothing() {
    let server = RedisServer::start();
    let (bus, log) = (redis_bus(open(&server).await), Log::default());
    server.cli(&["XADD", "events", "*", "rubbish", "yes"]);
    server.cli(&["XADD", "events", "*", "type", "order.placed", "data", "{\"id\":\"seven\"}"]);
    server.cli(&["XADD", "events", "*", "type", "order.placed", "data", "{\"id\":7}"]);
    let start = eventbus::transport::Start::Oldest;
    bus.consumer("group").handle::<OrderPlaced>(note(&log)).start_at(start).start().await.unwrap();
    bus.drained(LIMIT).await.unwrap();
    assert_eq!(log.all(), [7]);
    let letters = bus.dead_letters().list().await.unwrap();
    assert_eq!(letters.len(), 2, "{letters:?}");
    assert!(bus.shutdown(LIMIT).await.is_clean());
}

#[tokio::test]
async fn what_redis_cannot_do_is_refused_where_it_is_wired() {
    let server = RedisServer::start();
    let bus = redis_bus(open(&server).await);
    let builder = || bus.consumer("group").handle::<OrderPlaced>(|_, _| async {});
    let refused = [
        builder().key::<OrderPlaced>(|order| order.id).start().await,
        builder().capacity(10).start().await,
        builder().overflow(Overflow::DropOldest).start().await,
    ];
    for result in refused {
        assert!(result.is_err());
    }
    let keyed = builder().key::<OrderPlaced>(|order| order.id).order_within_process().start().await;
    assert!(keyed.is_ok(), "{keyed:?}");
    assert!(bus.shutdown(LIMIT).await.is_clean());
}

/// As a program does that prints what it has counted after its runtime has ended. The server is not asked then.
#[test]
fn statistics_are_read_outside_of_a_runtime_without_an_error() {
    let server = RedisServer::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (errors, log) = (Log::<String>::default(), Log::default());
    let bus = runtime.block_on(async {
        let told = errors.clone();
        let builder = Bus::builder().transport(open(&server).await);
        let bus = builder.on_transport_error(move |error| told.add(error.to_string())).build();
        bus.consumer("group").handle::<OrderPlaced>(note(&log)).start().await.unwrap();
        bus.publish(OrderPlaced { id: 7 }).await.unwrap();
        bus.drained(LIMIT).await.unwrap();
        bus
    });
    let stats = bus.stats();
    assert_eq!((stats.published.accepted, stats.deliveries().handled), (1, 1));
    assert_eq!((stats.transport_errors, errors.all()), (0, Vec::new()));
    assert!(runtime.block_on(bus.shutdown(LIMIT)).is_clean());
}

#[tokio::test]
async fn a_queue_that_grows_old_is_told_over_redis_too() {
    const LIMIT_OF_AGE: Duration = Duration::from_millis(50);
    let server = RedisServer::start();
    let told = Log::default();
    let log = told.clone();
    let tell = move |warning: &Warning| {
        if let Warning::OldQueue { group, oldest_age, .. } = warning {
            log.add((group.to_string(), *oldest_age > LIMIT_OF_AGE));
        }
    };
    let bus = Bus::builder().transport(open(&server).await).on_warning(tell).warn_old_queues(LIMIT_OF_AGE).build();
    let begun = Log::default();
    let log = begun.clone();
    let handler = move |order: Arc<OrderPlaced>, _: Delivery| {
        log.add(order.id);
        std::future::pending::<()>()
    };
    bus.consumer("stuck").handle(handler).start().await.unwrap();
    bus.publish(OrderPlaced { id: 0 }).await.unwrap();
    until("the handler is busy", || async { begun.all() == [0] }).await;
    for result in bus.publish_all((1..1000).map(|id| OrderPlaced { id })).await {
        result.unwrap();
    }
    until("it is told", || async { told.all() == [("stuck".to_owned(), true)] }).await;
}
