//! An emission as a future: where it may be awaited, in what order listeners start, what they see of the emitting task.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use eventbus::{Bus, Emit, Report};
use futures_util::future::join_all;
use tokio::sync::{Notify, oneshot};
use tracing::Instrument;

use super::support::{Log, Numbered, OnDrop, Ping, poll_once};

#[test]
fn an_emission_is_unpin_and_send_and_what_it_gives_is_shared() {
    fn check<T: Send + Unpin>() {}
    fn shared<T: Send + Sync + Unpin + 'static>() {}
    fn sends<T: Send>(_: &T) {}
    check::<Emit<'static, Ping>>();
    check::<Emit<'static, Arc<Ping>>>();
    check::<eventbus::emit::EmitHandle>();
    shared::<Report>();
    shared::<Bus>();
    shared::<eventbus::Context>();
    let bus = Bus::new();
    sends(&bus.settled());
    sends(&bus.on::<Ping>(|_| ()).off_and_wait());
}

#[tokio::test]
async fn an_emission_may_be_awaited_wherever_a_future_may() {
    let bus = Bus::new();
    bus.on_async::<Ping>(|_| tokio::task::yield_now());

    let selected = tokio::select! {
        report = bus.emit(Ping) => report,
        () = std::future::pending() => unreachable!(),
    };
    let (first, second) = tokio::join!(bus.emit(Ping), bus.emit(Ping));
    let (third, fourth) = futures_util::join!(bus.emit(Ping), bus.emit(Ping));
    let all = join_all((0..3).map(|_| bus.emit(Ping))).await;
    let pinned = pin!(bus.emit(Ping)).await;
    let boxed: Box<dyn Future<Output = Report> + Send + Unpin + '_> = Box::new(bus.emit(Ping));
    let boxed = boxed.await;
    let mut by_reference = bus.emit(Ping);
    let by_reference = (&mut by_reference).await;
    let other = bus.clone();
    let in_a_task = tokio::spawn(async move { other.emit(Ping).await }).await.unwrap();
    let mut emitter = bus.emitter();
    let of_an_emitter = emitter.emit(Ping).await;

    let reports = [selected, first, second, third, fourth, pinned, boxed, by_reference, in_a_task, of_an_emitter];
    assert!(reports.iter().chain(&all).all(|report| report.is_ok() && report.succeeded() == 1));
}

#[tokio::test]
async fn nothing_runs_before_the_first_poll() {
    let bus = Bus::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    bus.on::<Ping>(move |_| _ = counted.fetch_add(1, Ordering::Relaxed));
    let emit = bus.emit(Ping);
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    assert!(emit.await.is_ok());
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

/// P4: synchronous ones first, whatever their priority; then the others start in the order of theirs; all of that in one poll.
#[tokio::test]
async fn synchronous_listeners_run_first_then_the_others_start_by_priority() {
    let bus = Bus::new();
    let log = Log::default();
    let (low, high, sync, spawned) = (log.clone(), log.clone(), log.clone(), log.clone());
    bus.listener::<Ping>().priority(-5).with(low).on_async(|log, _| async move {
        log.add("async, -5");
        tokio::task::yield_now().await;
        log.add("async, -5, later");
    });
    bus.listener::<Ping>().priority(7).with(spawned).spawned().on_async(|log, _| {
        log.add("spawned, 7");
        async {}
    });
    bus.listener::<Ping>().priority(9).with(high).on_async(|log, _| async move {
        log.add("async, 9");
        tokio::task::yield_now().await;
        log.add("async, 9, later");
    });
    bus.listener::<Ping>().priority(-9).with(sync).on(|log, _| log.add("sync, -9"));

    let mut emit = bus.emit(Ping);
    assert!(poll_once(&mut emit).is_pending());
    assert_eq!(log.take(), ["sync, -9", "async, 9", "spawned, 7", "async, -5"]);
    assert_eq!(emit.await.succeeded(), 4);
    assert_eq!(log.take(), ["async, 9, later", "async, -5, later"]);
}

/// P4, seen on a pool of one thread.
#[test]
fn blocking_listeners_are_started_by_priority() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let bus = Bus::new();
    let log = Log::default();
    for priority in [1, 3, 2] {
        bus.listener::<Ping>().priority(priority).with(log.clone()).on_blocking(move |log, _| log.add(priority));
    }
    assert!(runtime.block_on(bus.emit(Ping)).is_ok());
    assert_eq!(log.take(), [3, 2, 1]);
}

