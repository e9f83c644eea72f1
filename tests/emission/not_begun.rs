//! P5: a blocking listener that has not begun when its emission ends does not begin.

use std::{
    sync::{Mutex, mpsc},
    time::Duration,
};

use eventbus::{Bus, EmitError};

use super::support::{Log, Ping, Pong, finishes, outcomes, poll_once};

/// Runs `code` on a runtime whose only thread of the blocking pool is taken until the sender is dropped.
fn with_a_busy_pool(code: impl AsyncFnOnce(mpsc::Sender<()>) + Send + 'static) {
    finishes("a busy pool", move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async move {
            let (release, released) = mpsc::channel::<()>();
            let (begins, begun) = mpsc::channel();
            let released = Mutex::new(released);
            tokio::task::spawn_blocking(move || {
                begins.send(()).unwrap();
                let _ = released.lock().unwrap().recv();
            });
            begun.recv().unwrap();
            code(release).await;
        });
    });
}

#[test]
fn a_blocking_listener_that_waits_for_a_thread_does_not_run_once_the_emission_has_timed_out() {
    with_a_busy_pool(async |release| {
        let (bus, log) = (Bus::new(), Log::default());
        bus.listener::<Ping>().with(log.clone()).on_blocking(|log, _| log.add("ran"));
        let report = bus.emit(Ping).timeout(Duration::from_millis(1)).await;
        assert_eq!(outcomes(&report), ["NotBegun"]);
        assert!(report.to_string().contains("did not run: no thread was free"), "{report}");
        assert!(matches!(report.into_result(), Err(EmitError::TimedOut(_))));
        drop(release);
        bus.settled().await.unwrap();
        assert!(log.take().is_empty());
    });
}

#[test]
fn a_blocking_listener_that_waits_for_a_thread_does_not_run_once_the_emission_is_dropped() {
    with_a_busy_pool(async |release| {
        let (bus, log) = (Bus::new(), Log::default());
        bus.listener::<Ping>().with(log.clone()).on_blocking(|log, _| log.add("ran"));
        let mut emit = bus.emit(Ping);
        assert!(poll_once(&mut emit).is_pending());
        drop(emit);
        drop(release);
        bus.settled().await.unwrap();
        assert!(log.take().is_empty());
    });
}

#[test]
fn a_blocking_listener_whose_own_time_is_up_before_it_begins_does_not_run() {
    with_a_busy_pool(async |release| {
        let (bus, log) = (Bus::new(), Log::default());
        bus.listener::<Ping>().timeout(Duration::from_millis(1)).with(log.clone()).on_blocking(|log, _| log.add("ran"));
        assert_eq!(outcomes(&bus.emit(Ping).await), ["NotBegun"]);
        drop(release);
        bus.settled().await.unwrap();
        assert!(log.take().is_empty());
    });
}

#[test]
fn one_that_gets_its_thread_in_time_runs() {
    with_a_busy_pool(async |release| {
        let (bus, log) = (Bus::new(), Log::default());
        bus.listener::<Pong>().with(log.clone()).on_blocking(|log, _| log.add("ran"));
        let mut emit = bus.emit(Pong);
        assert!(poll_once(&mut emit).is_pending());
        drop(release);
        assert!(emit.await.is_ok());
        assert_eq!(log.take(), ["ran"]);
    });
}
