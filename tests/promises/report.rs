//! P6: the report tells everything, and what nobody reads is told anyway.

use std::{
    error::Error,
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use eventbus::{Bus, EmitError, Event, Failure, Outcome, Report, Retry, WeakBus};

use crate::support::{Log, Numbered, Ping, Pong, bus_lines, hush, in_child};

#[derive(Debug)]
struct Outer(Inner);

#[derive(Debug)]
struct Inner;

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot\r\nsend")
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no\nroute")
    }
}

impl Error for Inner {}
impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn it_says_who_failed_where_and_how() {
    hush();
    let bus = Bus::new();
    bus.on::<Ping>(|_| ());
    let (plain, line) = (bus.on::<Ping>(|_| Err("no such user")), line!());
    let (named, named_line) = (bus.listener::<Ping>().named("mailer").on(|_| panic!("boom")), line!());

    let report = bus.emit(Ping).blocking();
    assert_eq!(report.event_type(), Some(Ping::TYPE));
    assert!(report.emission().is_some());
    assert_eq!(report.succeeded(), 1);
    assert!(!report.is_ok());
    let [failed, panicked] = report.failures() else { panic!("{report}") };
    assert_eq!(failed.listener().id(), plain.info().id());
    assert_eq!(failed.listener().name(), None);
    assert_eq!(failed.listener().location().line(), line);
    assert_eq!(failed.listener().location().file(), file!());
    assert!(matches!(failed.outcome(), Outcome::Failed(error) if error.to_string() == "no such user"));
    assert_eq!(panicked.listener().id(), named.info().id());
    assert_eq!(panicked.listener().name(), Some("mailer"));
    assert!(matches!(panicked.outcome(), Outcome::Panicked(message) if &**message == "boom"));

    let (id, file) = (plain.info().id(), file!());
    assert_eq!(
        report.to_string(),
        format!(
            "ping: listener {id} ({file}:{line}) failed: no such user\n\
             ping: listener `mailer` ({file}:{named_line}) panicked: boom"
        )
    );
}

#[test]
fn without_failures_it_is_one_line() {
    let bus = Bus::new();
    assert_eq!(bus.emit(Ping).blocking().to_string(), "ping: 0 listeners finished well");
    bus.on::<Ping>(|_| ());
    assert_eq!(bus.emit(Ping).blocking().to_string(), "ping: 1 listener finished well");
}

#[test]
fn each_failing_listener_gets_one_line_whatever_its_error_says() {
    hush();
    let bus = Bus::new();
    bus.on::<Ping>(|_| Err(Outer(Inner)));
    bus.on::<Ping>(|_| Err("ends with a line end\n"));
    bus.on::<Ping>(|_| panic!("boom\n\x1b[31mred"));
    bus.listener::<Ping>().named("two\nlines").on(|_| Err("plain"));
    bus.scope("a\nscope").on::<Ping>(|_| Err("plain"));

    let report = bus.emit(Ping).blocking();
    let text = report.to_string();
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(!text.contains(['\r', '\x1b']), "{text}");
    assert!(text.contains(r"failed: cannot\r\nsend: no\nroute"), "{text}");
    assert!(text.contains(r"listener `two\nlines`"), "{text}");
    for failure in report.failures() {
        assert_eq!(failure.to_string().lines().count(), 1);
        assert_eq!(failure.listener().to_string().lines().count(), 1);
        assert_eq!(failure.outcome().to_string().lines().count(), 1);
    }
    let error = report.into_result().unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn it_is_clone_send_and_sync() {
    fn check<T: Clone + Send + Sync + fmt::Debug + fmt::Display + 'static>(_: &T) {}
    fn check_error<T: Error + Clone + Send + Sync + 'static>(_: &T) {}
    let bus = Bus::new();
    bus.on::<Ping>(|_| Err("failed"));
    let report = bus.emit(Ping).blocking();
    check(&report);
    report.failures().iter().for_each(check::<Failure>);
    let copy = report.clone();
    let text = thread::spawn(move || copy.to_string()).join().unwrap();
    assert_eq!(text, report.to_string());
    check_error(&report.into_result().unwrap_err());
}

#[test]
fn as_an_error_it_names_the_event_and_each_failure() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| ());
    bus.listener::<Ping>().named("a").on(|_| Err("first"));
    bus.listener::<Ping>().named("b").on(|_| Err("second"));
    bus.listener::<Ping>().filter(|_| false).on(|_| ());
    let run = || -> Result<Report, Box<dyn Error>> { Ok(bus.emit(Ping).blocking().into_result()?) };
    let error = run().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("2 of 3 listeners of `ping` did not finish well; listener `a` ("), "{text}");
    assert!(text.contains("failed: first; listener `b` (") && text.ends_with("failed: second"), "{text}");
    let EmitError::Failed(report) = *error.downcast::<EmitError>().unwrap() else { panic!("another error") };
    assert_eq!(report.failures().len(), 2);
    let error = report.clone().into_result().unwrap_err();
    assert_eq!(error.report().failures().len(), 2);
    assert_eq!(error.into_report().emission(), report.emission());
}

