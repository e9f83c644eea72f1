//! Waiting until nothing runs any more: `settled` and `off_and_wait`.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use eventbus::{
    Bus, Subscription,
    emit::{InFlight, InsideEmission},
};
use tokio::sync::{Notify, oneshot};

use super::support::{
    Counted, Log, Numbered, OnDrop, Ping, Pong, at_once, current_thread, finishes, multi_thread, outcomes, poll_once,
};

#[tokio::test]
async fn settled_is_at_once_where_nothing_was_started() {
    let bus = Bus::new();
    assert_eq!(at_once(bus.settled()), Some(Ok(())));
    assert_eq!(bus.in_flight(), InFlight::default());
}

#[tokio::test]
async fn settled_waits_for_spawned_emissions_and_those_that_they_caused() {
    let bus = Bus::new();
    let log = Log::default();
    let weak = bus.downgrade();
    bus.listener::<Numbered>().with(log.clone()).on_async(move |log, e| {
        let bus = weak.upgrade().unwrap();
        async move {
            tokio::task::yield_now().await;
            if e.0 > 0 {
                bus.emit(Numbered(e.0 - 1)).spawn();
            }
            log.add(e.0);
        }
    });
    bus.emit(Numbered(5)).spawn();
    bus.settled().await.unwrap();
    assert_eq!(log.take(), [5, 4, 3, 2, 1, 0]);
}

#[tokio::test]
async fn settled_waits_for_listeners_that_were_left_behind() {
    let bus = Bus::new();
    let go = Arc::new(Notify::new());
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    bus.listener::<Ping>().with(go.clone()).spawned().on_async(|go, _| async move { go.notified().await });
    bus.on_blocking::<Ping>(move |_| _ = released.lock().unwrap().recv());
    let mut emit = bus.emit(Ping);
    assert!(poll_once(&mut emit).is_pending());
    drop(emit);

    let mut settled = Box::pin(bus.settled());
    assert!(poll_once(&mut settled).is_pending());
    drop(release);
    while bus.in_flight().blocking > 0 {
        tokio::task::yield_now().await;
    }
    assert!(poll_once(&mut settled).is_pending());
    go.notify_one();
    settled.await.unwrap();
    assert_eq!(bus.in_flight(), InFlight::default());
}

/// Asked again and again from another thread, in the midst of a chain of listeners that start one another and end: at no
/// moment is nothing under way.
#[test]
fn settled_never_comes_between_a_listener_and_what_it_has_started() {
    finishes("a chain watched from outside", || {
        let runtime = multi_thread(1);
        for _ in 0..60 {
            let bus = Bus::builder().runtime(runtime.handle().clone()).recursion_limit(u32::MAX).build();
            let ended = Arc::new(AtomicBool::new(false));
            let begun = Arc::new(AtomicU32::new(u32::MAX));
            let (weak, ends, begins) = (bus.downgrade(), ended.clone(), begun.clone());
            // Given up once it has begun: only the listener that it has started is under way then.
            bus.on_blocking::<Numbered>(move |e| {
                _ = poll_once(&mut weak.upgrade().unwrap().emit(Counted(e.0)));
                begins.fetch_min(e.0, Ordering::AcqRel);
            });
            let (weak, has_begun) = (bus.downgrade(), begun.clone());
            bus.listener::<Counted>().spawned().on_async(move |e| {
                let (bus, ends, begun) = (weak.upgrade().unwrap(), ends.clone(), has_begun.clone());
                async move {
                    match e.0 {
                        0 => ends.store(true, Ordering::Release),
                        left => {
                            let mut emit = bus.emit(Numbered(left - 1));
                            _ = poll_once(&mut emit);
                            // A blocking listener that has not begun would not begin any more, and what it emits would be
                            // cancelled.
                            while begun.load(Ordering::Acquire) >= left {
                                tokio::task::yield_now().await;
                            }
                        }
                    }
                }
            });
            {
                let _inside = runtime.enter();
                let mut emit = bus.emit(Numbered(50));
                _ = poll_once(&mut emit);
                while begun.load(Ordering::Acquire) == u32::MAX {
                    std::thread::yield_now();
                }
            }
            while at_once(bus.settled()).is_none() {
                // The chain needs the processor, too.
                std::thread::yield_now();
            }
            assert!(ended.load(Ordering::Acquire), "settled with {:?}", bus.in_flight());
        }
    });
}

#[test]
fn settled_wakes_however_many_threads_end_at_once() {
    finishes("many threads end", || {
        let runtime = multi_thread(2);
        let bus = Bus::builder().runtime(runtime.handle().clone()).build();
        bus.on_blocking::<Ping>(|_| ());
        bus.listener::<Ping>().spawned().on_async(|_| async {});
        for _ in 0..2000 {
            bus.emit(Ping).spawn();
            bus.emit(Ping).spawn();
            futures_executor::block_on(bus.settled()).unwrap();
            assert_eq!(bus.in_flight(), InFlight::default());
        }
    });
}

