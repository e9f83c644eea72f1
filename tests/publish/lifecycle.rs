//! Ends that go wrong on the way: runtimes that go away, waits that are given up, handlers that end themselves.

use std::{
    sync::{Arc, Mutex, OnceLock, mpsc},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use eventbus::{Bus, Consumer, Delivery, consumer::ConsumerError};
use tokio::{
    runtime::Builder,
    time::{Instant, timeout},
};

use crate::support::{
    HOUR, Job, Log, assert_balanced, current_thread, group, multi_thread, poll_once, within, yield_a_lot,
};

const LIMIT: Duration = Duration::from_mins(1);

/// A consumer whose handlers never end.
async fn stuck(bus: &Bus) -> Consumer {
    let consumer = bus.consumer("stuck").handle::<Job>(|_, _| std::future::pending::<()>()).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    yield_a_lot().await;
    consumer
}

/// A consumer that logs, in the group of [`stuck`].
async fn logging(bus: &Bus) -> Log<u64> {
    let log = Log::default();
    let told = log.clone();
    let handler = move |e: Arc<Job>, _| {
        told.add(e.0);
        async {}
    };
    bus.consumer("stuck").handle::<Job>(handler).start().await.unwrap();
    log
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future without any runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

#[test]
fn a_consumer_on_a_runtime_without_timers_is_refused_and_a_shutdown_there_ends() {
    hush_timers();
    let report = within(LIMIT, "a shutdown", || {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let bus = Bus::new();
            let refused = bus.consumer("stuck").handle::<Job>(|_, _| async {}).start().await.unwrap_err();
            assert!(matches!(refused, ConsumerError::NoTimers { .. }), "{refused}");
            assert!(refused.to_string().contains("enable_time"), "{refused}");
            bus.publish(Job(1)).await.unwrap();
            bus.shutdown(HOUR).await
        })
    });
    assert_eq!(report.returned().len(), 1);
    assert_balanced(report.stats());
}

/// tokio tells by panics that there are no timers.
fn hush_timers() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let shown = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload_as_str().is_some_and(|text| text.contains("timers are disabled")) {
                shown(info);
            }
        }));
    });
}

#[test]
fn a_shutdown_whose_consumers_lost_their_runtime_ends_and_hands_back() {
    for with_runtime in [false, true] {
        let report = within(LIMIT, "a shutdown", move || {
            let (bus, runtime) = (Bus::new(), current_thread());
            runtime.block_on(stuck(&bus));
            drop(runtime);
            bus.try_publish(Job(1)).unwrap();
            if with_runtime {
                current_thread().block_on(bus.shutdown(Duration::ZERO))
            } else {
                block_on(bus.shutdown(HOUR))
            }
        });
        let ids: Vec<_> = report.returned().iter().map(|one| one.message.downcast_ref::<Job>().unwrap().0).collect();
        assert_eq!(ids, [0, 1], "what was handled when the runtime went away is not lost");
        assert_eq!(report.stats().deliveries().in_flight, 0, "{report}");
        assert_balanced(report.stats());
    }
}

#[test]
fn all_who_wait_for_a_shutdown_whose_runtime_went_away_get_the_same_report() {
    within(LIMIT, "a shutdown", || {
        let (bus, runtime) = (Bus::new(), current_thread());
        runtime.block_on(stuck(&bus));
        let mut waiting: Vec<_> = (0..8).map(|_| Box::pin(bus.shutdown(Duration::ZERO))).collect();
        runtime.block_on(async { assert!(waiting.iter_mut().all(|one| poll_once(one).is_pending())) });
        drop(runtime);
        let reports = multi_thread(2).block_on(async move {
            // Side by side: each hears that the first one's runtime has gone.
            let others = waiting.split_off(4);
            let (mut reports, others) = tokio::join!(all(waiting), all(others));
            reports.extend(others);
            reports
        });
        for report in &reports {
            assert!(std::ptr::eq(report.stats(), reports[0].stats()), "it is the same report");
            assert_eq!(report.returned().len(), 1);
        }
    });
}

