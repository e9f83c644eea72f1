//! Failures, panics and delays that a test puts into the calls of listeners and handlers.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use eventbus::{
    BoxError, Bus, Event, Outcome, Retry,
    consumer::Batch,
    emit::NotRun,
    listeners,
    testing::{Recorder, explore},
};
use tokio::time::Instant;

use crate::support::panic_of;

#[derive(Debug, Event)]
struct OrderPlaced;

#[derive(Debug, Event)]
struct MailRequested;

const MINUTE: Duration = Duration::from_mins(1);

/// A recorder, and a bus whose failures are read by nobody.
fn recorded() -> (Recorder, Bus) {
    let recorder = Recorder::new();
    let bus = Bus::builder().recorder(&recorder).on_failure(|_| {}).on_dead_letter(|_| {}).build();
    (recorder, bus)
}

fn io_error(outcome: &Outcome) -> Option<io::ErrorKind> {
    outcome.error()?.downcast_ref::<io::Error>().map(io::Error::kind)
}

#[tokio::test]
async fn listeners_of_every_kind_fail_with_the_error_and_are_not_called() {
    let (recorder, bus) = recorded();
    let called = |_: &OrderPlaced| panic!("it is called");
    bus.listener::<OrderPlaced>().named("charge").on(called);
    bus.listener::<OrderPlaced>().named("charge").on_async(|_| async { panic!("it is called") });
    bus.listener::<OrderPlaced>().named("charge").spawned().on_async(|_| async { panic!("it is called") });
    bus.listener::<OrderPlaced>().named("charge").on_blocking(called);
    bus.listener_pattern("order.*").unwrap().named("charge").on(|_| panic!("it is called"));
    bus.listener::<OrderPlaced>().named("audit").on(|_| {});

    let failure = recorder.fail_with("charge", || io::Error::from(io::ErrorKind::TimedOut));
    let report = bus.emit(OrderPlaced).await;
    let kinds: Vec<_> = report.failures().iter().map(|failure| io_error(failure.outcome())).collect();
    assert_eq!(kinds, [Some(io::ErrorKind::TimedOut); 5]);
    assert_eq!((report.succeeded(), failure.happened()), (1, 5));
    failure.off();
    assert!(bus.emit(OrderPlaced).await.failures().iter().all(|failure| failure.to_string().contains("it is called")));
    recorder.assert_injected();
}

#[test]
fn an_error_that_can_be_cloned_keeps_its_type() {
    #[derive(Clone, Debug, PartialEq)]
    struct Declined(u8);
    impl std::fmt::Display for Declined {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("declined")
        }
    }
    impl std::error::Error for Declined {}

    let (recorder, bus) = recorded();
    bus.listener::<OrderPlaced>().named("charge").on(|_| {});
    recorder.fail("charge", Declined(7)).times(1);
    let report = bus.emit(OrderPlaced).blocking();
    assert_eq!(report.failures()[0].outcome().error().unwrap().downcast_ref(), Some(&Declined(7)));
    assert!(bus.emit(OrderPlaced).blocking().is_ok());
}

#[tokio::test]
async fn listeners_of_every_kind_panic() {
    let (recorder, bus) = recorded();
    bus.listener::<OrderPlaced>().named("charge").on(|_| {});
    bus.listener::<OrderPlaced>().named("charge").on_async(|_| async {});
    bus.listener::<OrderPlaced>().named("charge").spawned().on_async(|_| async {});
    bus.listener::<OrderPlaced>().named("charge").on_blocking(|_| {});
    recorder.panic("charge", "out of luck");
    let report = bus.emit(OrderPlaced).await;
    let is_panic = |outcome: &Outcome| matches!(outcome, Outcome::Panicked(text) if &**text == "out of luck");
    assert_eq!(report.failures().iter().filter(|failure| is_panic(failure.outcome())).count(), 4);
}

#[derive(Default)]
struct Shop {
    charged: AtomicUsize,
}

#[listeners]
impl Shop {
    #[on]
    fn charge(&self, _: &OrderPlaced) {
        self.charged.fetch_add(1, Relaxed);
    }
}

#[test]
fn a_method_of_a_module_is_named_by_both() {
    let (recorder, bus) = recorded();
    let shop = Arc::new(Shop::default());
    bus.register(Arc::clone(&shop)).unwrap();
    recorder.fail("Shop::charge", "declined").times(1);
    assert_eq!(bus.emit(OrderPlaced).blocking().failures()[0].outcome().to_string(), "failed: declined");
    assert!(bus.emit(OrderPlaced).blocking().is_ok());
    assert_eq!(shop.charged.load(Relaxed), 1);
}