#[test]
fn the_hook_hears_of_each_failure_once_read_or_not() {
    hush();
    let heard = Log::default();
    let log = heard.clone();
    let bus = Bus::builder().on_failure(move |failure| log.add(failure.to_string())).build();
    bus.on::<Ping>(|_| Err("failed"));
    bus.on::<Ping>(|_| panic!("boom"));
    for read in [true, false] {
        let report = bus.emit(Ping).blocking();
        assert_eq!(heard.take().len(), 2, "at the end of the emission");
        let copy = report.clone();
        if read {
            assert_eq!(report.failures().len(), 2);
        }
        drop((report, copy));
        assert!(heard.take().is_empty());
    }
}

#[test]
fn a_hook_that_emits_failing_events_does_not_loop() {
    let bus: Arc<OnceLock<WeakBus>> = Arc::default();
    let heard = Arc::new(AtomicUsize::new(0));
    let (weak, count) = (Arc::clone(&bus), Arc::clone(&heard));
    let (in_hook, in_listener) = (Log::default(), Log::default());
    let seen = in_hook.clone();
    let hooked = Bus::builder()
        .on_failure(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            let bus = weak.get().unwrap().upgrade().unwrap();
            let nested = bus.emit(Pong).blocking();
            seen.add((nested.failures().len(), nested.succeeded()));
        })
        .build();
    bus.set(hooked.downgrade()).unwrap();
    let weak = hooked.downgrade();
    hooked.on::<Ping>(|_| Err("ping failed"));
    hooked.on::<Pong>(|_| Err("pong failed"));
    let seen = in_listener.clone();
    hooked.on::<Pong>(move |_| {
        let report = weak.upgrade().unwrap().emit(Ping).blocking();
        seen.add(report.failures().len());
    });
    hooked.on::<Pong>(|_| Err("pong failed, too"));
    assert_eq!(hooked.emit(Ping).blocking().failures().len(), 1);
    assert_eq!(heard.load(Ordering::Relaxed), 1);
    hooked.emit(Pong).blocking();
    assert_eq!(heard.load(Ordering::Relaxed), 1 + 3, "`in_hook` ends with the hook");
    assert_eq!(in_hook.take(), [(2, 1); 4], "failures inside the hook are in their reports");
    assert_eq!(in_listener.take(), [1; 4 + 1]);
}

#[test]
fn unread_failures_are_one_line_each_on_stderr() {
    let output = in_child("report::unread_failures_are_one_line_each_on_stderr", || {
        hush();
        let bus = Bus::new();
        bus.listener::<Ping>().named("failing").on(|_| Err("two\nlines"));
        bus.listener::<Ping>().named("panicking").on(|_| panic!("boom"));
        let report = bus.emit(Ping).blocking();
        assert_eq!(report.succeeded(), 0); // a count is no reading
        let copy = report.clone();
        thread::spawn(move || drop(copy)).join().unwrap();
    });
    if let Some(output) = output {
        let lines = bus_lines(&output);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("eventbus: ping: listener `failing` (tests"), "{lines:?}");
        assert!(lines[0].ends_with(r"failed: two\nlines"), "{lines:?}");
        assert!(lines[1].ends_with("panicked: boom"), "{lines:?}");
    }
}

