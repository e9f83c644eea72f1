//! Listeners that wait: their shapes, their options, where they run.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use eventbus::{Bus, EmitError, Ok as Done, listener::ListenerKind};
use tokio::sync::oneshot;

use super::support::{HOUR, Log, Numbered, Ping, finishes, hush, multi_thread, outcomes, poll_once};

#[tokio::test]
async fn an_async_listener_takes_the_shared_event_and_returns_unit_or_a_result() {
    let bus = Bus::new();
    let log = Log::default();
    let (unit, question, plain) = (log.clone(), log.clone(), log.clone());
    bus.on_async::<Numbered>(move |e| {
        let log = unit.clone();
        async move { log.add(e.0) }
    });
    bus.on_async::<Numbered>(move |e| {
        let log = question.clone();
        async move {
            log.add(u32::try_from(u64::from(e.0))?);
            Done(())
        }
    });
    bus.on_async::<Numbered>(move |e| {
        plain.add(e.0);
        async { Err("no such user") }
    });

    let report = bus.emit(Numbered(7)).await;

    assert_eq!(log.take(), [7, 7, 7]);
    assert_eq!(report.succeeded(), 2);
    assert!(report.to_string().contains("failed: no such user"), "{report}");
}

#[tokio::test]
async fn all_listeners_of_an_emission_share_one_event() {
    let bus = Bus::new();
    let event = Arc::new(Ping);
    let address = Arc::as_ptr(&event) as usize;
    bus.on::<Ping>(move |e| assert_eq!(std::ptr::from_ref(e) as usize, address));
    bus.on_async::<Ping>(move |e| async move { assert_eq!(Arc::as_ptr(&e) as usize, address) });
    bus.on_blocking::<Ping>(move |e| assert_eq!(std::ptr::from_ref(e) as usize, address));
    bus.emit(event).await.into_result().unwrap();
}

#[tokio::test]
async fn a_blocking_listener_of_an_awaited_emission_runs_on_another_thread() {
    let bus = Bus::new();
    let here = thread::current().id();
    bus.on_blocking::<Ping>(move |_| assert_ne!(thread::current().id(), here));
    bus.emit(Ping).await.into_result().unwrap();
}

#[test]
fn a_blocking_listener_of_a_blocking_emission_runs_on_this_thread() {
    let bus = Bus::new();
    let here = thread::current().id();
    bus.on_blocking::<Ping>(move |_| assert_eq!(thread::current().id(), here));
    bus.emit(Ping).blocking().into_result().unwrap();

    let runtime = multi_thread(1);
    let _inside = runtime.enter();
    bus.emit(Ping).blocking().into_result().unwrap();
}

#[test]
fn a_blocking_emission_with_a_limit_of_time_runs_blocking_listeners_where_it_can_leave_them() {
    let runtime = multi_thread(1);
    let bus = Bus::builder().runtime(runtime.handle().clone()).build();
    let here = thread::current().id();
    bus.on_blocking::<Ping>(move |_| assert_ne!(thread::current().id(), here));
    bus.emit(Ping).timeout(HOUR).blocking().into_result().unwrap();
}

#[test]
fn spawned_listeners_that_need_each_other_run_in_parallel() {
    finishes("two spawned listeners at a barrier", || {
        let bus = Bus::new();
        let barrier = Arc::new(Barrier::new(2));
        for _ in 0..2 {
            bus.listener::<Ping>().with(barrier.clone()).spawned().on_async(|barrier, _| async move {
                // Blocks its thread: only another thread can free it.
                barrier.wait();
            });
        }
        multi_thread(2).block_on(async { bus.emit(Ping).await }).into_result().unwrap();
    });
}

