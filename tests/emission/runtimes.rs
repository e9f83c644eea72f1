//! P7: with whatever runtime there is, or none, an emission ends with a typed outcome.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{Bus, Report};
use futures_executor::block_on;
use tokio::{runtime::Builder, time::sleep};

use super::support::{HOUR, Ping, Pong, current_thread, finishes, flavours, hush, multi_thread, outcomes, poll_once};

/// A bus with a listener of each kind, none of which needs the timer.
fn one_of_each() -> Bus {
    with_one_of_each(Bus::new())
}

fn with_one_of_each(bus: Bus) -> Bus {
    bus.on::<Ping>(|_| ());
    bus.on_async::<Ping>(|_| tokio::task::yield_now());
    bus.listener::<Ping>().spawned().on_async(|_| tokio::task::yield_now());
    bus.on_blocking::<Ping>(|_| ());
    bus
}

#[test]
fn without_a_runtime_only_what_needs_one_is_refused() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| ());
    bus.on_async::<Ping>(|_| async {});
    bus.listener::<Ping>().spawned().on_async(|_| async {});
    bus.on_blocking::<Ping>(|_| ());
    bus.listener::<Ping>().timeout(HOUR).on_async(|_| async {});
    let report = block_on(bus.emit(Ping));
    assert_eq!(report.succeeded(), 2);
    assert_eq!(outcomes(&report), ["NoRuntime"; 3]);
    assert!(report.to_string().contains("needs a tokio runtime"), "{report}");

    // A thread can do more: it is where blocking listeners may run, and it keeps the time itself.
    let report = bus.emit(Ping).blocking();
    assert_eq!(report.succeeded(), 4);
    assert_eq!(outcomes(&report), ["NoRuntime"]);
}

#[test]
fn without_a_runtime_a_limit_of_time_is_refused_where_it_would_need_a_timer() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| ());
    assert!(block_on(bus.emit(Ping).timeout(HOUR)).is_ok());
    bus.on_async::<Ping>(|_| async {});
    let report = block_on(bus.emit(Ping).timeout(HOUR));
    assert_eq!(report.succeeded(), 1);
    assert_eq!(outcomes(&report), ["NoRuntime"]);
}

#[test]
fn without_a_runtime_a_spawned_emission_says_so() {
    let bus = one_of_each();
    let handle = bus.emit(Ping).spawn();
    assert!(handle.is_finished());
    assert_eq!(outcomes(&block_on(handle)), ["NoRuntime"; 4]);
    assert_eq!(bus.in_flight(), eventbus::emit::InFlight::default());
}

#[test]
fn the_runtime_of_the_bus_serves_code_that_is_in_none() {
    for (flavour, runtime) in flavours() {
        finishes(flavour, move || {
            let runtime = runtime();
            let bus = with_one_of_each(Bus::builder().runtime(runtime.handle().clone()).build());
            let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
            let driver = std::thread::spawn(move || runtime.block_on(stopped));
            for report in [
                block_on(bus.emit(Ping)),
                block_on(bus.emit(Ping).timeout(HOUR)),
                bus.emit(Ping).blocking(),
                bus.emit(Ping).timeout(HOUR).blocking(),
                block_on(bus.emit(Ping).spawn()),
            ] {
                assert_eq!(report.succeeded(), 4, "{report}");
            }
            stop.send(()).unwrap();
            driver.join().unwrap().unwrap();
        });
    }
}

/// A listener may ask for the timer at its first poll, and at any later one.
#[test]
fn listeners_find_the_runtime_of_the_bus_at_every_poll() {
    finishes("timers on another executor", || {
        let runtime = multi_thread(1);
        let bus = Bus::builder().runtime(runtime.handle().clone()).build();
        bus.on_async::<Ping>(|_| async {
            sleep(Duration::from_millis(1)).await;
            sleep(Duration::from_millis(1)).await;
            tokio::spawn(async {}).await?;
            eventbus::Ok(())
        });
        for report in [block_on(bus.emit(Ping)), bus.emit(Ping).blocking(), block_on(bus.emit(Ping).timeout(HOUR))] {
            assert!(report.is_ok(), "{report}");
        }
    });
}

#[test]
fn a_thread_outside_of_any_runtime_may_wait_for_async_listeners() {
    let bus = Bus::new();
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let gone = Mutex::new(Some(gone));
    bus.on_async::<Ping>(move |_| {
        let gone = gone.lock().unwrap().take().unwrap();
        async move { gone.await.map_err(|_| "not sent") }
    });
    let sender = std::thread::spawn(move || go.send(()).unwrap());
    assert!(finishes("blocking on a plain thread", move || bus.emit(Ping).blocking()).is_ok());
    sender.join().unwrap();
}

