//! Under load: many listeners, tasks and threads at once.

use std::{
    sync::{Arc, Condvar, Mutex, atomic::Ordering},
    time::Duration,
};

use eventbus::Bus;
use futures_util::future::join_all;
use tokio::time::{Instant, advance};

use super::support::{HOUR, Ping, finishes, multi_thread, outcomes, poll_once};

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

#[tokio::test(start_paused = true)]
async fn a_timeout_is_kept_against_async_and_blocking_listeners() {
    const ROUNDS: usize = 50;
    let (bus, gate) = (Bus::new(), Gate::default());
    for _ in 0..3 {
        bus.on_async::<Ping>(|_| tokio::time::sleep(Duration::from_secs(10)));
    }
    let (begins, mut begun) = tokio::sync::mpsc::unbounded_channel();
    bus.listener::<Ping>().with((gate.clone(), begins)).on_blocking(|(gate, begins), _| {
        begins.send(()).unwrap();
        gate.wait();
    });
    for round in 1..=ROUNDS {
        let asked = Instant::now();
        let mut emit = bus.emit(Ping).timeout(Duration::from_millis(100));
        assert!(poll_once(&mut emit).is_pending());
        begun.recv().await.unwrap();
        // Time stands still while a blocking listener runs.
        advance(Duration::from_millis(99)).await;
        assert!(poll_once(&mut emit).is_pending());
        advance(Duration::from_millis(1)).await;
        let report = emit.await;
        assert_eq!(asked.elapsed(), Duration::from_millis(100));
        assert_eq!(outcomes(&report), ["TimedOut", "TimedOut", "TimedOut", "StillRunning"]);
        assert_eq!(bus.in_flight().blocking, round);
    }
    gate.open();
    bus.settled().await.unwrap();
}

#[test]
fn blocking_listeners_do_not_hold_up_the_tasks_of_the_runtime() {
    finishes("eight blocking listeners that wait for a task", || {
        multi_thread(2).block_on(async {
            let (bus, gate) = (Bus::new(), Gate::default());
            for _ in 0..8 {
                bus.listener::<Ping>().with(gate.clone()).on_blocking(|gate, _| gate.wait());
            }
            // On the two workers, the eight would leave no thread to it.
            let task = tokio::spawn(async move {
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
                gate.open();
            });
            assert_eq!(bus.emit(Ping).await.succeeded(), 8);
            task.await.unwrap();
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