async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut outputs = Vec::new();
    for future in futures {
        outputs.push(future.await);
    }
    outputs
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_nobody_polls_does_not_hold_up_a_shutdown() {
    let bus = Bus::new();
    let consumer = stuck(&bus).await;
    let mut stop = Box::pin(consumer.stop(HOUR));
    assert!(poll_once(&mut stop).is_pending());
    let began = Instant::now();
    let report = timeout(HOUR / 2, bus.shutdown(Duration::from_millis(300))).await.unwrap();
    assert!(began.elapsed() <= Duration::from_millis(550), "{:?}", began.elapsed());
    assert_eq!(report.returned().len(), 1);
    assert_eq!(stop.await.cancelled.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_was_given_up_goes_on_and_frees_its_group() {
    let bus = Bus::new();
    let consumer = stuck(&bus).await;
    timeout(Duration::from_millis(100), consumer.stop(Duration::from_secs(5))).await.unwrap_err();
    drop(consumer);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(group(&bus, "stuck").waiting, Some(1));
    let log = logging(&bus).await;
    assert!(bus.shutdown(HOUR).await.is_clean());
    assert_eq!(log.take(), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_stops_its_own_consumer_gets_an_interim_report_at_once() {
    let (bus, own, log) = (Bus::new(), Arc::new(OnceLock::<Consumer>::new()), Log::default());
    let (me, told) = (Arc::clone(&own), log.clone());
    let handler = move |_: Arc<Job>, _| {
        let (me, told) = (Arc::clone(&me), told.clone());
        async move {
            let report = me.get().unwrap().stop(HOUR).await;
            told.add((report.is_interim(), report.is_clean()));
        }
    };
    let consumer = bus.consumer("stuck").handle::<Job>(handler).start().await.unwrap();
    own.set(consumer).unwrap();
    bus.publish(Job(0)).await.unwrap();
    yield_a_lot().await;
    assert_eq!(log.take(), [(true, false)]);
    let began = Instant::now();
    let report = own.get().unwrap().stop(HOUR).await;
    assert!(report.is_clean() && !report.is_interim(), "{report:?}");
    assert_eq!(began.elapsed(), Duration::ZERO, "the handler has not waited for itself");
    assert_eq!(group(&bus, "stuck").handled, 1);
    logging(&bus).await;
}

#[test]
fn a_consumer_may_be_stopped_outside_of_a_runtime() {
    within(LIMIT, "a stop", || {
        let (bus, runtime) = (Bus::new(), multi_thread(1));
        let consumer = runtime.block_on(stuck(&bus));
        let report = block_on(consumer.stop(Duration::from_millis(1)));
        assert!(report.still_running.is_empty(), "{report:?}");
        assert_eq!(group(&bus, "stuck").waiting, Some(1));
    });
}

#[test]
fn a_shutdown_ends_in_time_though_its_consumers_runtime_is_not_driven() {
    let (bus, idle) = (Bus::new(), current_thread());
    idle.block_on(stuck(&bus));
    bus.try_publish(Job(1)).unwrap();
    let ending = bus.clone();
    let report =
        within(LIMIT, "a shutdown", move || current_thread().block_on(ending.shutdown(Duration::from_millis(50))));
    assert_eq!((report.still_running().count(), report.returned().len()), (1, 1));
    assert!(!report.is_clean(), "{report}");
    drop(idle);
    assert_balanced(&bus.stats());
}

#[test]
fn a_consumer_whose_runtime_went_away_may_be_stopped() {
    within(LIMIT, "a stop", || {
        let (bus, runtime) = (Bus::new(), current_thread());
        let consumer = runtime.block_on(stuck(&bus));
        drop(runtime);
        assert_eq!(block_on(consumer.stop(HOUR)).returned, 1);
        assert_eq!(group(&bus, "stuck").waiting, Some(1));
        current_thread().block_on(async {
            let log = logging(&bus).await;
            assert!(bus.shutdown(HOUR).await.is_clean());
            assert_eq!(log.take(), [0]);
        });
    });
}

#[tokio::test(start_paused = true)]
async fn a_second_stop_with_less_time_hurries_the_first() {
    let bus = Bus::new();
    let consumer = stuck(&bus).await;
    let mut first = Box::pin(consumer.stop(HOUR));
    assert!(poll_once(&mut first).is_pending());
    let began = Instant::now();
    let report = timeout(HOUR / 2, consumer.stop(Duration::from_millis(100))).await.unwrap();
    assert!(began.elapsed() <= Duration::from_millis(350), "{:?}", began.elapsed());
    assert_eq!(report.cancelled.len(), 1);
    assert_eq!(first.await.cancelled.len(), 1);
}

#[test]
fn a_shutdown_is_not_clean_while_a_delivery_is_in_flight() {
    let (go, gone) = mpsc::channel::<()>();
    let (at_it, begun) = mpsc::channel();
    let gone = Mutex::new(gone);
    let runtime = multi_thread(2);
    let report = runtime.block_on(async {
        let bus = Bus::new();
        let handler = move |_: Arc<Job>, _| {
            at_it.send(()).unwrap();
            let _ = gone.lock().unwrap().recv();
            async {}
        };
        let consumer = bus.consumer("blocked").handle::<Job>(handler).start().await.unwrap();
        bus.publish(Job(0)).await.unwrap();
        begun.recv().unwrap();
        // Its report tells of the handler; that of the bus, which has no consumer any more, does not.
        assert!(!consumer.stop(Duration::from_millis(10)).await.is_clean());
        bus.shutdown(LIMIT).await
    });
    drop(go);
    assert_eq!(report.stats().deliveries().in_flight, 1);
    assert!(!report.is_clean(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_a_handler_spawned_may_wait_for_the_shutdown() {
    let (bus, log) = (Bus::new(), Log::default());
    let told = log.clone();
    let handler = move |_: Arc<Job>, delivery: Delivery| {
        let (told, bus) = (told.clone(), delivery.bus().unwrap());
        async move {
            let interim = bus.shutdown(HOUR).await;
            told.add((interim.is_interim(), interim.is_clean()));
            tokio::spawn(async move {
                let report = bus.shutdown(HOUR).await;
                told.add((report.is_interim(), report.is_clean()));
            });
        }
    };
    bus.consumer("own").handle::<Job>(handler).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    yield_a_lot().await;
    assert_eq!(log.take(), [(true, false), (false, true)]);
}
