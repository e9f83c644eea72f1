//! Emissions by name are emissions: each way to finish and to stop one, order, isolation, the limit of recursion.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use eventbus::{
    Bus, EmitError, Outcome,
    emit::{EmitAny, NotRun},
};
use tokio_util::sync::CancellationToken;

use crate::{
    events::UserCreated,
    support::{Log, OnDrop, hush},
};

/// Emissions by name of each sort: of a typed event by value and as JSON, of an unclaimed name by value and as JSON.
fn each(bus: &Bus) -> [EmitAny<'_>; 4] {
    bus.declare::<UserCreated>().unwrap();
    [
        bus.emit_name("user.created", UserCreated { id: 1 }).unwrap(),
        bus.emit_json("user.created", r#"{"id": 1}"#).unwrap(),
        bus.emit_name("user.lost", ()).unwrap(),
        bus.emit_json("user.lost", "1").unwrap(),
    ]
}

/// A bus with a listener that never ends; the log tells when it was stopped.
fn stuck() -> (Bus, Log) {
    let (bus, log) = (Bus::builder().on_failure(|_| ()).build(), Log::default());
    bus.listener_pattern("user.*").unwrap().with(log.clone()).on_async(|log, _| async move {
        let _stopped = OnDrop(|| log.add("stopped"));
        std::future::pending::<()>().await;
    });
    (bus, log)
}

#[tokio::test]
async fn it_is_awaited_or_spawned_or_blocks() {
    let bus = Bus::new();
    bus.on_pattern("user.*", |_| ()).unwrap();
    bus.on_pattern_async("user.*", |_| async { tokio::task::yield_now().await }).unwrap();
    for emit in each(&bus) {
        assert_eq!(emit.await.succeeded(), 2);
    }
    for emit in each(&bus) {
        assert_eq!(emit.spawn().await.succeeded(), 2);
    }
    let succeeded = tokio::task::spawn_blocking(move || each(&bus).map(|emit| emit.blocking().succeeded())).await;
    assert_eq!(succeeded.unwrap(), [2; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_and_a_deadline_stop_it() {
    let (bus, log) = stuck();
    for emit in each(&bus) {
        let report = emit.timeout(Duration::from_secs(1)).await;
        assert!(matches!(report.into_result(), Err(EmitError::TimedOut(_))));
        assert_eq!(log.take(), ["stopped"]);
    }
    for emit in each(&bus) {
        let report = emit.deadline(tokio::time::Instant::now() + Duration::from_secs(1)).await;
        assert!(matches!(report.failures()[0].outcome(), Outcome::TimedOut));
        assert_eq!(log.take(), ["stopped"]);
    }
}

#[tokio::test]
async fn a_token_and_a_future_cancel_it() {
    let (bus, log) = stuck();
    for emit in each(&bus) {
        let token = CancellationToken::new();
        let (report, ()) = tokio::join!(emit.cancel_on(&token), async {
            tokio::task::yield_now().await;
            token.cancel();
        });
        assert!(matches!(report.into_result(), Err(EmitError::Cancelled(_))));
        assert_eq!(log.take(), ["stopped"]);
    }
    for emit in each(&bus) {
        let token = CancellationToken::new();
        let (report, ()) = tokio::join!(emit.until(token.clone().cancelled_owned()), async {
            tokio::task::yield_now().await;
            token.cancel();
        });
        assert!(matches!(report.failures()[0].outcome(), Outcome::Cancelled));
        assert_eq!(log.take(), ["stopped"]);
    }
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    for emit in each(&bus) {
        assert!(matches!(emit.cancel_on(&cancelled).blocking().into_result(), Err(EmitError::Cancelled(_))));
        assert!(log.take().is_empty(), "not even started");
    }
}

#[tokio::test]
async fn dropping_it_stops_its_listeners() {
    let (bus, log) = stuck();
    for emit in each(&bus) {
        {
            let mut emit = pin!(emit);
            assert!(matches!(emit.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
        }
        assert_eq!(log.take(), ["stopped"]);
    }
}

#[test]
fn a_panic_by_name_stops_nobody_else() {
    hush();
    let (bus, log) = (Bus::builder().on_failure(|_| ()).build(), Log::default());
    bus.on_pattern("user.*", |_| panic!("boom")).unwrap();
    bus.on_pattern_async("user.*", |_| async { panic!("boom") }).unwrap();
    bus.listener_pattern("user.*").unwrap().with(log.clone()).on(|log, _| log.add("on"));
    bus.listener_pattern("user.*").unwrap().with(log.clone()).on_async(|log, _| async move { log.add("on_async") });
    for emit in each(&bus) {
        let report = emit.blocking();
        assert_eq!((report.succeeded(), report.failures().len()), (2, 2), "{report}");
        assert_eq!(log.take(), ["on", "on_async"]);
    }
}

#[test]
fn the_limit_of_recursion_holds_for_emissions_by_name() {
    for json in [false, true] {
        let (bus, depth) = (Bus::builder().recursion_limit(5).on_failure(|_| ()).build(), Log::default());
        bus.listener_pattern("user.*").unwrap().named("loop").with(depth.clone()).with_context().on(
            move |depth, e, cx| {
                depth.add("called");
                let bus = cx.bus();
                let name = if e.name() == "user.lost" { "user.found" } else { "user.lost" };
                let emit = if json { bus.emit_json(name, "1")? } else { bus.emit_name(name, ())? };
                emit.blocking().into_result()?;
                eventbus::Ok(())
            },
        );
        let report = bus.emit_name("user.lost", ()).unwrap().blocking();
        assert_eq!(depth.take().len(), 5);
        assert!(report.to_string().contains("nested 5 deep"), "{report}");
    }
}

#[test]
fn the_chain_of_a_typed_recursion_by_name_names_the_event() {
    let (bus, chains) = (Bus::builder().recursion_limit(3).on_failure(|_| ()).build(), Log::default());
    bus.listener_pattern("user.*").unwrap().with(chains.clone()).with_context().on(|chains, _, cx| {
        let report = cx.bus().emit_name("user.created", UserCreated { id: 1 })?.blocking();
        for failure in report.failures() {
            if let Outcome::NotRun(NotRun::RecursionLimit(chain)) = failure.outcome() {
                chains.add(chain.to_string());
            }
        }
        eventbus::Ok(())
    });
    bus.emit(UserCreated { id: 1 }).blocking();
    assert_eq!(chains.take(), ["user.created -> user.created -> user.created -> user.created"]);
}
