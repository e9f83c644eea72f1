//! P7: what is dropped in the midst of an emission, the runtime or the bus, ends it with a typed outcome and no hang.

use std::{
    future::pending,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use eventbus::{Bus, emit::InFlight};
use futures_executor::block_on;
use tokio::{sync::Notify, time::sleep};

use super::support::{HOUR, Log, OnDrop, Ping, flavours, hush, name, outcomes, within};

/// Against hanging: all that could be waited for takes an hour.
const LIMIT: Duration = Duration::from_mins(1);

/// Emitted from outside of the runtime, which goes while the listeners wait.
#[test]
fn a_runtime_dropped_in_the_midst_of_an_emission_awaited_elsewhere_ends_it() {
    hush();
    for (flavour, runtime) in flavours() {
        within(LIMIT, flavour, move || {
            let runtime = runtime();
            let bus = Bus::builder().runtime(runtime.handle().clone()).build();
            let (begins, begun) = tokio::sync::oneshot::channel();
            let begins = Arc::new(Mutex::new(Some(begins)));
            bus.on_async::<Ping>(|_| sleep(HOUR));
            bus.listener::<Ping>().with(begins).spawned().on_async(|begins, _| async move {
                begins.lock().unwrap().take().unwrap().send(()).unwrap();
                pending::<()>().await;
            });
            let emitting = std::thread::spawn(move || {
                let report = block_on(bus.emit(Ping));
                (bus, report)
            });
            runtime.block_on(begun).unwrap();
            drop(runtime);
            let (bus, report) = emitting.join().unwrap();
            // The one lost its timer, the other its task.
            assert_eq!(outcomes(&report), ["Panicked", "Cancelled"], "{flavour}");
            assert_eq!(bus.in_flight(), InFlight::default());
        });
    }
}

#[test]
fn a_runtime_dropped_while_a_blocking_listener_runs_still_delivers_its_outcome() {
    for (flavour, runtime) in flavours() {
        within(LIMIT, flavour, move || {
            let runtime = runtime();
            let bus = Bus::builder().runtime(runtime.handle().clone()).build();
            let (begins, begun) = mpsc::channel();
            let (release, released) = mpsc::channel::<()>();
            let released = Mutex::new(released);
            bus.on_blocking::<Ping>(move |_| {
                begins.send(()).unwrap();
                let _ = released.lock().unwrap().recv();
                Err("after all")
            });
            let emits = bus.clone();
            let emitting = std::thread::spawn(move || block_on(emits.emit(Ping)));
            begun.recv().unwrap();
            runtime.shutdown_background();
            drop(release);
            assert_eq!(outcomes(&emitting.join().unwrap()), ["Failed"]);
            block_on(bus.settled()).unwrap();
        });
    }
}

/// Emitted inside the runtime: the emission is dropped with the task that awaits it, and so are its listeners.
#[test]
fn a_runtime_dropped_with_the_emitting_task_drops_its_listeners() {
    for (flavour, runtime) in flavours() {
        within(LIMIT, flavour, move || {
            let runtime = runtime();
            let bus = Bus::new();
            let begun = Arc::new(Notify::new());
            let log = Log::default();
            bus.listener::<Ping>().with((log.clone(), begun.clone())).on_async(|(log, begun), _| async move {
                let _guard = OnDrop(move || log.add("async"));
                begun.notify_one();
                sleep(HOUR).await;
            });
            bus.listener::<Ping>().with(log.clone()).spawned().on_async(|log, _| async move {
                let _guard = OnDrop(move || log.add("spawned"));
                sleep(HOUR).await;
            });
            let emits = bus.clone();
            runtime.block_on(async {
                let emitting = tokio::spawn(async move { emits.emit(Ping).timeout(HOUR).await });
                begun.notified().await;
                // The spawned one is to have begun too.
                while bus.in_flight().listeners == 0 {
                    tokio::task::yield_now().await;
                }
                drop(emitting);
            });
            drop(runtime);
            assert!(log.take().contains(&"async"), "{flavour}");
            assert_eq!(bus.in_flight(), InFlight::default(), "{flavour}");
            assert!(block_on(bus.settled()).is_ok());
        });
    }
}

#[test]
fn a_runtime_dropped_in_the_midst_of_a_spawned_emission_leaves_a_report() {
    for (flavour, runtime) in flavours() {
        within(LIMIT, flavour, move || {
            let runtime = runtime();
            let bus = Bus::new();
            let begun = Arc::new(Notify::new());
            bus.on::<Ping>(|_| ());
            bus.listener::<Ping>().with(begun.clone()).on_async(|begun, _| async move {
                begun.notify_one();
                sleep(HOUR).await;
            });
            let handle = {
                let _inside = runtime.enter();
                bus.emit(Ping).spawn()
            };
            runtime.block_on(begun.notified());
            drop(runtime);
            let report = block_on(handle);
            assert_eq!(report.succeeded(), 1);
            assert_eq!(outcomes(&report), ["Cancelled"]);
            assert_eq!(bus.in_flight(), InFlight::default());
        });
    }
}

#[test]
fn the_last_handle_dropped_in_the_midst_of_an_emission_changes_nothing_for_it() {
    for (flavour, runtime) in flavours() {
        within(LIMIT, flavour, move || {
            let log = Log::default();
            let dropped = log.clone();
            let guard = Arc::new(OnDrop(move || dropped.add("closure dropped")));
            runtime().block_on(async {
                let bus = Bus::new();
                let go = Arc::new(Notify::new());
                bus.listener::<Ping>().with((log.clone(), go.clone(), guard)).on_async(
                    |(log, go, _guard), _| async move {
                        go.notified().await;
                        log.add("async ended");
                    },
                );
                bus.listener::<Ping>().with(go.clone()).spawned().on_async(|go, _| async move { go.notified().await });
                let handle = bus.emit(Ping).spawn();
                let weak = bus.downgrade();
                drop(bus);
                assert!(weak.upgrade().is_some());
                while weak.upgrade().is_some_and(|bus| bus.in_flight().listeners == 0) {
                    tokio::task::yield_now().await;
                }
                assert!(log.take().is_empty());
                // One permit each; both may wait already, or not yet.
                go.notify_waiters();
                go.notify_one();
                tokio::task::yield_now().await;
                let waits = tokio::spawn(handle);
                while !waits.is_finished() {
                    go.notify_one();
                    tokio::task::yield_now().await;
                }
                assert_eq!(waits.await.unwrap().succeeded(), 2);
                while weak.upgrade().is_some() {
                    tokio::task::yield_now().await;
                }
            });
            assert_eq!(log.take(), ["async ended", "closure dropped"], "{flavour}");
        });
    }
}

/// P6: there is nobody to report to but the hook.
#[test]
fn failures_of_an_emission_dropped_with_its_runtime_reach_the_failure_hook() {
    for (flavour, runtime) in flavours() {
        within(LIMIT, flavour, move || {
            let runtime = runtime();
            let told = Log::default();
            let hook = told.clone();
            let bus = Bus::builder().on_failure(move |failure| hook.add(name(failure.outcome()))).build();
            let begun = Arc::new(Notify::new());
            bus.on::<Ping>(|_| Err("no"));
            bus.listener::<Ping>().with(begun.clone()).on_async(|begun, _| async move {
                begun.notify_one();
                pending::<()>().await;
            });
            runtime.block_on(async {
                let emits = bus.clone();
                tokio::spawn(async move { emits.emit(Ping).await });
                begun.notified().await;
            });
            drop(runtime);
            assert_eq!(told.take(), ["Failed"]);
        });
    }
}
