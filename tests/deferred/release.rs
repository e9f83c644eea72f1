//! How a release goes, and what comes of it.

use std::{future, time::Duration};

use eventbus::{Bus, EmitError};
use tokio_util::sync::CancellationToken;

use super::{counts, keeping, noting};
use crate::support::{Log, Numbered, Ping, Pong, hush};

#[tokio::test]
async fn an_event_is_emitted_when_the_one_before_it_has_ended() {
    let (bus, log) = noting();
    let later = log.clone();
    bus.on_async::<Numbered>(move |e| {
        let log = later.clone();
        async move {
            tokio::task::yield_now().await;
            log.add(e.0 * 10);
        }
    });
    assert!(keeping(&bus, 1..=2).release().await.is_ok());
    assert_eq!(log.take(), [1, 10, 2, 20]);
}

#[test]
fn listeners_are_those_of_the_release() {
    let bus = Bus::new();
    let pending = keeping(&bus, [7]);
    let log = Log::default();
    bus.listener::<Numbered>().with(log.clone()).on(|log, e| log.add(e.0));
    pending.release().blocking();
    assert_eq!(log.take(), [7]);
}

#[test]
fn a_failing_listener_keeps_no_later_event_back_and_the_error_names_its_event() {
    hush();
    let (bus, log) = noting();
    bus.listener::<Ping>().named("broken").on(|_| Err("no good"));
    bus.listener::<Pong>().named("panicking").on(|_| panic!("boom"));
    let pending = bus.deferred();
    pending.emit(Ping);
    pending.emit(Numbered(1));
    pending.emit(Pong);
    pending.emit(Numbered(2));

    let released = pending.release().blocking();
    assert!(!released.is_ok());
    assert_eq!((released.reports().len(), log.take()), (4, vec![1, 2]));
    assert!(released.to_string().contains("listener `broken`"), "{released}");

    let error = released.into_result().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("2 of 4 released events did not go well"), "{text}");
    for part in ["`ping`", "failed: no good", "`pong`", "panicked: boom"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("numbered"), "{text}");
    let failed: Vec<_> = error.errors().map(|error| error.report().event_name().to_owned()).collect();
    assert_eq!(failed, ["ping", "pong"]);
    assert_eq!(error.into_released().reports().len(), 4);
}

#[test]
fn a_release_works_on_any_executor_and_is_unpin_and_send() {
    fn check<T: Unpin + Send>(value: T) -> T {
        value
    }
    let (bus, log) = noting();
    bus.on_async::<Numbered>(|_| async {});
    assert!(futures_executor::block_on(check(keeping(&bus, 1..=2).release())).is_ok());
    assert_eq!(log.take(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn one_deadline_covers_all_and_the_rest_is_reported_as_timed_out() {
    let (bus, log) = noting();
    bus.listener::<Numbered>().filter(|e| e.0 == 2).on_async(|_| future::pending::<()>());
    let released = keeping(&bus, 1..=3).release().timeout(Duration::from_secs(5)).await;
    let timed_out = |error: &EmitError| matches!(error, EmitError::TimedOut(_));
    assert_eq!((log.take(), counts(&bus)), (vec![1, 2], (0, 3, 0)));
    let error = released.into_result().unwrap_err();
    assert_eq!(error.errors().filter(timed_out).count(), 2);

    let now = tokio::time::Instant::now();
    let late = keeping(&bus, [1]).release().deadline(now).await;
    assert_eq!(late.into_result().unwrap_err().errors().filter(timed_out).count(), 1);
}

#[test]
fn a_token_cancels_what_is_left_and_the_reports_say_so() {
    let (bus, log) = noting();
    let token = CancellationToken::new();
    let stop = token.clone();
    bus.listener::<Numbered>().filter(|e| e.0 == 2).on(move |_| stop.cancel());
    let error = keeping(&bus, 1..=4).release().cancel_on(&token).blocking().into_result().unwrap_err();
    assert_eq!((log.take(), counts(&bus)), (vec![1, 2], (0, 4, 0)));
    assert!(error.errors().all(|error| matches!(error, EmitError::Cancelled(_))));
    assert_eq!(error.errors().count(), 2);
}
