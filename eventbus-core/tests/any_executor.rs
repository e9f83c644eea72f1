//! Async listeners on executors that know nothing of tokio.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

use std::{
    future::{pending, poll_fn, ready},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context, Poll, Waker},
    thread,
};

use eventbus_core::{
    Around, Bus, CallEnd, EmissionInfo, EmitError, Event, EventName, InsideEmission, Intercepted, Interceptor,
    ListenerInfo, Outcome, Report,
};

struct Ping;

impl Event for Ping {
    const NAME: EventName = EventName::new("ping");
}

struct Pong;

impl Event for Pong {
    const NAME: EventName = EventName::new("pong");
}

/// Up to thirty pending listeners are driven one way, more another.
const SIZES: [usize; 4] = [1, 30, 31, 100];

type Executor = fn(Pin<&mut dyn Future<Output = Report>>) -> Report;

/// The executors, each with its name.
fn executors() -> [(&'static str, Executor); 2] {
    [
        ("futures", |emission| futures_executor::block_on(emission)),
        ("pollster", |emission| pollster::block_on(emission)),
    ]
}

/// Pending once, and woken at once.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Ready when another thread says so.
#[derive(Clone, Default)]
struct Flag(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Flag {
    fn raise(&self) {
        let mut flag = self.0.lock().unwrap();
        flag.0 = true;
        flag.1.drain(..).for_each(Waker::wake);
    }

    async fn raised(self) {
        poll_fn(|cx| {
            let mut flag = self.0.lock().unwrap();
            if flag.0 {
                return Poll::Ready(());
            }
            flag.1.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn outcomes(report: &Report) -> Vec<String> {
    report.failures().iter().map(|failure| failure.outcome().to_string()).collect()
}

/// Keeps the expected panics off the terminal.
fn hush() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let shown = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload_as_str().is_some_and(|text| text.contains("boom")) {
                shown(info);
            }
        }));
    });
}

#[test]
fn an_emission_is_awaited_on_any_executor() {
    for (executor, run) in executors() {
        for size in SIZES {
            let bus = Bus::new();
            let calls = Arc::new(AtomicUsize::new(0));
            bus.listener::<Ping>().with(calls.clone()).on(|calls, _| _ = calls.fetch_add(1, Ordering::Relaxed));
            for turns in 0..size {
                bus.listener::<Ping>().with(calls.clone()).on_async(move |calls, _| async move {
                    for _ in 0..turns {
                        yield_now().await;
                    }
                    calls.fetch_add(1, Ordering::Relaxed);
                });
            }
            let report = run(pin!(bus.emit(Ping)));
            assert_eq!(report.succeeded(), size + 1, "{executor}: {report}");
            assert_eq!(calls.load(Ordering::Relaxed), size + 1);
        }
    }
}

#[test]
fn a_listener_is_woken_from_another_thread() {
    for (_, run) in executors() {
        for size in SIZES {
            let bus = Bus::new();
            let (begins, begun) = mpsc::channel();
            let flag = Flag::default();
            for _ in 0..size {
                bus.listener::<Ping>().with((flag.clone(), begins.clone())).on_async(|(flag, begins), _| async move {
                    begins.send(()).unwrap();
                    flag.raised().await;
                });
            }
            let raising = thread::spawn(move || {
                (0..size).for_each(|_| begun.recv().unwrap());
                flag.raise();
            });
            assert_eq!(run(pin!(bus.emit(Ping))).succeeded(), size);
            raising.join().unwrap();
        }
    }
}

#[test]
fn a_thread_waits_for_async_listeners_without_any_executor() {
    for size in SIZES {
        let bus = Bus::new();
        let flag = Flag::default();
        let (begins, begun) = mpsc::channel();
        for _ in 0..size {
            bus.listener::<Ping>().with((flag.clone(), begins.clone())).on_async(|(flag, begins), _| async move {
                yield_now().await;
                begins.send(()).unwrap();
                flag.raised().await;
            });
        }
        let raising = thread::spawn(move || {
            (0..size).for_each(|_| begun.recv().unwrap());
            flag.raise();
        });
        assert_eq!(bus.emit(Ping).blocking().succeeded(), size);
        raising.join().unwrap();
    }
}