#[test]
fn a_failure_spends_once_as_a_call_does() {
    let (recorder, bus) = recorded();
    bus.listener::<OrderPlaced>().named("charge").once().on(|_| {});
    recorder.fail("charge", "declined");
    assert_eq!(bus.emit(OrderPlaced).blocking().failures().len(), 1);
    assert_eq!(bus.listener_count::<OrderPlaced>(), 0);
}

#[test]
fn several_failures_happen_one_after_the_other_and_only_of_their_event() {
    let (recorder, bus) = recorded();
    bus.listener_pattern("**").unwrap().named("audit").on(|_| {});
    recorder.fail("audit", "first").times(1);
    recorder.fail("audit", "second").of::<OrderPlaced>().times(1);
    recorder.fail("audit", "never").of::<OrderPlaced>().times(0);
    let text = |report: eventbus::Report| report.failures().first().map(|failure| failure.outcome().to_string());
    assert_eq!(text(bus.emit(MailRequested).blocking()).unwrap(), "failed: first");
    assert_eq!(text(bus.emit(MailRequested).blocking()), None);
    assert_eq!(text(bus.emit(OrderPlaced).blocking()).unwrap(), "failed: second");
    assert_eq!(text(bus.emit(OrderPlaced).blocking()), None);
    recorder.assert_injected();
}

#[tokio::test(start_paused = true)]
async fn an_async_listener_is_delayed_and_its_limit_stops_it() {
    let (recorder, bus) = recorded();
    let began = Instant::now();
    bus.listener::<OrderPlaced>().named("slow").on_async(move |_| async move {
        assert_eq!(began.elapsed(), MINUTE);
    });
    bus.listener::<OrderPlaced>().named("slow").spawned().on_async(move |_| async move {
        assert_eq!(began.elapsed(), MINUTE);
    });
    bus.listener::<OrderPlaced>().named("limited").timeout(MINUTE / 2).on_async(|_| async { panic!("too late") });
    recorder.delay("slow", MINUTE / 2);
    recorder.delay("slow", MINUTE / 2);
    recorder.delay("limited", MINUTE);
    let report = bus.emit(OrderPlaced).await;
    assert_eq!((report.succeeded(), report.failures().len()), (2, 1), "{report}");
    assert!(matches!(report.failures()[0].outcome(), Outcome::TimedOut));
    assert_eq!(began.elapsed(), MINUTE);
    recorder.assert_injected();
}

#[tokio::test(start_paused = true)]
async fn a_delay_and_a_failure_go_together() {
    let (recorder, bus) = recorded();
    bus.listener::<OrderPlaced>().named("slow").on_async(|_| async { panic!("it is called") });
    recorder.fail("slow", "gave up").times(1);
    recorder.delay("slow", MINUTE).times(1);
    let began = Instant::now();
    let report = bus.emit(OrderPlaced).await;
    assert_eq!((report.failures()[0].outcome().to_string(), began.elapsed()), ("failed: gave up".into(), MINUTE));
}

#[tokio::test]
async fn listeners_that_hold_a_thread_cannot_be_delayed_and_the_report_says_so() {
    let (recorder, bus) = recorded();
    bus.listener::<OrderPlaced>().named("held").on(|_| {});
    bus.listener::<OrderPlaced>().named("held").on_blocking(|_| {});
    recorder.delay("held", MINUTE);
    let report = bus.emit(OrderPlaced).await;
    assert!(report.failures().iter().all(|failure| matches!(failure.outcome(), Outcome::NotRun(NotRun::Refused(_)))));
    let told: Vec<_> = report.failures().iter().map(|failure| failure.outcome().to_string()).collect();
    let text = |kind| {
        format!("did not run: refused: `Recorder::delay` cannot delay a {kind} listener: it would hold up a thread")
    };
    assert_eq!(told, [text("sync"), text("blocking")]);
    panic_of(|| recorder.assert_injected());
}

