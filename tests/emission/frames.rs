//! How deep emissions are nested: counted along the chain of calls, not along the thread (P7).

use std::sync::Arc;

use eventbus::{Bus, Outcome, Report, emit::NotRun};
use futures_util::future::join_all;

use super::support::{Log, Numbered, Ping, Pong, finishes, flavours, outcomes};

#[tokio::test]
async fn a_hundred_emissions_side_by_side_are_each_one_deep() {
    let bus = Bus::builder().recursion_limit(2).build();
    let barrier = Arc::new(tokio::sync::Barrier::new(100));
    // All hundred wait for each other, in the midst of their emission; then each goes one deeper.
    bus.listener::<Ping>().with(barrier).with_context().on_async(|barrier, _, cx| async move {
        barrier.wait().await;
        cx.bus().emit(Pong).await.into_result().map(drop)
    });
    bus.on_async::<Pong>(|_| tokio::task::yield_now());
    let reports = join_all((0..100).map(|_| bus.emit(Ping))).await;
    assert!(reports.iter().all(|report| report.is_ok() && report.succeeded() == 1));
}

/// The chain of the first listener that was refused, looked for in the errors of the reports.
fn refused(log: &Log<Report>) -> String {
    let reports = log.take();
    let chains: Vec<_> = reports
        .iter()
        .flat_map(Report::failures)
        .filter_map(|failure| match failure.outcome() {
            Outcome::NotRun(NotRun::RecursionLimit(chain)) => Some(chain.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(chains.len(), 1, "{reports:?}");
    chains[0].clone()
}

/// How a listener emits in turn.
#[derive(Clone, Copy, Debug)]
enum Nested {
    Async,
    Spawned,
    Blocking,
    Spawn,
    OwnTask,
    OwnThread,
}

/// Registers a listener of `E` that emits what `next` makes, and notes the report.
fn link<E: eventbus::Event, F: eventbus::Event>(bus: &Bus, how: Nested, reports: &Log<Report>, next: fn() -> F) {
    let weak = bus.downgrade();
    let reports = reports.clone();
    match how {
        Nested::Async | Nested::Spawned => {
            let code = move |_: Arc<E>| {
                let (bus, reports) = (weak.upgrade().unwrap(), reports.clone());
                // Boxed: a future that holds itself has no size.
                let nested: futures_util::future::BoxFuture<'static, ()> = Box::pin(async move {
                    tokio::task::yield_now().await;
                    reports.add(bus.emit(next()).await);
                });
                nested
            };
            if matches!(how, Nested::Async) {
                bus.on_async(code);
            } else {
                bus.listener::<E>().spawned().on_async(code);
            }
        }
        Nested::Blocking => {
            bus.on_blocking::<E>(move |_| reports.add(weak.upgrade().unwrap().emit(next()).blocking()));
        }
        Nested::Spawn => {
            bus.on_async::<E>(move |_| {
                let handle = weak.upgrade().unwrap().emit(next()).spawn();
                let reports = reports.clone();
                async move { reports.add(handle.await) }
            });
        }
        Nested::OwnTask => {
            bus.listener::<E>().with_context().on_async(move |_, cx| {
                let (bus, reports) = (cx.bus(), reports.clone());
                tokio::spawn(async move { reports.add(bus.emit(next()).await) })
            });
        }
        Nested::OwnThread => {
            bus.listener::<E>().with_context().on_blocking(move |_, cx| {
                let (bus, reports) = (cx.bus(), reports.clone());
                std::thread::spawn(move || reports.add(bus.emit(next()).blocking())).join().unwrap();
            });
        }
    }
}

#[test]
fn a_circle_of_emissions_stops_at_the_limit_with_its_chain_however_it_is_closed() {
    for (flavour, runtime) in flavours() {
        for how in [Nested::Async, Nested::Spawned, Nested::Blocking, Nested::Spawn, Nested::OwnTask, Nested::OwnThread]
        {
            finishes(&format!("{how:?} on {flavour}"), move || {
                let bus = Bus::builder().recursion_limit(5).build();
                let reports = Log::default();
                link::<Ping, Pong>(&bus, how, &reports, || Pong);
                link::<Pong, Ping>(&bus, how, &reports, || Ping);
                let report = runtime().block_on(async {
                    let report = bus.emit(Ping).await;
                    bus.settled().await.unwrap();
                    report
                });
                // The listener that was refused is not the outer one's failure: that one ended well.
                assert!(report.is_ok(), "{how:?}: {report}");
                assert_eq!(refused(&reports), "ping -> pong -> ping -> pong -> ping -> pong", "{how:?} on {flavour}");
            });
        }
    }
}

#[tokio::test]
async fn a_long_chain_shows_its_last_events() {
    let bus = Bus::new();
    let reports = Log::default();
    link::<Ping, Pong>(&bus, Nested::Async, &reports, || Pong);
    link::<Pong, Ping>(&bus, Nested::Async, &reports, || Ping);
    assert!(bus.emit(Ping).await.is_ok());
    let chain = refused(&reports);
    assert!(chain.starts_with(".. -> ") && chain.ends_with("ping -> pong -> ping"), "{chain}");
}

/// An emission belongs to the code that first polls it, not to the code that made it.
#[tokio::test]
async fn an_emission_takes_its_parent_when_it_is_first_polled() {
    let bus = Bus::builder().recursion_limit(1).build();
    let made: Log<eventbus::emit::EmitHandle> = Log::default();
    let weak = bus.downgrade();
    let handles = made.clone();
    bus.on::<Ping>(move |_| handles.add(weak.upgrade().unwrap().emit(Pong).spawn()));
    bus.on::<Pong>(|_| ());
    // Spawned inside: a child.
    assert!(bus.emit(Ping).await.is_ok());
    assert_eq!(outcomes(&made.take().remove(0).await), ["RecursionLimit"]);
    // Awaited side by side: none is the child of the other.
    let (first, second) = tokio::join!(bus.emit(Pong), bus.emit(Pong));
    assert!(first.is_ok() && second.is_ok());
}

/// A chain that goes on in sequence does not get deeper.
#[tokio::test]
async fn emissions_one_after_the_other_are_each_one_deep() {
    let bus = Bus::builder().recursion_limit(2).build();
    bus.listener::<Ping>().with_context().on_async(|_, cx| async move {
        let bus = cx.bus();
        for number in 0..100 {
            bus.emit(Numbered(number)).await.into_result()?;
        }
        eventbus::Ok(())
    });
    bus.on_async::<Numbered>(|_| tokio::task::yield_now());
    bus.emit(Ping).await.into_result().unwrap();
}

/// The frame is taken off the thread after every poll: what else the thread does is inside of nothing.
#[tokio::test]
async fn other_tasks_of_the_thread_are_inside_of_no_emission() {
    let bus = Bus::new();
    bus.on_async::<Ping>(|_| async {
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    });
    bus.listener::<Ping>().spawned().on_async(|_| tokio::task::yield_now());
    let other = bus.clone();
    let bystander = tokio::spawn(async move {
        for _ in 0..5 {
            assert_eq!(super::support::at_once(other.settled()).unwrap_or(Ok(())), Ok(()));
            tokio::task::yield_now().await;
        }
    });
    let (report, bystander) = tokio::join!(bus.emit(Ping), bystander);
    assert!(report.is_ok());
    bystander.unwrap();
    bus.settled().await.unwrap();
}