type Answers = Log<Result<(), InsideEmission>>;

/// Notes what each way of waiting answers at its first poll.
fn ask(bus: &Bus, listener: &Subscription, answers: &Answers) {
    answers.add(at_once(bus.settled()).expect("settled waits"));
    answers.add(at_once(listener.off_and_wait()).expect("off_and_wait waits"));
}

/// P3. Each case asks `settled` and `off_and_wait`, which would wait for themselves.
#[tokio::test]
async fn waiting_inside_an_emission_is_refused_at_once() {
    let bus = Bus::new();
    let (answers, bystander) = (Answers::default(), bus.on::<Pong>(|_| ()));
    let state = (bus.downgrade(), bystander.clone(), answers.clone());
    bus.listener::<Ping>()
        .with(state.clone())
        .on(|(bus, other, answers), _| ask(&bus.upgrade().unwrap(), &other, &answers));
    bus.listener::<Ping>().with(state.clone()).on_async(|(bus, other, answers), _| async move {
        ask(&bus.upgrade().unwrap(), &other, &answers);
        tokio::task::yield_now().await;
        ask(&bus.upgrade().unwrap(), &other, &answers);
    });
    bus.listener::<Ping>().with(state.clone()).spawned().on_async(|(bus, other, answers), _| async move {
        ask(&bus.upgrade().unwrap(), &other, &answers);
        tokio::task::yield_now().await;
        ask(&bus.upgrade().unwrap(), &other, &answers);
    });
    bus.listener::<Ping>().with(state).on_blocking(|(bus, other, answers), _| {
        ask(&bus.upgrade().unwrap(), &other, &answers);
    });
    bus.emit(Ping).await.into_result().unwrap();
    assert_eq!(answers.take(), [Err(InsideEmission); 12]);
    // Refused is the waiting only.
    assert!(!bystander.is_on());

    bus.emit(Ping).spawn().await.into_result().unwrap();
    assert_eq!(answers.take(), [Err(InsideEmission); 12]);
    let blocks = bus.clone();
    tokio::task::spawn_blocking(move || blocks.emit(Ping).blocking()).await.unwrap().into_result().unwrap();
    assert_eq!(answers.take(), [Err(InsideEmission); 12]);
}

/// P3: the handle of the context carries the emission along, into tasks of the listener's own.
#[tokio::test]
async fn waiting_for_the_bus_of_a_context_is_refused_in_any_task() {
    let bus = Bus::new();
    bus.listener::<Ping>().with_context().on_async(|_, cx| async move {
        assert_eq!(cx.bus().settled().await, Err(InsideEmission));
        let bus = cx.bus();
        tokio::spawn(async move { assert_eq!(bus.settled().await, Err(InsideEmission)) }).await
    });
    bus.emit(Ping).await.into_result().unwrap();
}

/// Another bus is another matter.
#[tokio::test]
async fn inside_an_emission_of_one_bus_another_may_be_waited_for() {
    let (bus, other) = (Bus::new(), Bus::new());
    let listener = other.on_async::<Pong>(|_| tokio::task::yield_now());
    bus.on_async::<Ping>(move |_| {
        let (other, listener) = (other.clone(), listener.clone());
        async move {
            other.emit(Pong).spawn();
            other.settled().await?;
            listener.off_and_wait().await
        }
    });
    bus.emit(Ping).await.into_result().unwrap();
}

/// P3: what the closure of a listener under way holds, and what ends it.
struct Watched {
    dropped: Arc<AtomicBool>,
    begun: Arc<Notify>,
    listener: Subscription,
}