#[test]
fn async_listeners_that_need_each_other_run_concurrently_on_one_thread() {
    finishes("two async listeners at a barrier", || {
        let bus = Bus::new();
        let barrier = Arc::new(tokio::sync::Barrier::new(2));
        for _ in 0..2 {
            bus.listener::<Ping>().with(barrier.clone()).on_async(|barrier, _| async move {
                barrier.wait().await;
            });
        }
        futures_executor::block_on(bus.emit(Ping)).into_result().unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_its_own_stops_an_async_or_spawned_listener_and_no_other() {
    let bus = Bus::new();
    let second = Duration::from_secs(1);
    bus.listener::<Ping>().named("async").timeout(second).on_async(|_| tokio::time::sleep(HOUR));
    bus.listener::<Ping>().named("spawned").timeout(second).spawned().on_async(|_| tokio::time::sleep(HOUR));
    bus.listener::<Ping>().named("longer").on_async(move |_| tokio::time::sleep(second * 2));

    let begun = tokio::time::Instant::now();
    let report = bus.emit(Ping).await;

    assert_eq!(begun.elapsed(), second * 2);
    assert_eq!(outcomes(&report), ["TimedOut", "TimedOut"]);
    assert_eq!(report.succeeded(), 1);
    // The emission itself was not: that one is told apart.
    assert!(matches!(report.into_result(), Err(EmitError::Failed(_))));
    assert_eq!(bus.in_flight(), eventbus::emit::InFlight::default());
}

#[test]
fn a_timeout_of_its_own_stops_an_async_listener_that_a_thread_waits_for() {
    let bus = Bus::new();
    bus.listener::<Ping>().timeout(Duration::from_millis(1)).on_async(|_| std::future::pending::<()>());
    let report = finishes("a listener with a timeout", move || bus.emit(Ping).blocking());
    assert_eq!(outcomes(&report), ["TimedOut"]);
}

#[tokio::test]
async fn a_timeout_of_its_own_leaves_a_blocking_listener_behind() {
    let bus = Bus::new();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let (begins, begun) = std::sync::mpsc::channel();
    bus.listener::<Ping>().timeout(Duration::from_millis(1)).on_blocking(move |_| {
        begins.send(()).unwrap();
        // Ends when the sender is dropped.
        let _ = released.lock().unwrap().recv();
    });

    let mut emit = bus.emit(Ping);
    assert!(poll_once(&mut emit).is_pending());
    begun.recv().unwrap();
    let report = emit.await;
    assert_eq!(outcomes(&report), ["StillRunning"]);
    assert!(matches!(report.into_result(), Err(EmitError::Failed(_))));
    assert_eq!(bus.in_flight().blocking, 1);

    drop(release);
    bus.settled().await.unwrap();
    assert_eq!(bus.in_flight().blocking, 0);
}

#[tokio::test(start_paused = true)]
async fn of_two_timeouts_of_a_listener_the_shorter_counts() {
    let bus = Bus::new();
    let second = Duration::from_secs(1);
    bus.listener::<Ping>().timeout(second).timeout(HOUR).on_async(|_| std::future::pending::<()>());
    bus.listener::<Ping>().timeout(HOUR).spawned().timeout(second).on_async(|_| std::future::pending::<()>());
    let begun = tokio::time::Instant::now();
    assert_eq!(outcomes(&bus.emit(Ping).await), ["TimedOut", "TimedOut"]);
    assert_eq!(begun.elapsed(), second);
}

/// A state that counts its clones.
#[derive(Default)]
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

#[tokio::test]
async fn state_is_cloned_once_for_each_call() {
    let bus = Bus::new();
    let state = Counted::default();
    let clones = Arc::clone(&state.0);
    bus.listener::<Ping>().with(state).on_async(|state, _| async move {
        tokio::task::yield_now().await;
        drop(state);
    });
    for call in 1..=3 {
        bus.emit(Ping).await.into_result().unwrap();
        assert_eq!(clones.load(Ordering::Relaxed), call);
    }
}

/// Registers one listener for each verb and each set of options that goes with it, on a listener of one shape.
macro_rules! every_verb {
    ($bus:ident, $shape:ident, sync $sync:expr, async $future:expr) => {
        $shape(&$bus).on($sync);
        $shape(&$bus).on_blocking($sync);
        $shape(&$bus).timeout(HOUR).on_blocking($sync);
        $shape(&$bus).on_async($future);
        $shape(&$bus).timeout(HOUR).on_async($future);
        $shape(&$bus).spawned().on_async($future);
        $shape(&$bus).spawned().timeout(HOUR).on_async($future);
        $shape(&$bus).timeout(HOUR).spawned().on_async($future);
    };
}

#[tokio::test]
async fn every_verb_goes_with_state_and_context_and_its_options() {
    use eventbus::listener::{AnyKind, Listener, NoContext, NoState, With, WithContext};
    type State = Arc<AtomicUsize>;

    let bus = Bus::new();
    let calls = State::default();
    let calls_of_plain = calls.clone();
    let count = move || _ = calls_of_plain.fetch_add(1, Ordering::Relaxed);

    let plain = |bus: &Bus| -> Listener<'static, Ping, AnyKind, NoState, NoContext> { leak(bus).listener() };
    let (a, b) = (count.clone(), count.clone());
    every_verb!(bus, plain, sync { let count = a.clone(); move |_| count() },
        async { let count = b.clone(); move |_| { count(); async {} } });

    let context = |bus: &Bus| -> Listener<'static, Ping, AnyKind, NoState, WithContext> {
        leak(bus).listener().priority(1).once().with_context()
    };
    let (a, b) = (count.clone(), count.clone());
    every_verb!(bus, context, sync { let count = a.clone(); move |_, cx| { assert!(!cx.is_cancelled()); count() } },
        async { let count = b.clone(); move |_, cx| { count(); async move { assert!(!cx.is_cancelled()) } } });

    let state = |bus: &Bus| -> Listener<'static, Ping, AnyKind, With<State>, NoContext> {
        leak(bus).listener::<Ping>().named("state").filter(|_| true).with(calls.clone())
    };
    every_verb!(bus, state, sync | calls, _ | _ = calls.fetch_add(1, Ordering::Relaxed), async |calls, _| async move {
        _ = calls.fetch_add(1, Ordering::Relaxed);
    });

    let both = |bus: &Bus| -> Listener<'static, Ping, AnyKind, With<State>, WithContext> {
        leak(bus).listener().with_context().with(calls.clone())
    };
    every_verb!(
        bus,
        both,
        sync | calls,
        _,
        cx | {
            assert!(!cx.is_cancelled());
            _ = calls.fetch_add(1, Ordering::Relaxed);
        },
        async |calls, _, cx| async move {
            assert!(!cx.is_cancelled());
            _ = calls.fetch_add(1, Ordering::Relaxed);
        }
    );

    assert_eq!(bus.listener_count::<Ping>(), 4 * 8);
    bus.emit(Ping).await.into_result().unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 4 * 8);
}