#[test]
fn an_emission_is_cancelled_by_a_future_of_any_executor() {
    for (_, run) in executors() {
        for size in SIZES {
            let bus = Bus::new();
            let flag = Flag::default();
            let stop = flag.clone();
            let alive = Arc::new(());
            for _ in 1..size {
                bus.listener::<Ping>().with(alive.clone()).on_async(|alive, _| async move {
                    pending::<()>().await;
                    drop(alive);
                });
            }
            bus.on_async::<Ping>(move |_| {
                stop.raise();
                pending::<()>()
            });
            let report = run(pin!(bus.emit(Ping).until(flag.raised())));
            assert_eq!(outcomes(&report), vec!["was cancelled"; size]);
            assert_eq!(Arc::strong_count(&alive), size);
            assert!(matches!(report.into_result(), Err(EmitError::Cancelled(_))));
        }
    }
}

#[test]
fn a_thread_that_waits_is_woken_by_until() {
    let bus = Bus::new();
    let (begins, begun) = mpsc::channel();
    bus.on_async::<Ping>(move |_| {
        begins.send(()).unwrap();
        pending::<()>()
    });
    let flag = Flag::default();
    let stop = flag.clone();
    let raising = thread::spawn(move || {
        begun.recv().unwrap();
        stop.raise();
    });
    assert_eq!(outcomes(&bus.emit(Ping).until(flag.raised()).blocking()), ["was cancelled"]);
    raising.join().unwrap();
    assert_eq!(outcomes(&bus.emit(Ping).until(ready(())).blocking()), ["was cancelled"]);
}

/// P5.
#[test]
fn an_emission_that_is_dropped_stops_its_listeners() {
    for size in SIZES {
        let bus = Bus::new();
        let alive = Arc::new(());
        for _ in 0..size {
            bus.listener::<Ping>().with(alive.clone()).on_async(|alive, _| async move {
                pending::<()>().await;
                drop(alive);
            });
        }
        let mut emit = bus.emit(Ping);
        assert!(poll_once(&mut emit).is_pending());
        assert_eq!(Arc::strong_count(&alive), 2 * size + 1);
        drop(emit);
        assert_eq!(Arc::strong_count(&alive), size + 1);
        // Never polled: nothing to stop.
        drop(bus.emit(Ping));
        bus.clear();
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

/// P1.
#[test]
fn a_panic_stays_with_its_listener() {
    hush();
    for (_, run) in executors() {
        for size in SIZES {
            let bus = Bus::new();
            for at in 0..size {
                bus.on_async::<Ping>(move |_| async move {
                    yield_now().await;
                    assert!(at % 2 == 1, "boom {at}");
                });
            }
            let report = run(pin!(bus.emit(Ping)));
            let panics: Vec<_> = (0..size).step_by(2).map(|at| format!("panicked: boom {at}")).collect();
            assert_eq!(outcomes(&report), panics);
            assert_eq!(report.succeeded(), size / 2);
        }
    }
}

#[test]
fn a_listener_learns_from_its_context_that_it_is_dropped() {
    struct Tells(mpsc::Sender<bool>, eventbus_core::Context);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(self.1.is_cancelled()).unwrap();
        }
    }
    let bus = Bus::new();
    let (tells, told) = mpsc::channel();
    bus.listener::<Ping>().with(tells).with_context().on_async(|tells, _, cx| async move {
        let _tells = Tells(tells, cx);
        pending::<()>().await;
    });
    let mut emit = bus.emit(Ping);
    assert!(poll_once(&mut emit).is_pending());
    drop(emit);
    assert!(told.recv().unwrap());
}