#[test]
fn blocking_in_a_task_of_a_current_thread_runtime_refuses_listeners_that_wait_without_a_panic_message() {
    let panics = panics_of_threads();
    let reports: [Report; 2] = finishes("a current-thread runtime", move || {
        let bus = one_of_each();
        let reports = current_thread().block_on(async move {
            let spawned = bus.clone();
            let in_a_task = tokio::spawn(async move { spawned.emit(Ping).blocking() }).await.unwrap();
            [bus.emit(Ping).timeout(HOUR).blocking(), in_a_task]
        });
        assert!(!panics.lock().unwrap().contains(&std::thread::current().id()), "the panic hook was called");
        reports
    });
    for report in reports {
        assert_eq!(report.succeeded(), 1);
        assert_eq!(outcomes(&report), ["InsideAsyncTask"; 3]);
        assert!(report.to_string().contains("await the emission instead"), "{report}");
    }
}

/// Even a task that tokio's budget does not tell from other code.
#[test]
fn blocking_in_an_unconstrained_task_is_refused_too() {
    hush();
    let report = finishes("an unconstrained task", || {
        let bus = one_of_each();
        let blocked = async move { bus.emit(Ping).blocking() };
        current_thread().block_on(tokio::task::unconstrained(blocked))
    });
    assert_eq!(outcomes(&report), ["InsideAsyncTask"; 3]);
}

/// The budget of the task is left as it was.
#[test]
fn a_refused_blocking_emission_costs_its_task_no_budget() {
    let bus = one_of_each();
    current_thread().block_on(async move {
        for _ in 0..10 {
            assert_eq!(bus.emit(Ping).blocking().succeeded(), 1);
        }
        let (sender, mut receiver) = tokio::sync::mpsc::channel(100);
        for number in 0..100 {
            sender.try_send(number).unwrap();
        }
        // Each takes one of the 128 steps of the budget; without steps, the first would be pending.
        for number in 0..100 {
            let polled = poll_once(&mut Box::pin(receiver.recv()));
            assert_eq!(polled, std::task::Poll::Ready(Some(number)));
        }
    });
}

#[test]
fn blocking_in_a_task_of_a_multi_thread_runtime_waits_for_all_listeners() {
    for workers in [1, 2] {
        let reports: [Report; 3] = finishes("a multi-thread runtime", move || {
            let bus = one_of_each();
            multi_thread(workers).block_on(async move {
                let (spawned, nested) = (bus.clone(), bus.clone());
                let in_a_task = tokio::spawn(async move { spawned.emit(Ping).blocking() }).await.unwrap();
                let in_a_listener = tokio::spawn(async move {
                    nested.on_async::<Pong>({
                        let nested = nested.downgrade();
                        move |_| {
                            let bus = nested.upgrade().unwrap();
                            async move { bus.emit(Ping).blocking().into_result().map(drop) }
                        }
                    });
                    nested.emit(Pong).blocking()
                });
                [bus.emit(Ping).timeout(HOUR).blocking(), in_a_task, in_a_listener.await.unwrap()]
            })
        });
        for report in reports {
            assert!(report.is_ok(), "{workers} workers: {report}");
        }
    }
}

/// The one place of a multi-thread runtime that may not block.
#[test]
fn blocking_in_a_local_set_of_a_multi_thread_runtime_is_refused() {
    hush();
    let report = finishes("a local set", || {
        let bus = Bus::new();
        bus.on_async::<Ping>(|_| tokio::task::yield_now());
        let local = tokio::task::LocalSet::new();
        let blocked = async move { tokio::task::spawn_local(async move { bus.emit(Ping).blocking() }).await.unwrap() };
        multi_thread(1).block_on(local.run_until(blocked))
    });
    assert_eq!(outcomes(&report), ["InsideAsyncTask"]);
}

/// The threads whose panics the hook has seen.
fn panics_of_threads() -> std::sync::Arc<Mutex<Vec<std::thread::ThreadId>>> {
    hush();
    let panics = std::sync::Arc::new(Mutex::new(Vec::new()));
    let (seen, before) = (panics.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |info| {
        seen.lock().unwrap().push(std::thread::current().id());
        before(info);
    }));
    panics
}

