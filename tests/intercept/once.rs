//! Listeners that run once, and interceptors that refuse them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use eventbus::{
    Bus, Subscription,
    intercept::{CallEnd, EmissionInfo, Intercepted},
    listener::ListenerInfo,
};

use super::recorder::{OnCall, Recorder};
use crate::support::{Log, Ping};

/// A bus that refuses calls while the switch is on.
fn switched() -> (Bus, Arc<AtomicBool>) {
    let refuses = Arc::new(AtomicBool::new(true));
    let switch = refuses.clone();
    let guard = OnCall(move |_: &EmissionInfo<'_>, _: &ListenerInfo| -> Intercepted<CallEnd> {
        if switch.load(Ordering::Relaxed) { Err("not yet".into()) } else { Ok(None) }
    });
    (Bus::builder().intercept(guard).build(), refuses)
}

#[tokio::test]
async fn a_refused_call_does_not_spend_it() {
    let (bus, refuses) = switched();
    let log = Log::default();
    let noted = log.clone();
    bus.listener::<Ping>().once().on(move |_| noted.add("sync"));
    let noted = log.clone();
    bus.listener::<Ping>().once().on_async(move |_| {
        noted.add("async");
        async {}
    });
    let noted = log.clone();
    bus.listener_pattern("ping").unwrap().once().on(move |_| noted.add("by name"));
    let noted = log.clone();
    bus.listener::<Ping>().once().on_blocking(move |_| noted.add("blocking"));

    assert_eq!(bus.emit(Ping).await.failures().len(), 4);
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(bus.listener_count::<Ping>(), 4);

    refuses.store(false, Ordering::Relaxed);
    assert_eq!(bus.emit(Ping).await.succeeded(), 4);
    assert_eq!(log.take(), ["sync", "by name", "async", "blocking"]);
    assert_eq!(bus.listener_count::<Ping>(), 0);
    assert_eq!(bus.emit(Ping).await.succeeded(), 0);
}

#[test]
fn one_that_is_gone_when_interceptors_have_agreed_is_not_called_and_they_are_told() {
    let ours: Arc<Mutex<Option<Subscription>>> = Arc::default();
    let target = ours.clone();
    let recorder = Recorder::new("");
    let log = recorder.log.clone();
    let switches_off = OnCall(move |_: &EmissionInfo<'_>, _: &ListenerInfo| -> Intercepted<CallEnd> {
        let subscription = target.lock().unwrap().take();
        subscription.inspect(|subscription| assert!(subscription.off()));
        Ok(None)
    });
    let bus = Bus::builder().intercept(recorder).intercept(switches_off).build();
    let subscription = bus.listener::<Ping>().named("x").on(|_| unreachable!("it is off"));
    *ours.lock().unwrap() = Some(subscription);
    let report = bus.emit(Ping).blocking();
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.succeeded(), 0);
    assert_eq!(log.take(), ["ping", "ping/x", "ping/x: gone", "ping: 0 ok, []"]);
}

#[test]
fn it_runs_once_however_many_threads_have_been_let_in() {
    let recorder = Recorder::new("");
    let log = recorder.log.clone();
    let bus = Bus::builder().intercept(recorder).build();
    for _ in 0..50 {
        bus.listener::<Ping>().named("x").once().on(|_| {});
        let start = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    assert!(bus.emit(Ping).blocking().is_ok());
                });
            }
        });
        let log = log.take();
        let count = |line: &str| log.iter().filter(|noted| *noted == line).count();
        assert_eq!(count("ping/x: ok"), 1);
        assert_eq!(count("ping/x"), 1 + count("ping/x: gone"), "each that began has ended");
    }
}
