//! What a listener's context knows of its emission.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use eventbus::{Bus, Context, Event};
use futures_executor::block_on;
use tokio::{
    runtime::{Builder, Runtime},
    sync::{Notify, mpsc, oneshot, watch},
    time::advance,
};
use tokio_util::sync::CancellationToken;

use super::support::{HOUR, Log, Ping, finishes, multi_thread, outcomes, poll_once};

#[tokio::test]
async fn a_context_names_its_event_and_its_emission() {
    let bus = Bus::new();
    let seen = Log::default();
    bus.listener::<Ping>()
        .with(seen.clone())
        .with_context()
        .on(|seen, _, cx| seen.add((cx.emission(), cx.event_type())));
    let listener = || bus.listener::<Ping>().with(seen.clone()).with_context();
    listener().on_async(|seen, _, cx| async move { seen.add((cx.emission(), cx.event_type())) });
    listener().spawned().on_async(|seen, _, cx| async move { seen.add((cx.emission(), cx.event_type())) });
    listener().on_blocking(|seen, _, cx| seen.add((cx.emission(), cx.event_type())));
    let report = bus.emit(Ping).await;
    let seen = seen.take();
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|(emission, event)| Some(*emission) == report.emission() && *event == Some(Ping::TYPE)));
}

#[tokio::test]
async fn a_synchronous_listener_sees_its_token_while_it_runs() {
    let bus = Bus::new();
    let token = CancellationToken::new();
    bus.listener::<Ping>().with(token.clone()).with_context().on(|token, _, cx| {
        assert!(!cx.is_cancelled());
        token.cancel();
        assert!(cx.is_cancelled());
    });
    assert!(bus.emit(Ping).cancel_on(&token).await.is_ok());
}

#[test]
fn a_synchronous_listener_sees_its_deadline_while_it_runs() {
    let bus = Bus::new();
    bus.listener::<Ping>().with_context().on(|_, cx| {
        while !cx.is_cancelled() {
            std::thread::yield_now();
        }
    });
    bus.on::<Ping>(|_| unreachable!("its time is up"));
    let report = finishes("a deadline seen by a synchronous listener", move || {
        bus.emit(Ping).timeout(Duration::from_millis(5)).blocking()
    });
    // It was not interrupted, and ended well; the one behind it did not get its turn.
    assert_eq!(report.succeeded(), 1);
    assert_eq!(outcomes(&report), ["TimedOut"]);
}

/// How a test ends an emission while its listeners run.
#[derive(Clone, Copy, Debug)]
enum End {
    Token,
    Until,
    Timeout,
    Drop,
    Abort,
}

impl End {
    /// Time is paused where it ends the emission: the listener is to have begun by then.
    fn runtime(self) -> Runtime {
        match self {
            Self::Timeout => Builder::new_current_thread().enable_all().start_paused(true).build().unwrap(),
            _ => multi_thread(1),
        }
    }
}

/// Emits, ends the emission once `begun` says so, and gives back when that has been done.
async fn end(bus: &Bus, how: End, mut begun: mpsc::UnboundedReceiver<()>) {
    let begun = async { begun.recv().await.unwrap() };
    match how {
        End::Token => {
            let token = CancellationToken::new();
            let emit = bus.emit(Ping).cancel_on(&token);
            let ((), report) = tokio::join!(
                async {
                    begun.await;
                    token.cancel();
                },
                emit
            );
            assert_eq!(outcomes(&report), ["StillRunning"]);
        }
        End::Until => {
            let (stop, stopped) = oneshot::channel();
            let emit = bus.emit(Ping).until(async { _ = stopped.await });
            let ((), report) = tokio::join!(
                async {
                    begun.await;
                    stop.send(()).unwrap();
                },
                emit
            );
            assert_eq!(outcomes(&report), ["StillRunning"]);
        }
        End::Timeout => {
            let mut emit = bus.emit(Ping).timeout(Duration::from_millis(20));
            assert!(poll_once(&mut emit).is_pending());
            begun.await;
            advance(Duration::from_millis(20)).await;
            let report = emit.await;
            assert_eq!(outcomes(&report), ["StillRunning"]);
        }
        End::Drop => tokio::select! {
            biased;
            _ = bus.emit(Ping) => unreachable!(),
            () = begun => {}
        },
        End::Abort => {
            let handle = bus.emit(Ping).spawn();
            begun.await;
            handle.abort();
            assert_eq!(outcomes(&handle.await), ["StillRunning"]);
        }
    }
}

const ENDS: [End; 5] = [End::Token, End::Until, End::Timeout, End::Drop, End::Abort];

#[test]
fn a_spawned_listener_is_woken_when_its_emission_is_cancelled() {
    for how in ENDS {
        finishes(&format!("a spawned listener, {how:?}"), move || {
            how.runtime().block_on(async {
                let bus = Bus::new();
                let (begins, begun) = mpsc::unbounded_channel();
                let (go, may_go) = watch::channel(false);
                let seen = Log::default();
                let state = (begins, may_go, seen.clone());
                bus.listener::<Ping>().with(state).with_context().spawned().on_async(|state, _, cx| async move {
                    let (begins, mut may_go, seen) = state;
                    seen.add(cx.is_cancelled());
                    begins.send(()).unwrap();
                    cx.cancelled().await;
                    let is_cancelled = cx.is_cancelled();
                    // Not before the report has been made, which tells that it is still running.
                    may_go.wait_for(|go| *go).await.unwrap();
                    seen.add(is_cancelled);
                });
                end(&bus, how, begun).await;
                go.send(true).unwrap();
                bus.settled().await.unwrap();
                assert_eq!(seen.take(), [false, true], "{how:?}");
            });
        });
    }
}

