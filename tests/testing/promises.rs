//! What is promised holds under every seed.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{BoxError, Bus, Event, Retry, testing::explore};
use tokio::task::yield_now;

#[derive(Event)]
struct Tick;

#[derive(Event)]
struct Numbered(u32);

type Numbers = Arc<Mutex<Vec<u32>>>;

const SEEDS: std::ops::Range<u64> = 0..200;

#[test]
fn synchronous_listeners_run_by_priority_and_registration() {
    explore(SEEDS, |_| async {
        let (bus, seen) = (Bus::new(), Numbers::default());
        for (number, priority) in [(3, 0), (1, 10), (4, 0), (2, 5)] {
            let seen = Arc::clone(&seen);
            bus.listener::<Tick>().priority(priority).on(move |_| seen.lock().unwrap().push(number));
        }
        bus.emit(Tick).spawn().await.into_result()?;
        assert_eq!(*seen.lock().unwrap(), [1, 2, 3, 4]);
        Ok::<_, BoxError>(())
    });
}

#[test]
fn awaited_listeners_are_started_by_priority_and_registration() {
    explore(SEEDS, |_| async {
        let (bus, seen) = (Bus::new(), Numbers::default());
        for (number, priority) in [(2, 0), (1, 10), (3, 0)] {
            bus.listener::<Tick>().priority(priority).with(Arc::clone(&seen)).on_async(move |seen, _| async move {
                seen.lock().unwrap().push(number);
                yield_now().await;
            });
        }
        bus.emit(Tick).await.into_result()?;
        assert_eq!(*seen.lock().unwrap(), [1, 2, 3]);
        Ok::<_, BoxError>(())
    });
}

#[test]
fn one_worker_handles_in_the_order_of_publishing() {
    explore(SEEDS, |_| async {
        let (bus, seen) = (Bus::new(), Numbers::default());
        let handled = Arc::clone(&seen);
        let handle = move |e: Arc<Numbered>, _| {
            let handled = Arc::clone(&handled);
            async move {
                if e.0.is_multiple_of(3) {
                    yield_now().await;
                }
                handled.lock().unwrap().push(e.0);
            }
        };
        bus.consumer("one").handle::<Numbered>(handle).workers(1).start().await?;
        for number in 0..20 {
            bus.publish(Numbered(number)).await?;
        }
        bus.drained(Duration::from_secs(5)).await?;
        assert_eq!(*seen.lock().unwrap(), (0..20).collect::<Vec<_>>());
        Ok::<_, BoxError>(())
    });
}

#[test]
fn each_key_keeps_its_order_over_workers_and_retries() {
    explore(SEEDS, |sim| async move {
        let (bus, seen) = (Bus::builder().on_failure(|_| {}).build(), Numbers::default());
        let handled = Arc::clone(&seen);
        let handle = move |e: Arc<Numbered>, delivery: eventbus::Delivery| {
            let (handled, fails) = (Arc::clone(&handled), delivery.attempt() == 1 && sim.one_in(4));
            async move {
                yield_now().await;
                if fails {
                    return Err(BoxError::from("not this time"));
                }
                handled.lock().unwrap().push(e.0);
                Ok(())
            }
        };
        let retry = Retry::exponential(Duration::from_millis(10));
        bus.consumer("four").handle::<Numbered>(handle).workers(4).retry(retry).start().await?;
        for number in 0..12 {
            bus.publish(Numbered(number)).key(if number % 2 == 0 { "even" } else { "odd" }).await?;
        }
        bus.drained(Duration::from_mins(1)).await?;
        let seen = seen.lock().unwrap();
        for rest in 0..2 {
            let of_key: Vec<_> = seen.iter().filter(|number| *number % 2 == rest).copied().collect();
            assert_eq!(of_key, (0..12).filter(|number| number % 2 == rest).collect::<Vec<_>>());
        }
        Ok::<_, BoxError>(())
    });
}

#[test]
fn a_shutdown_hands_back_or_handles_everything() {
    explore(SEEDS, |sim| async move {
        let (bus, seen) = (Bus::new(), Numbers::default());
        let handled = Arc::clone(&seen);
        let handle = move |e: Arc<Numbered>, _| {
            let handled = Arc::clone(&handled);
            async move {
                yield_now().await;
                handled.lock().unwrap().push(e.0);
            }
        };
        bus.consumer("two").handle::<Numbered>(handle).workers(2).start().await?;
        for number in 0..10 {
            bus.publish(Numbered(number)).await?;
        }
        for _ in 0..sim.below(5) {
            sim.pause().await;
        }
        let report = bus.shutdown(Duration::from_secs(5)).await;
        assert!(report.is_clean(), "{report}");
        assert_eq!(seen.lock().unwrap().len(), 10);
        assert!(bus.stats().deliveries().is_balanced());
        Ok::<_, BoxError>(())
    });
}
