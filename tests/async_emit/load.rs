//! Under load, in real time. Outcomes are asserted; times are printed (`--nocapture`), since they say as much about the
//! machine as about the bus.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use eventbus::Bus;
use futures_util::future::join_all;

use super::support::{HOUR, Ping, finishes, multi_thread, outcomes};

/// Keeps blocking listeners until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn wait(&self) {
        let (open, opened) = &*self.0;
        drop(opened.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

#[test]
fn a_timeout_is_kept_against_async_and_blocking_listeners() {
    const ROUNDS: usize = 50;
    finishes("fifty timeouts of 100 ms", || {
        multi_thread(2).block_on(async {
            let bus = Bus::new();
            let gate = Gate::default();
            for _ in 0..3 {
                bus.on_async::<Ping>(|_| tokio::time::sleep(Duration::from_secs(10)));
            }
            bus.listener::<Ping>().with(gate.clone()).on_blocking(|gate, _| gate.wait());
            let mut times = Vec::new();
            for round in 1..=ROUNDS {
                let begun = Instant::now();
                let report = bus.emit(Ping).timeout(Duration::from_millis(100)).await;
                times.push(begun.elapsed());
                assert_eq!(outcomes(&report), ["TimedOut", "TimedOut", "TimedOut", "StillRunning"]);
                assert_eq!(bus.in_flight().blocking, round);
            }
            gate.open();
            bus.settled().await.unwrap();
            times.sort_unstable();
            println!(
                "timeout of 100 ms: median {:?}, p99 {:?}, max {:?}",
                times[ROUNDS / 2],
                times[ROUNDS * 99 / 100],
                times[ROUNDS - 1]
            );
            assert!(times[0] >= Duration::from_millis(100));
        });
    });
}

#[test]
fn blocking_listeners_do_not_hold_up_the_tasks_of_the_runtime() {
    finishes("eight blocking listeners of 500 ms", || {
        multi_thread(2).block_on(async {
            let bus = Bus::new();
            for _ in 0..8 {
                bus.on_blocking::<Ping>(|_| std::thread::sleep(Duration::from_millis(500)));
            }
            let over = Arc::new(AtomicBool::new(false));
            let stop = over.clone();
            let heartbeat = tokio::spawn(async move {
                let (mut beats, mut longest, mut last) = (0, Duration::ZERO, Instant::now());
                while !stop.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    longest = longest.max(last.elapsed());
                    last = Instant::now();
                    beats += 1;
                }
                (beats, longest)
            });
            let begun = Instant::now();
            let report = bus.emit(Ping).await;
            let taken = begun.elapsed();
            over.store(true, Ordering::Relaxed);
            let (beats, longest) = heartbeat.await.unwrap();
            assert_eq!(report.succeeded(), 8);
            println!("8 blocking listeners of 500 ms: {taken:?}; {beats} heartbeats, longest gap {longest:?}");
            // Had they run on the two workers, there would have been none but by chance.
            assert!(beats > 10, "{beats} heartbeats in {taken:?}");
        });
    });
}

/// Emissions of many tasks on few threads, with listeners of every kind: all are counted.
#[test]
fn emissions_of_many_tasks_add_up() {
    finishes("many tasks", || {
        multi_thread(4).block_on(async {
            let bus = Bus::builder().max_spawned(usize::MAX).build();
            let counts = Arc::new([const { std::sync::atomic::AtomicUsize::new(0) }; 4]);
            let listener = || bus.listener::<Ping>().with(counts.clone());
            listener().on(|counts, _| _ = counts[0].fetch_add(1, Ordering::Relaxed));
            listener().on_async(|counts, _| async move {
                tokio::task::yield_now().await;
                counts[1].fetch_add(1, Ordering::Relaxed);
            });
            listener().spawned().on_async(|counts, _| async move { _ = counts[2].fetch_add(1, Ordering::Relaxed) });
            listener().on_blocking(|counts, _| _ = counts[3].fetch_add(1, Ordering::Relaxed));
            let tasks = (0..20).map(|task| {
                let bus = bus.clone();
                tokio::spawn(async move {
                    for _ in 0..50 {
                        let report = if task % 2 == 0 {
                            bus.emit(Ping).timeout(HOUR).await
                        } else {
                            bus.emit(Ping).spawn().await
                        };
                        assert_eq!(report.succeeded(), 4);
                    }
                })
            });
            assert!(join_all(tasks).await.into_iter().all(|task| task.is_ok()));
            assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1000));
            bus.settled().await.unwrap();
        });
    });
}