#[test]
fn read_failures_are_not_repeated_on_stderr() {
    let output = in_child("report::read_failures_are_not_repeated_on_stderr", || {
        let bus = Bus::new();
        bus.on::<Ping>(|_| Err("failed"));
        let emit = || bus.emit(Ping).blocking();
        assert!(!emit().is_ok());
        assert_eq!(emit().failures().len(), 1);
        assert!(emit().to_string().contains("failed"));
        assert!(emit().into_result().is_err());
        assert!(format!("{:?}", emit()).contains("failed"));
        let report = emit();
        report.clone().failures();
    });
    if let Some(output) = output {
        assert!(bus_lines(&output).is_empty(), "{output:?}");
    }
}

/// What an error does while it is printed runs outside of the lock of stderr, like all foreign code outside of all locks.
#[test]
fn an_error_may_wait_for_another_thread_that_prints() {
    #[derive(Debug)]
    struct Waits;
    impl fmt::Display for Waits {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            crate::support::finishes("printing elsewhere", || {
                use std::io::Write as _;
                writeln!(std::io::stderr(), "another thread").unwrap();
            });
            f.write_str("waited")
        }
    }
    impl Error for Waits {}

    let output = in_child("report::an_error_may_wait_for_another_thread_that_prints", || {
        let bus = Bus::new();
        bus.on::<Ping>(|_| Err(Waits));
        bus.emit(Ping).blocking();
    });
    if let Some(output) = output {
        let lines = bus_lines(&output);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].ends_with("failed: waited"), "{lines:?}");
    }
}

#[test]
fn a_failed_attempt_is_told_on_stderr_where_no_hook_hears_of_it() {
    let output = in_child("report::a_failed_attempt_is_told_on_stderr_where_no_hook_hears_of_it", || {
        let bus = Bus::new();
        in_a_runtime(async {
            let consumer = bus.consumer("mailer").retry(Retry::never());
            consumer.handle::<Ping>(|_, _| async { Err::<(), _>("no server") }).start().await.unwrap();
            bus.publish(Ping).await.unwrap();
            bus.drained(Duration::from_mins(1)).await.unwrap();
        });
    });
    if let Some(output) = output {
        let told = bus_lines(&output).into_iter().filter(|line| line.contains("handler of group `mailer`")).count();
        assert_eq!(told, 1, "{output:?}");
    }
}

#[test]
fn deliveries_that_handlers_hold_when_the_last_bus_is_dropped_are_counted_on_stderr() {
    let output =
        in_child("report::deliveries_that_handlers_hold_when_the_last_bus_is_dropped_are_counted_on_stderr", || {
            in_a_runtime(async {
                let bus = Bus::builder().on_failure(|_| {}).build();
                let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
                let handler = move |e: Arc<Numbered>, _| {
                    tell.send(e.0).unwrap();
                    async move {
                        match e.0 {
                            0 => Ok(()),
                            1 => Err("no"),
                            _ => std::future::pending().await,
                        }
                    }
                };
                bus.consumer("group").handle::<Numbered>(handler).retry(Retry::never()).start().await.unwrap();
                for id in 0..3 {
                    bus.publish(Numbered(id)).await.unwrap();
                }
                while told.recv().await != Some(2) {}
                drop(bus);
            });
        });
    if let Some(output) = output {
        let lines = bus_lines(&output);
        assert!(lines.iter().any(|line| line.ends_with("deliveries in flight, now discarded: 1")), "{lines:?}");
    }
}

#[test]
fn a_failure_that_comes_after_its_report_is_told_on_stderr() {
    let output = in_child("report::a_failure_that_comes_after_its_report_is_told_on_stderr", || {
        in_a_runtime(async {
            let bus = Bus::new();
            let [begun, gate] = [(); 2].map(|()| Arc::new(tokio::sync::Notify::new()));
            bus.listener::<Ping>().spawned().with((begun.clone(), gate.clone())).on_async(
                |(begun, gate), _| async move {
                    begun.notify_one();
                    gate.notified().await;
                    Err("too late")
                },
            );
            let report = bus.emit(Ping).until(async move { begun.notified().await }).await;
            assert!(!report.is_ok());
            gate.notify_one();
            bus.settled().await.unwrap();
        });
    });
    if let Some(output) = output {
        let lines = bus_lines(&output);
        assert!(lines.len() == 1 && lines[0].ends_with("failed: too late"), "{lines:?}");
    }
}

fn in_a_runtime(code: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(code);
}