/// A handler that notes its attempts, on a bus with a recorder.
async fn handled(retry: Retry, inject: impl FnOnce(&Recorder)) -> Result<(Bus, Vec<u32>), BoxError> {
    let (recorder, bus) = recorded();
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&attempts);
    let handle = move |_, delivery: eventbus::Delivery| {
        seen.lock().unwrap().push(delivery.attempt());
        std::future::ready(())
    };
    bus.consumer("mailer").handle::<MailRequested>(handle).retry(retry).timeout(MINUTE).start().await?;
    inject(&recorder);
    bus.publish(MailRequested).await?;
    bus.drained(60 * MINUTE).await?;
    recorder.assert_injected();
    let attempts = attempts.lock().unwrap().clone();
    Ok((bus, attempts))
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_fails_twice_is_handled_on_attempt_3() -> Result<(), BoxError> {
    let began = Instant::now();
    let (bus, attempts) =
        handled(Retry::fixed(MINUTE), |recorder| _ = recorder.fail("mailer", "down").times(2)).await?;
    assert_eq!((attempts, began.elapsed().as_secs()), (vec![3], 120));
    assert_eq!((bus.stats().deliveries().handled, bus.stats().groups[0].retried), (1, 2));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_panics_and_takes_too_long_by_injection() -> Result<(), BoxError> {
    let (_, attempts) = handled(Retry::fixed(MINUTE), |recorder| {
        recorder.panic("mailer", "out of luck").times(1);
        recorder.delay("mailer", 2 * MINUTE).of::<MailRequested>().times(2);
    })
    .await?;
    assert_eq!(attempts, [3]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_always_fails_is_a_dead_letter_with_the_error() -> Result<(), BoxError> {
    let retry = Retry::fixed(MINUTE).max_attempts(3);
    let (bus, attempts) = handled(retry, |recorder| _ = recorder.fail("mailer", "down")).await?;
    assert!(attempts.is_empty());
    let letters = bus.dead_letters().in_memory();
    assert!(letters[0].to_string().contains("down"), "{}", letters[0]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handlers_of_batches_and_by_pattern_fail_too() -> Result<(), BoxError> {
    let (recorder, bus) = recorded();
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sizes);
    let batch = move |batch: Batch<OrderPlaced>| {
        seen.lock().unwrap().push(batch.len());
        std::future::ready(())
    };
    let rest = Arc::new(AtomicUsize::new(0));
    let others = Arc::clone(&rest);
    bus.consumer("rows").handle_batch::<OrderPlaced>(10, MINUTE, batch).retry(Retry::fixed(MINUTE)).start().await?;
    let count = move |_, _| {
        others.fetch_add(1, Relaxed);
        std::future::ready(())
    };
    bus.consumer("rest").handle_pattern("mail.*", count).retry(Retry::fixed(MINUTE)).start().await?;
    recorder.fail("rows", "down").times(1);
    recorder.delay("rows", MINUTE).times(1);
    recorder.panic("rest", "out of luck").times(1);
    assert!(bus.publish_all([OrderPlaced, OrderPlaced, OrderPlaced]).await.iter().all(Result::is_ok));
    bus.publish(MailRequested).await?;
    bus.drained(60 * MINUTE).await?;
    assert_eq!(sizes.lock().unwrap().iter().sum::<usize>(), 3);
    assert_eq!((rest.load(Relaxed), bus.stats().deliveries().handled), (1, 4));
    recorder.assert_injected();
    Ok(())
}

#[test]
fn a_name_that_nobody_has_shows_at_the_end() {
    let (recorder, bus) = recorded();
    bus.listener::<OrderPlaced>().named("charge").on(|_| {});
    recorder.fail("chagre", "declined");
    recorder.panic("charge", "out of luck").times(2);
    recorder.delay("mailer", MINUTE).of::<MailRequested>();
    let text = panic_of(|| recorder.assert_injected());
    assert!(text.ends_with("\nno listener and no handler was called"), "{text}");
    assert_eq!(bus.emit(OrderPlaced).blocking().failures().len(), 1);
    let text = panic_of(|| recorder.assert_injected());
    let (missing, called) = text.split_once("\ncalled were:\n  ").unwrap();
    let expected = "not injected as asked for:
  fail `chagre`: never happened
  panic `charge`: happened 1 of 2 times
  delay `mailer` of `mail.requested`: never happened";
    assert_eq!(missing, expected);
    assert!(
        called.starts_with("listener `charge` (tests/testing/injecting.rs:") && called.lines().count() == 1,
        "{called}"
    );
}

#[test]
fn an_injected_failure_is_the_same_under_every_schedule() {
    explore(0..100, |_| async {
        let (recorder, bus) = recorded();
        let handle = |_, delivery: eventbus::Delivery| async move {
            if delivery.attempt() == 3 { Ok(()) } else { Err("it is called") }
        };
        bus.consumer("two").handle::<OrderPlaced>(handle).workers(2).retry(Retry::fixed(MINUTE)).start().await?;
        recorder.fail("two", "down").times(2);
        recorder.delay("two", MINUTE);
        bus.publish(OrderPlaced).await?;
        bus.drained(60 * MINUTE).await?;
        assert_eq!((bus.stats().deliveries().handled, bus.stats().groups[0].retried), (1, 2));
        recorder.assert_injected();
        Ok::<_, BoxError>(())
    });
}
