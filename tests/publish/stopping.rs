//! How one consumer stops, and what becomes of its deliveries.

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use eventbus::{
    Bus, Consumer, Delivery, Retry,
    transport::{Answer, BoxFuture, Capabilities, GroupSpec, GroupState, Memory, Message, Refusal, Source, Transport},
};
use tokio::sync::Semaphore;

use crate::support::{HOUR, Job, Log, assert_balanced, group, multi_thread, poll_once, within, yield_a_lot};

/// A consumer whose handlers wait for a permit.
async fn gated(bus: &Bus, gate: &Arc<Semaphore>) -> Consumer {
    let gate = Arc::clone(gate);
    let handler = move |_: Arc<Job>, _| {
        let gate = Arc::clone(&gate);
        async move { gate.acquire().await.map(drop) }
    };
    bus.consumer("gated").handle::<Job>(handler).workers(2).start().await.unwrap()
}

/// A consumer that logs id and attempt.
async fn logging(bus: &Bus, name: &str, log: &Log<(u64, u32)>) -> Consumer {
    let log = log.clone();
    let handler = move |e: Arc<Job>, delivery: Delivery| {
        log.add((e.0, delivery.attempt()));
        async {}
    };
    bus.consumer(name).handle::<Job>(handler).start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_was_given_up_and_taken_up_again_lets_its_handlers_end() {
    let (bus, gate) = (Bus::new(), Arc::new(Semaphore::new(0)));
    let consumer = gated(&bus, &gate).await;
    bus.publish(Job(0)).await.unwrap();
    yield_a_lot().await;
    {
        let mut given_up = Box::pin(consumer.stop(HOUR));
        assert!(poll_once(&mut given_up).is_pending());
    }
    let again = consumer.clone();
    let again = tokio::spawn(async move { again.stop(HOUR).await });
    yield_a_lot().await;
    assert!(!again.is_finished(), "a handler is still at it");
    gate.add_permits(1);
    let report = again.await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.handled, report.returned), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_shutdown_holds_while_a_stop_has_more_time() {
    let (bus, gate) = (Bus::new(), Arc::new(Semaphore::new(0)));
    let consumer = gated(&bus, &gate).await;
    bus.publish(Job(0)).await.unwrap();
    yield_a_lot().await;
    let stop = tokio::spawn(async move { consumer.stop(HOUR).await });
    yield_a_lot().await;
    let began = tokio::time::Instant::now();
    let report = bus.shutdown(Duration::from_secs(5)).await;
    assert!(began.elapsed() <= Duration::from_millis(5250), "{:?}", began.elapsed());
    assert_eq!(report.returned().len(), 1);
    assert_eq!(stop.await.unwrap().cancelled.len(), 1);
    assert_balanced(report.stats());
}

/// B22, B24: with the attempts that the bus has counted.
#[tokio::test(start_paused = true)]
async fn a_stop_gives_waiting_retries_back_with_their_attempts_kept_and_in_order() {
    let bus = Bus::new();
    let handler = |_: Arc<Job>, _| async { Err("no server") };
    let retry = Retry::fixed(HOUR).max_attempts(9);
    let consumer = bus.consumer("group").handle::<Job>(handler).retry(retry).start().await.unwrap();
    for id in 0..5 {
        bus.publish(Job(id)).await.unwrap();
    }
    yield_a_lot().await;
    let began = tokio::time::Instant::now();
    let report = consumer.stop(Duration::from_secs(5)).await;
    assert_eq!(began.elapsed(), Duration::ZERO, "it does not wait for attempts that are far away");
    assert_eq!((report.handled, report.returned), (0, 5));
    let stats = group(&bus, "group");
    assert_eq!((stats.waiting, stats.in_flight, stats.retried), (Some(5), 5, 5));
    bus.publish(Job(5)).await.unwrap();
    let log = Log::default();
    logging(&bus, "group", &log).await;
    assert!(bus.shutdown(HOUR).await.is_clean());
    assert_eq!(log.take(), [(0, 2), (1, 2), (2, 2), (3, 2), (4, 2), (5, 1)]);
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_stopped_has_not_used_its_attempt() {
    let (bus, gate) = (Bus::new(), Arc::new(Semaphore::new(0)));
    let consumer = gated(&bus, &gate).await;
    for id in 0..3 {
        bus.publish(Job(id)).await.unwrap();
    }
    yield_a_lot().await;
    let report = consumer.stop(Duration::from_secs(5)).await;
    assert_eq!(
        (report.cancelled.len(), report.still_running.len(), report.returned),
        (2, 0, 2),
        "one was never leased"
    );
    let log = Log::default();
    logging(&bus, "gated", &log).await;
    assert!(bus.shutdown(HOUR).await.is_clean());
    assert_eq!(log.take(), [(0, 1), (1, 1), (2, 1)]);
}

/// A bus whose handler holds up its thread, with `others` behind it; and what lets it go, which then waits or does not.
fn blocked(others: u64, then_waits: bool) -> (tokio::runtime::Runtime, Bus, Consumer, mpsc::Sender<()>) {
    let runtime = multi_thread(2);
    let (go, gone) = mpsc::channel::<()>();
    let (at_it, begun) = mpsc::channel();
    let gone = Mutex::new(gone);
    let bus = Bus::new();
    let handler = move |e: Arc<Job>, delivery: Delivery| {
        if e.0 == 0 && !delivery.is_cancelled() {
            at_it.send(()).unwrap();
            assert_ne!(gone.lock().unwrap().recv_timeout(Duration::from_secs(20)), Err(RecvTimeoutError::Timeout));
        }
        async move {
            if then_waits && e.0 == 0 {
                std::future::pending::<()>().await;
            }
        }
    };
    let consumer = runtime.block_on(async {
        // All at once in the log: so that one worker takes several.
        for id in 0..=others {
            bus.publish(Job(id)).await.unwrap();
        }
        bus.consumer("blocked").handle::<Job>(handler).start().await.unwrap()
    });
    begun.recv().unwrap();
    (runtime, bus, consumer, go)
}

#[test]
fn what_a_worker_has_taken_behind_a_handler_that_blocks_is_handed_back() {
    let (runtime, bus, _, go) = blocked(9, false);
    let report = runtime.block_on(bus.shutdown(Duration::from_millis(50)));
    assert_eq!(report.still_running().count(), 1);
    let mut back: Vec<_> = report.returned().iter().map(|one| one.message.downcast_ref::<Job>().unwrap().0).collect();
    back.sort_unstable();
    assert_eq!(back, (1..=9).collect::<Vec<_>>());
    assert_balanced(report.stats());
    assert_eq!(report.stats().deliveries().in_flight, 1, "{report}");
    drop(go);
    within(Duration::from_mins(1), "the handler's end is counted", move || {
        while bus.stats().deliveries().in_flight > 0 {
            std::thread::yield_now();
        }
        assert_balanced(&bus.stats());
        assert_eq!(bus.stats().deliveries().handled, 1);
    });
}

#[test]
fn a_delivery_whose_handler_blocked_beyond_the_stop_comes_back_when_it_is_let_go() {
    let (runtime, bus, consumer, go) = blocked(3, true);
    let report = runtime.block_on(consumer.stop(Duration::from_millis(50)));
    assert_eq!(report.still_running.len(), 1);
    assert_eq!(group(&bus, "blocked").in_flight, 4);
    assert_balanced(&bus.stats());
    let log = Log::default();
    runtime.block_on(logging(&bus, "blocked", &log));
    drop(go);
    within(Duration::from_mins(1), "all are handled", move || {
        while bus.stats().deliveries().handled < 4 {
            std::thread::yield_now();
        }
        assert_balanced(&bus.stats());
    });
    let mut ids: Vec<_> = log.take().into_iter().map(|(id, _)| id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [0, 1, 2, 3]);
    drop(consumer);
}

/// A transport that tells when it is asked for its groups.
struct Watched(Memory, mpsc::Sender<()>);

impl Transport for Watched {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
    fn try_publish(&self, batch: &mut [Option<Message>]) -> Result<(), Refusal> {
        self.0.try_publish(batch)
    }
    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        self.0.publish(batch)
    }
    fn subscribe(&self, group: GroupSpec) -> Answer<'_, Arc<dyn Source>> {
        self.0.subscribe(group)
    }
    fn groups(&self) -> Answer<'_, Vec<GroupState>> {
        // Nobody listens any more once the test is over.
        let _ = self.1.send(());
        self.0.groups()
    }
    fn remove_group<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<Message>> {
        self.0.remove_group(name)
    }
    fn close(&self, deadline: Duration) -> Answer<'_, Vec<(Option<Arc<str>>, Message)>> {
        self.0.close(deadline)
    }
}