/// P7.
#[test]
fn a_circle_of_async_emissions_stops_at_the_limit() {
    let bus = Bus::builder().recursion_limit(3).build();
    let chains = Arc::new(Mutex::new(Vec::new()));
    bus.listener::<Ping>().with_context().on_async(|_, cx| async move {
        yield_now().await;
        cx.bus().emit(Pong).await;
    });
    bus.listener::<Pong>().with(chains.clone()).with_context().on_async(|chains, _, cx| {
        let nested: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            let report = cx.bus().emit(Ping).await;
            let refused = report.failures().iter().filter(|failure| matches!(failure.outcome(), Outcome::NotRun(_)));
            chains.lock().unwrap().extend(refused.map(|failure| failure.outcome().to_string()));
        });
        nested
    });
    // pong, ping, pong; the ping that would be the fourth is refused.
    assert!(futures_executor::block_on(bus.emit(Pong)).is_ok());
    let chains = chains.lock().unwrap();
    assert!(chains.len() == 1 && chains[0].contains(": pong -> ping -> pong -> ping"), "{chains:?}");
}

/// P3.
#[test]
fn off_and_wait_waits_for_a_listener_under_way_and_not_inside_an_emission() {
    let bus = Bus::new();
    let flag = Flag::default();
    let listener = bus.listener::<Ping>().with(flag.clone()).on_async(|flag, _| flag.raised());
    let mut emit = bus.emit(Ping);
    assert!(poll_once(&mut emit).is_pending());
    let mut off = Box::pin(listener.off_and_wait());
    assert!(poll_once(&mut off).is_pending());
    flag.raise();
    assert!(poll_once(&mut emit).is_ready());
    drop(emit);
    assert_eq!(futures_executor::block_on(off), Ok(()));

    let other = bus.on_async::<Pong>(|_| async {});
    bus.on_async::<Ping>(move |_| {
        let other = other.clone();
        async move {
            assert_eq!(other.off_and_wait().await, Err(InsideEmission));
        }
    });
    assert!(futures_executor::block_on(bus.emit(Ping)).is_ok());
}

/// Counts what begins, its parts, and what ends.
#[derive(Clone, Default)]
struct Counter {
    begun: Arc<AtomicUsize>,
    parts: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

impl Interceptor for Counter {
    fn emission(&self, _: &EmissionInfo<'_>) -> Intercepted<Report> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Box::new(self.clone())))
    }

    fn call(&self, _: &EmissionInfo<'_>, _: &ListenerInfo) -> Intercepted<CallEnd> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Box::new(self.clone())))
    }
}

impl<End> Around<End> for Counter {
    fn part(&mut self, part: &mut dyn FnMut()) {
        self.parts.fetch_add(1, Ordering::Relaxed);
        part();
    }

    fn end(self: Box<Self>, _: &End) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn interceptors_are_around_every_emission_call_and_poll() {
    let counter = Counter::default();
    let counts = || [&counter.begun, &counter.parts, &counter.ended].map(|count| count.swap(0, Ordering::Relaxed));
    let bus = Bus::builder().intercept(counter.clone()).build();
    bus.on::<Ping>(|_| {});
    assert!(bus.emit(Ping).blocking().is_ok());
    assert_eq!(counts(), [2, 2, 2], "the emission and the call");
    bus.on_async::<Ping>(|_| {
        let mut polled = false;
        poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
        })
    });
    for (name, block_on) in executors() {
        assert!(block_on(pin!(bus.emit(Ping))).is_ok());
        assert_eq!(counts(), [3, 6, 3], "{name}: and the emission's poll, the making of the future, its two polls");
    }
    {
        let mut emission = pin!(bus.emit(Ping));
        assert!(emission.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(counts(), [3, 4, 1]);
    }
    assert_eq!(counts(), [0, 2, 2], "dropped: the future is dropped in a part of its call, and of the emission");
}