/// A bus that lives as long as the test, for listeners that are named as a type.
fn leak(bus: &Bus) -> &'static Bus {
    Box::leak(Box::new(bus.clone()))
}

#[tokio::test]
async fn a_listener_says_how_it_runs() {
    let bus = Bus::new();
    let kinds = [
        bus.on::<Ping>(|_| ()),
        bus.on_async::<Ping>(|_| async {}),
        bus.listener::<Ping>().spawned().on_async(|_| async {}),
        bus.on_blocking::<Ping>(|_| ()),
    ]
    .map(|listener| listener.info().kind());
    assert_eq!(kinds, [ListenerKind::Sync, ListenerKind::Async, ListenerKind::Spawned, ListenerKind::Blocking]);
}

#[tokio::test]
async fn an_async_listener_that_runs_once_is_gone_after_its_call() {
    let bus = Bus::new();
    let calls = Arc::new(AtomicUsize::new(0));
    bus.listener::<Numbered>().once().filter(|e| e.0 > 0).with(calls.clone()).on_async(|calls, _| async move {
        calls.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
    });
    // P3: a filter that says no does not spend it.
    assert_eq!(bus.emit(Numbered(0)).await.succeeded(), 0);
    let (first, second) = tokio::join!(bus.emit(Numbered(1)), bus.emit(Numbered(2)));
    assert_eq!((first.succeeded(), second.succeeded()), (1, 0));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert_eq!(bus.listener_count::<Numbered>(), 0);
}

/// P3, for listeners that are started after the synchronous ones.
#[tokio::test]
async fn a_listener_that_is_off_when_its_turn_comes_is_not_started() {
    let bus = Bus::new();
    let victims: Log<eventbus::Subscription> = Log::default();
    let from = victims.clone();
    bus.listener::<Ping>().priority(1).on_async(move |_| {
        from.take().iter().for_each(|victim| assert!(victim.off()));
        async {}
    });
    victims.add(bus.on_async::<Ping>(|_| async { panic!("boom: called though off") }));
    victims.add(bus.on_blocking::<Ping>(|_| panic!("boom: called though off")));
    victims.add(bus.listener::<Ping>().spawned().on_async(|_| async { panic!("boom: called though off") }));
    let report = bus.emit(Ping).await.into_result().unwrap();
    assert_eq!(report.succeeded(), 1);
}

/// P3: the call goes on, no new one begins.
#[tokio::test]
async fn a_listener_that_goes_off_while_it_waits_ends_its_call() {
    let bus = Bus::new();
    let (go, gone) = oneshot::channel::<()>();
    let gone = std::sync::Mutex::new(Some(gone));
    let listener = bus.on_async::<Ping>(move |_| {
        let gone = gone.lock().unwrap().take().unwrap();
        async move { gone.await.unwrap() }
    });
    let mut emit = bus.emit(Ping);
    assert!(poll_once(&mut emit).is_pending());
    listener.off();
    go.send(()).unwrap();
    assert_eq!(emit.await.succeeded(), 1);
    assert_eq!(bus.emit(Ping).await.succeeded(), 0);
}

/// P6: the list is in the order of turns, whichever listener ended first.
#[tokio::test(start_paused = true)]
async fn failures_are_listed_in_the_order_of_turns() {
    hush();
    let bus = Bus::new();
    let secs = Duration::from_secs;
    bus.listener::<Ping>().named("3").on_async(move |_| async move {
        tokio::time::sleep(secs(1)).await;
        Err("early")
    });
    bus.listener::<Ping>().named("2").priority(1).on_async(move |_| async move {
        tokio::time::sleep(secs(2)).await;
        Err("late")
    });
    bus.listener::<Ping>().named("4").on_async(|_| async { Err("at once") });
    bus.listener::<Ping>().named("1").priority(-1).on(|_| Err("sync"));
    let report = bus.emit(Ping).await;
    let names: Vec<_> = report.failures().iter().filter_map(|failure| failure.listener().name()).collect();
    assert_eq!(names, ["1", "2", "3", "4"]);
}