#[test]
fn what_the_reader_has_in_hand_is_drained() {
    let runtime = multi_thread(2);
    let read = Log::default();
    let log = read.clone();
    let report = runtime.block_on(async {
        let (looks, looked) = mpsc::channel();
        let bus = Bus::builder().transport(Watched(Memory::new(), looks)).build();
        let (at_it, begun) = tokio::sync::oneshot::channel();
        let at_it = Mutex::new(Some(at_it));
        let looked = Mutex::new(looked);
        let key = move |e: &Job| {
            at_it.lock().unwrap().take().unwrap().send(()).unwrap();
            // The drain has looked, has not been content, and looks again.
            for _ in 0..3 {
                looked.lock().unwrap().recv_timeout(Duration::from_mins(1)).unwrap();
            }
            // Not reached after a panic, which the consumer contains.
            log.add(e.0);
            e.0
        };
        bus.consumer("keyed").handle::<Job>(|_, _| async {}).key::<Job>(key).start().await.unwrap();
        bus.publish(Job(0)).await.unwrap();
        begun.await.unwrap();
        bus.shutdown(HOUR).await
    });
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.stats().deliveries().handled, 1);
    assert_eq!(read.take(), [0]);
}

#[tokio::test(start_paused = true)]
async fn the_report_of_a_stop_counts_from_the_stop_on() {
    let (bus, log) = (Bus::new(), Log::default());
    let consumer = logging(&bus, "group", &log).await;
    for id in 0..3 {
        bus.publish(Job(id)).await.unwrap();
    }
    bus.drained(HOUR).await.unwrap();
    let report = consumer.stop(HOUR).await;
    assert_eq!((log.take().len(), report.handled, report.returned), (3, 0, 0));
}