#[test]
fn a_blocking_listener_learns_that_its_emission_is_cancelled() {
    for how in ENDS {
        finishes(&format!("a blocking listener, {how:?}"), move || {
            how.runtime().block_on(async {
                let bus = Bus::new();
                let (begins, begun) = mpsc::unbounded_channel();
                let (go, may_go) = watch::channel(false);
                let seen = Log::default();
                bus.listener::<Ping>().with((begins, may_go, seen.clone())).with_context().on_blocking(
                    |(begins, mut may_go, seen), _, cx| {
                        seen.add(cx.is_cancelled());
                        begins.send(()).unwrap();
                        block_on(cx.cancelled());
                        let is_cancelled = cx.is_cancelled();
                        // Not before the report has been made, which tells that it is still running.
                        block_on(may_go.wait_for(|go| *go)).unwrap();
                        seen.add(is_cancelled);
                    },
                );
                end(&bus, how, begun).await;
                go.send(true).unwrap();
                bus.settled().await.unwrap();
                assert_eq!(seen.take(), [false, true], "{how:?}");
            });
        });
    }
}

/// What a listener leaves behind in a task of its own is told too, whenever the emission was stopped.
#[tokio::test]
async fn a_task_with_the_context_is_woken_when_its_emission_stops_between_listeners() {
    for late in [false, true] {
        let bus = Bus::new();
        let stopped = Arc::new(Notify::new());
        let tasks = Arc::new(Mutex::new(Vec::new()));
        bus.listener::<Ping>().with((stopped.clone(), tasks.clone())).with_context().on(
            |(stops, tasks), _, cx: &Context| {
                let mut cancelled = Box::pin(cx.cancelled());
                assert!(poll_once(&mut cancelled).is_pending());
                tasks.lock().unwrap().push(tokio::spawn(cancelled));
                stops.notify_one();
            },
        );
        if late {
            bus.on_async::<Ping>(|_| async { unreachable!() });
        } else {
            bus.on::<Ping>(|_| unreachable!());
        }
        let report = bus.emit(Ping).until(async move { stopped.notified().await }).await;
        assert_eq!(outcomes(&report), ["Cancelled"]);
        let tasks = std::mem::take(&mut *tasks.lock().unwrap());
        for task in tasks {
            tokio::time::timeout(Duration::from_secs(5), task).await.expect("the task was not woken").unwrap();
        }
    }
}

#[tokio::test]
async fn a_context_of_an_emission_that_ended_well_is_not_cancelled() {
    let bus = Bus::new();
    let kept = Log::default();
    bus.listener::<Ping>().with(kept.clone()).with_context().on_async(|kept, _, cx| async move {
        tokio::task::yield_now().await;
        kept.add(cx);
    });
    assert!(bus.emit(Ping).timeout(HOUR).await.is_ok());
    let cx = kept.take().remove(0);
    assert!(!cx.is_cancelled());
    let mut cancelled = Box::pin(cx.cancelled());
    assert!(poll_once(&mut cancelled).is_pending());
}

#[tokio::test(start_paused = true)]
async fn an_async_listener_sees_the_cancellation_before_it_is_dropped() {
    let bus = Bus::new();
    let seen = Arc::new(AtomicBool::new(false));
    bus.listener::<Ping>().with(seen.clone()).with_context().on_async(|seen, _, cx| async move {
        let _guard = super::support::OnDrop(move || seen.store(cx.is_cancelled(), Ordering::Relaxed));
        pending::<()>().await;
    });
    assert_eq!(outcomes(&bus.emit(Ping).timeout(HOUR).await), ["TimedOut"]);
    assert!(seen.swap(false, Ordering::Relaxed));
    let mut emit = bus.emit(Ping);
    assert!(poll_once(&mut emit).is_pending());
    drop(emit);
    assert!(seen.load(Ordering::Relaxed));
}

/// The context keeps the bus alive, the listener's closure does not.
#[tokio::test]
async fn the_bus_of_a_context_outlives_the_handles_dropped_meanwhile() {
    let bus = Bus::new();
    let weak = bus.downgrade();
    let go = Arc::new(Notify::new());
    bus.listener::<Ping>().with(go.clone()).with_context().on_async(|go, _, cx| async move {
        go.notified().await;
        assert_eq!(cx.bus().listener_count::<Ping>(), 1);
    });
    let handle = bus.emit(Ping).spawn();
    drop(bus);
    go.notify_one();
    handle.await.into_result().unwrap();
    // The task that ran the emission is gone when its gauge has fallen; until then it may hold the bus.
    while weak.upgrade().is_some() {
        tokio::task::yield_now().await;
    }
}