fn watched(register: impl FnOnce(Arc<OnDrop<Box<dyn FnMut() + Send + Sync>>>, Arc<Notify>) -> Subscription) -> Watched {
    let (dropped, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let marks = dropped.clone();
    let guard: OnDrop<Box<dyn FnMut() + Send + Sync>> = OnDrop(Box::new(move || marks.store(true, Ordering::Release)));
    let listener = register(Arc::new(guard), begun.clone());
    Watched { dropped, begun, listener }
}

/// `off_and_wait` waits until `release` has been called, and finds the closure dropped.
async fn check(watched: &Watched, release: impl FnOnce()) {
    watched.begun.notified().await;
    let mut off = Box::pin(watched.listener.off_and_wait());
    assert!(poll_once(&mut off).is_pending(), "did not wait");
    assert!(!watched.listener.is_on());
    assert!(!watched.dropped.load(Ordering::Acquire));
    release();
    off.await.unwrap();
    assert!(watched.dropped.load(Ordering::Acquire), "the closure is still there");
    // A second one has nothing to wait for.
    watched.listener.off_and_wait().await.unwrap();
}

#[test]
fn off_and_wait_waits_for_an_async_listener_under_way() {
    for spawned in [false, true] {
        finishes("off_and_wait", move || {
            current_thread().block_on(async {
                let bus = Bus::new();
                let go = Arc::new(Notify::new());
                let until = go.clone();
                let watched = watched(|guard, begun| {
                    let listener = bus.listener::<Ping>();
                    let code = move |_| {
                        let (guard, begun, until) = (guard.clone(), begun.clone(), until.clone());
                        async move {
                            begun.notify_one();
                            until.notified().await;
                            drop(guard);
                        }
                    };
                    if spawned { listener.spawned().on_async(code) } else { listener.on_async(code) }
                });
                let emission = bus.emit(Ping).spawn();
                check(&watched, || go.notify_one()).await;
                assert!(emission.await.is_ok());
            });
        });
    }
}

#[test]
fn off_and_wait_waits_for_a_blocking_listener_under_way_also_after_its_emission() {
    for given_up in [false, true] {
        finishes("off_and_wait", move || {
            current_thread().block_on(async {
                let bus = Bus::new();
                let (release, released) = mpsc::channel::<()>();
                let released = Mutex::new(released);
                let watched = watched(|guard, begun| {
                    bus.on_blocking::<Ping>(move |_| {
                        let _guard = &guard;
                        begun.notify_one();
                        let _ = released.lock().unwrap().recv();
                    })
                });
                let emission = bus.emit(Ping).spawn();
                if given_up {
                    watched.begun.notified().await;
                    watched.begun.notify_one();
                    emission.abort();
                    tokio::task::yield_now().await;
                }
                check(&watched, || drop(release)).await;
                assert_eq!(outcomes(&emission.await).len(), usize::from(given_up));
            });
        });
    }
}

#[test]
fn off_and_wait_waits_for_a_synchronous_listener_on_another_thread() {
    finishes("off_and_wait", || {
        current_thread().block_on(async {
            let bus = Bus::new();
            let (release, released) = mpsc::channel::<()>();
            let released = Mutex::new(released);
            let watched = watched(|guard, begun| {
                bus.on::<Ping>(move |_| {
                    let _guard = &guard;
                    begun.notify_one();
                    let _ = released.lock().unwrap().recv();
                })
            });
            let emitting = thread::spawn(move || bus.emit(Ping).blocking());
            check(&watched, || drop(release)).await;
            assert!(emitting.join().unwrap().is_ok());
        });
    });
}

#[tokio::test]
async fn off_and_wait_is_at_once_where_nothing_is_under_way() {
    let bus = Bus::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let listener = bus.on_async::<Ping>(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        async {}
    });
    assert!(bus.emit(Ping).await.is_ok());
    assert_eq!(at_once(listener.off_and_wait()), Some(Ok(())));
    assert_eq!(Arc::strong_count(&calls), 1);
    // Also where the bus is gone, or the listener went by itself.
    let once = bus.listener::<Ping>().once().on(|_| ());
    assert!(bus.emit(Ping).await.is_ok());
    assert_eq!(at_once(once.off_and_wait()), Some(Ok(())));
    let orphan = bus.on::<Ping>(|_| ());
    drop(bus);
    assert_eq!(at_once(orphan.off_and_wait()), Some(Ok(())));
}

/// An emission may come back to any of its listeners, so it keeps them all until it ends, or is given up.
#[tokio::test]
async fn off_and_wait_waits_for_the_emissions_that_began_before() {
    let bus = Bus::new();
    let log = Log::default();
    let (dropped, guard) = (log.clone(), log.clone());
    let guard = OnDrop(move || guard.add("dropped"));
    let quick = bus.on_async::<Ping>(move |_| {
        let _held = &guard;
        async {}
    });
    bus.on_async::<Ping>(|_| pending::<()>());
    let mut emit = bus.emit(Ping);
    assert!(poll_once(&mut emit).is_pending());
    let mut off = Box::pin(quick.off_and_wait());
    assert!(poll_once(&mut off).is_pending());
    drop(emit);
    off.await.unwrap();
    assert_eq!(dropped.take(), ["dropped"]);
}

#[tokio::test]
async fn a_departed_listener_is_waited_for_by_several() {
    let bus = Bus::new();
    let (go, gone) = oneshot::channel::<()>();
    let gone = Mutex::new(Some(gone));
    let listener = bus.on_async::<Ping>(move |_| {
        let gone = gone.lock().unwrap().take().unwrap();
        async move { gone.await.unwrap() }
    });
    let emission = bus.emit(Ping).spawn();
    tokio::task::yield_now().await;
    let (one, other, ()) = tokio::join!(listener.off_and_wait(), listener.off_and_wait(), async {
        go.send(()).unwrap();
    });
    assert_eq!((one, other), (Ok(()), Ok(())));
    assert!(emission.await.is_ok());
}