#[test]
fn blocking_inside_an_async_task_is_fine_where_nobody_waits() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| ());
    current_thread().block_on(async {
        assert!(bus.emit(Ping).blocking().is_ok());
        assert!(bus.emit(Ping).timeout(HOUR).blocking().is_ok());
    });
}

#[test]
fn blocking_inside_spawn_blocking_waits_for_all_listeners() {
    for (flavour, runtime) in flavours() {
        finishes(flavour, move || {
            let bus = one_of_each();
            bus.on_async::<Ping>(|_| sleep(Duration::from_millis(1)));
            let report = runtime().block_on(async {
                let bus = bus.clone();
                tokio::task::spawn_blocking(move || bus.emit(Ping).blocking()).await.unwrap()
            });
            assert_eq!(report.succeeded(), 5, "{report}");
        });
    }
}

#[test]
fn blocking_inside_block_in_place_waits_for_all_listeners() {
    finishes("block_in_place", || {
        let bus = one_of_each();
        let report = multi_thread(2).block_on(async {
            let bus = bus.clone();
            tokio::spawn(async move { tokio::task::block_in_place(|| bus.emit(Ping).blocking()) }).await.unwrap()
        });
        assert_eq!(report.succeeded(), 4, "{report}");
    });
}

#[test]
fn a_runtime_without_a_timer_serves_what_needs_none() {
    hush();
    for (flavour, mut builder) in
        [("current_thread", Builder::new_current_thread()), ("multi_thread", Builder::new_multi_thread())]
    {
        finishes(flavour, move || {
            let runtime = builder.worker_threads(1).build().unwrap();
            let bus = one_of_each();
            assert_eq!(runtime.block_on(bus.emit(Ping)).succeeded(), 4);
            // The emission cannot keep its time, so nothing that waits is started.
            let report = runtime.block_on(bus.emit(Ping).timeout(HOUR));
            assert_eq!(report.succeeded(), 1);
            assert_eq!(outcomes(&report), ["NoRuntime"; 3]);

            bus.clear();
            bus.listener::<Ping>().timeout(HOUR).on_async(|_| async {});
            bus.listener::<Ping>().timeout(HOUR).on_blocking(|_| ());
            bus.listener::<Ping>().timeout(HOUR).spawned().on_async(|_| async {});
            let report = runtime.block_on(bus.emit(Ping));
            assert_eq!(outcomes(&report), ["NoRuntime"; 3], "{report}");
            assert_eq!(bus.in_flight(), eventbus::emit::InFlight::default());
        });
    }
}

#[test]
fn a_runtime_that_has_shut_down_refuses_with_its_name() {
    for (flavour, runtime) in flavours() {
        finishes(flavour, move || {
            let runtime = runtime();
            let bus = with_one_of_each(Bus::builder().runtime(runtime.handle().clone()).build());
            drop(runtime);
            assert_eq!(outcomes(&block_on(bus.emit(Ping).spawn())), ["RuntimeShutDown"; 4], "{flavour}");
            // Awaited here, without it: only what it would have run is refused.
            let report = block_on(bus.emit(Ping));
            assert_eq!(report.succeeded(), 2, "{flavour}: {report}");
            assert_eq!(outcomes(&report), ["RuntimeShutDown"; 2], "{flavour}");
            let report = bus.emit(Ping).blocking();
            assert_eq!(report.succeeded(), 3, "{flavour}: {report}");
            assert_eq!(outcomes(&report), ["RuntimeShutDown"], "{flavour}");
            assert_eq!(bus.in_flight(), eventbus::emit::InFlight::default());
            assert!(block_on(bus.settled()).is_ok());
        });
    }
}

#[test]
fn a_limit_of_time_on_a_runtime_that_has_shut_down_is_a_typed_outcome() {
    hush();
    for (flavour, runtime) in flavours() {
        finishes(flavour, move || {
            let runtime = runtime();
            let bus = Bus::builder().runtime(runtime.handle().clone()).build();
            let pending = Arc::new(tokio::sync::Notify::new());
            bus.listener::<Ping>().with(pending).on_async(|pending, _| async move { pending.notified().await });
            drop(runtime);
            assert_eq!(block_on(bus.emit(Ping).timeout(HOUR)).failures().len(), 1);
            // A thread keeps the time itself.
            assert_eq!(outcomes(&bus.emit(Ping).timeout(Duration::from_millis(5)).blocking()), ["TimedOut"]);
        });
    }
}
