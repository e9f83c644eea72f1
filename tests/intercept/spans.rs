//! Spans: something entered and left around all that runs, wherever it runs.

use std::{
    cell::RefCell,
    future::{pending, poll_fn},
    task::Poll,
    time::Duration,
};

use eventbus::{
    Bus, Report,
    intercept::{Around, CallEnd, EmissionInfo, Intercepted, Interceptor},
    listener::ListenerInfo,
};
use futures_util::FutureExt;

use super::recorder::Recorder;
use crate::support::{Log, OnDrop, Ping, hush};

thread_local! {
    static SPANS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The spans that this thread is in, as `a/b`.
fn here() -> String {
    SPANS.with_borrow(|spans| spans.join("/"))
}

/// Opens a span around each emission and each call.
struct Spans {
    /// Told if a span has not been left at its end. The bus contains a panic there, so it is not asserted.
    log: Log<String>,
}

struct InSpan {
    name: String,
    log: Log<String>,
}

impl Spans {
    fn open(&self, name: &str) -> InSpan {
        InSpan { name: name.to_owned(), log: self.log.clone() }
    }
}

impl Interceptor for Spans {
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        Ok(Some(Box::new(self.open(emission.event_name()))))
    }

    fn call(&self, _: &EmissionInfo<'_>, listener: &ListenerInfo) -> Intercepted<CallEnd> {
        Ok(Some(Box::new(self.open(listener.name().unwrap_or("?")))))
    }
}

impl<End> Around<End> for InSpan {
    fn part(&mut self, part: &mut dyn FnMut()) {
        SPANS.with_borrow_mut(|spans| spans.push(self.name.clone()));
        part();
        SPANS.with_borrow_mut(Vec::pop);
    }

    fn end(self: Box<Self>, _: &End) {
        if here().ends_with(&self.name) {
            self.log.add(format!("{} has ended inside of {}", self.name, here()));
        }
    }
}

/// Is ready when it is polled for the second time.
fn yields_once() -> impl Future<Output = ()> {
    let mut polled = false;
    poll_fn(move |cx| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

/// A bus with spans, and the log of the test, which also tells of a span that has not been left at its end.
fn spanned() -> (Bus, Log<String>) {
    let log = Log::default();
    (Bus::builder().intercept(Spans { log: log.clone() }).build(), log)
}

#[test]
fn synchronous_calls_are_inside_of_their_span_and_of_the_emissions() {
    hush();
    let (bus, log) = spanned();
    for name in ["first", "second"] {
        let log = log.clone();
        bus.listener::<Ping>().named(name).on(move |_| log.add(here()));
    }
    bus.listener::<Ping>().named("third").on(|_| panic!("boom"));
    assert_eq!(bus.emit(Ping).blocking().succeeded(), 2);
    assert_eq!(log.take(), ["ping/first", "ping/second"]);
    assert_eq!(here(), "");
}

#[test]
fn each_poll_is_inside_of_the_span_without_a_runtime() {
    let (bus, log) = spanned();
    let noted = log.clone();
    bus.listener::<Ping>().named("slow").on_async(move |_| {
        noted.add(format!("start {}", here()));
        let log = noted.clone();
        async move {
            log.add(format!("before {}", here()));
            yields_once().await;
            log.add(format!("after {}", here()));
        }
    });
    for awaited in [true, false] {
        let emit = bus.emit(Ping);
        assert!(if awaited { futures_executor::block_on(emit) } else { emit.blocking() }.is_ok());
        assert_eq!(log.take(), ["start ping/slow", "before ping/slow", "after ping/slow"]);
        assert_eq!(here(), "");
    }
}

#[test]
fn spans_of_listeners_side_by_side_do_not_mix() {
    let (bus, log) = spanned();
    for name in ["a", "b"] {
        let log = log.clone();
        bus.listener::<Ping>().named(name).on_async(move |_| {
            let log = log.clone();
            async move {
                yields_once().await;
                log.add(here());
                yields_once().await;
                log.add(here());
            }
        });
    }
    assert!(futures_executor::block_on(bus.emit(Ping)).is_ok());
    assert_eq!(log.take(), ["ping/a", "ping/b", "ping/a", "ping/b"]);
}

#[tokio::test]
async fn spawned_and_blocking_listeners_have_their_span_where_they_run() {
    let (bus, log) = spanned();
    let noted = log.clone();
    bus.listener::<Ping>().named("spawned").spawned().on_async(move |_| {
        let log = noted.clone();
        async move {
            yields_once().await;
            log.add(here());
        }
    });
    let noted = log.clone();
    bus.listener::<Ping>().named("blocking").on_blocking(move |_| noted.add(here()));
    assert!(bus.emit(Ping).await.is_ok());
    let mut seen = log.take();
    seen.sort();
    assert_eq!(seen, ["blocking", "spawned"]);
}

#[test]
fn a_future_that_is_stopped_is_dropped_inside_of_its_span() {
    let (bus, log) = spanned();
    let noted = log.clone();
    bus.listener::<Ping>().named("stuck").on_async(move |_| {
        let log = noted.clone();
        async move {
            let _dropped = OnDrop(move || log.add(here()));
            pending::<()>().await;
        }
    });
    assert!(bus.emit(Ping).now_or_never().is_none());
    assert_eq!(log.take(), ["ping/stuck"], "the emission was dropped");
}

#[tokio::test(start_paused = true)]
async fn parts_enclose_one_another_and_end_comes_last() {
    let log = Log::default();
    let bus = Bus::builder().intercept(Recorder::with_parts("", &log)).build();
    bus.listener::<Ping>().named("stuck").on_async(|_| pending::<()>());
    assert!(!bus.emit(Ping).timeout(Duration::from_millis(10)).await.is_ok());
    let all = log.take();
    let begun = ["ping", ">ping", "ping/stuck", ">ping/stuck", "<ping/stuck", ">ping/stuck", "<ping/stuck", "<ping"];
    assert_eq!(all[..8], begun, "the future is made, and polled");
    let stopped = [">ping/stuck", "<ping/stuck", "ping/stuck: timed out", "<ping", "ping: 0 ok, [timed out]"];
    assert!(all.ends_with(&stopped.map(str::to_owned)), "{all:?}");
}