/// P4: two emissions from one thread reach a synchronous listener in their order, however they are awaited.
#[tokio::test]
async fn emissions_awaited_together_reach_synchronous_listeners_in_order() {
    let bus = Bus::new();
    let log = Log::default();
    let numbers = log.clone();
    bus.on::<Numbered>(move |e| numbers.add(e.0));
    bus.on_async::<Numbered>(|_| tokio::task::yield_now());
    join_all((0..50).map(|number| bus.emit(Numbered(number)))).await;
    assert_eq!(log.take(), (0..50).collect::<Vec<_>>());
}

/// P5.
#[tokio::test]
async fn dropping_the_emission_stops_async_listeners_at_their_next_await() {
    let bus = Bus::new();
    let log = Log::default();
    let (go, gone) = (Arc::new(Notify::new()), log.clone());
    bus.listener::<Ping>().with((go.clone(), gone)).on_async(|(go, log), _| async move {
        let mine = log.clone();
        let _guard = OnDrop(move || mine.add("dropped"));
        log.add("before");
        go.notified().await;
        log.add("after");
    });
    let mut emit = bus.emit(Ping);
    assert!(poll_once(&mut emit).is_pending());
    assert_eq!(log.take(), ["before"]);
    drop(emit);
    assert_eq!(log.take(), ["dropped"]);
    go.notify_one();
    tokio::task::yield_now().await;
    assert!(log.take().is_empty());
}

/// P5: a listener that must outlive the emission says so.
#[tokio::test]
async fn dropping_the_emission_lets_spawned_and_blocking_listeners_run_on() {
    let bus = Bus::new();
    let log = Log::default();
    let (go, gone) = oneshot::channel::<()>();
    let gone = Mutex::new(Some(gone));
    let spawned = log.clone();
    bus.listener::<Ping>().spawned().on_async(move |_| {
        let (log, gone) = (spawned.clone(), gone.lock().unwrap().take().unwrap());
        async move {
            gone.await.unwrap();
            log.add("spawned");
        }
    });
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (released, blocking) = (Mutex::new(released), log.clone());
    let (begins, begun) = std::sync::mpsc::channel();
    bus.on_blocking::<Ping>(move |_| {
        begins.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
        blocking.add("blocking");
    });

    let mut emit = bus.emit(Ping);
    assert!(poll_once(&mut emit).is_pending());
    begun.recv().unwrap();
    drop(emit);
    assert_eq!((bus.in_flight().listeners, bus.in_flight().blocking), (1, 1));
    go.send(()).unwrap();
    release.send(()).unwrap();
    bus.settled().await.unwrap();
    let mut ended = log.take();
    ended.sort_unstable();
    assert_eq!(ended, ["blocking", "spawned"]);
}

/// P5.
#[tokio::test]
async fn async_listeners_see_the_task_locals_of_the_emitting_task() {
    tokio::task_local! { static USER: u32; }
    let bus = Bus::new();
    let log = Log::default();
    let (now, later, spawned) = (log.clone(), log.clone(), log.clone());
    bus.on::<Ping>(move |_| now.add(USER.get()));
    bus.listener::<Ping>().with(later).on_async(|log, _| async move {
        log.add(USER.get());
        tokio::task::yield_now().await;
        log.add(USER.get());
    });
    bus.listener::<Ping>().with(spawned).spawned().on_async(|log, _| async move {
        log.add(USER.try_get().unwrap_or(0));
    });
    USER.scope(7, async { bus.emit(Ping).await }).await.into_result().unwrap();
    let mut seen = log.take();
    seen.sort_unstable();
    assert_eq!(seen, [0, 7, 7, 7]);
}

/// Notes for each event of `tracing` the span that it is in.
struct Spans(Log<Option<&'static str>>);

impl<S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>> tracing_subscriber::Layer<S>
    for Spans
{
    fn on_event(&self, event: &tracing::Event<'_>, context: tracing_subscriber::layer::Context<'_, S>) {
        self.0.add(context.event_span(event).map(|span| span.name()));
    }
}

/// P5.
#[tokio::test]
async fn async_listeners_run_in_the_span_of_the_emitting_task() {
    use tracing_subscriber::layer::SubscriberExt;

    let log = Log::default();
    let _subscribed = tracing::subscriber::set_default(tracing_subscriber::registry().with(Spans(log.clone())));
    let bus = Bus::new();
    bus.on::<Ping>(|_| tracing::info!("sync"));
    bus.on_async::<Ping>(|_| async {
        tracing::info!("at once");
        tokio::task::yield_now().await;
        tracing::info!("later");
        async { tracing::info!("inside") }.instrument(tracing::info_span!("listener")).await;
    });
    async {
        bus.emit(Ping).await.into_result().unwrap();
    }
    .instrument(tracing::info_span!("request"))
    .await;
    assert_eq!(log.take(), [Some("request"), Some("request"), Some("request"), Some("listener")]);
}
