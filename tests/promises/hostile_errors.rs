//! P1 and P6: whatever an error or a panic says, printing it ends, is short, and does not panic.

#[path = "../common/hostile.rs"]
mod hostile;

use std::sync::{Arc, atomic::Ordering};

use eventbus::{
    Bus, Outcome, WiringError,
    intercept::{CallEnd, EmissionInfo, Intercepted, Interceptor},
    listener::ListenerInfo,
};
use hostile::{BadSource, Huge, MOST_OF_A_CHAIN, MOST_OF_A_TEXT, OwnSource, TEN_MEGABYTES, Unprintable};

use crate::support::{Ping, bus_lines, finishes, hush, in_child};

/// A bus whose listener fails with each of the errors in turn.
fn failing_with(error: impl std::error::Error + Send + Sync + 'static) -> Bus {
    hush();
    let (bus, error) = (Bus::new(), Arc::new(error));
    bus.on::<Ping>(move |_| Err(Box::<dyn std::error::Error + Send + Sync>::from(Shared(Arc::clone(&error)))));
    bus
}

/// An error in an `Arc`, so that it can be given more than once.
#[derive(Debug)]
struct Shared<E>(Arc<E>);

impl<E: std::error::Error> std::fmt::Display for Shared<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: std::error::Error> std::error::Error for Shared<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// Everything that shows the failures of one emission.
fn check(bus: &Bus) -> String {
    let report = bus.emit(Ping).blocking();
    hostile::check(&report);
    hostile::check(&report.failures()[0]);
    hostile::check(report.failures()[0].outcome());
    let text = report.to_string();
    hostile::check(&report.into_result().unwrap_err());
    text
}

#[test]
fn an_error_that_is_its_own_source_is_printed_sixteen_sources_deep() {
    let text = finishes("printing it", || check(&failing_with(OwnSource::default())));
    assert_eq!(text.matches("round").count(), 17, "{text}");
    assert!(text.ends_with(": .."), "{text}");
}

#[test]
fn a_report_with_an_error_that_is_its_own_source_can_be_dropped_unread() {
    let output =
        in_child("hostile_errors::a_report_with_an_error_that_is_its_own_source_can_be_dropped_unread", || {
            drop(failing_with(OwnSource::default()).emit(Ping).blocking());
        });
    if let Some(output) = output {
        let lines = bus_lines(&output);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].len() < MOST_OF_A_CHAIN && lines[0].contains("failed: round: round"), "{lines:#?}");
    }
}

#[test]
fn a_text_without_end_is_cut_off_while_it_is_written() {
    let error = Huge::default();
    let written = Arc::clone(&error.written);
    let bus = failing_with(error);
    let report = bus.emit(Ping).blocking();
    let text = report.to_string();
    assert!(text.len() < MOST_OF_A_TEXT && text.ends_with("xx.."), "{} bytes", text.len());
    assert!(written.load(Ordering::Relaxed) <= 2000, "it wrote {written:?} bytes");
    check(&bus);
    let stubborn = Huge { stubborn: true, ..Huge::default() };
    assert!(check(&failing_with(stubborn)).len() < MOST_OF_A_TEXT);
}

#[test]
fn a_text_is_cut_between_characters() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| Err("ä".repeat(5000)));
    let text = check(&bus);
    assert!(text.len() < MOST_OF_A_TEXT && text.ends_with("ä.."), "{text}");
}

#[test]
fn a_display_that_panics_shows_what_it_wrote_and_that_it_panicked() {
    let text = check(&failing_with(Unprintable));
    assert!(text.contains("as far as this") && text.contains("panicked: boom of Display"), "{text}");
}

#[test]
fn a_source_that_panics_shows_the_error_and_that_it_panicked() {
    let text = check(&failing_with(BadSource));
    assert!(text.contains("the error itself: ") && text.contains("panicked: boom of source"), "{text}");
}

#[test]
fn the_message_of_a_panic_is_kept_up_to_a_bound() {
    hush();
    let bus = Bus::new();
    bus.on::<Ping>(|_| std::panic::panic_any("boom ".repeat(TEN_MEGABYTES / 5)));
    bus.on::<Ping>(|_| std::panic::panic_any(&*"boom ".repeat(10_000).leak()));
    let report = bus.emit(Ping).blocking();
    for failure in report.failures() {
        let Outcome::Panicked(message) = failure.outcome() else { panic!("{failure}") };
        assert!(message.len() <= 1024 + 2 && message.ends_with(".."), "{} bytes", message.len());
    }
    check(&bus);
}

#[test]
fn names_of_listeners_are_printed_up_to_a_bound() {
    let bus = Bus::new();
    bus.listener::<Ping>().named(&"n".repeat(TEN_MEGABYTES)).on(|_| Err("no"));
    let text = check(&bus);
    assert!(text.len() < MOST_OF_A_TEXT && text.contains("nn..`"), "{} bytes", text.len());
    assert_eq!(bus.listener_infos()[0].name().unwrap().len(), TEN_MEGABYTES, "the name itself is as it was given");
}

/// Refuses every call with one of the errors.
struct Refuses(fn() -> Box<dyn std::error::Error + Send + Sync>);

impl Interceptor for Refuses {
    fn call(&self, _: &EmissionInfo<'_>, _: &ListenerInfo) -> Intercepted<CallEnd> {
        Err((self.0)())
    }
}

#[test]
fn the_reason_of_a_refusal_is_bounded_too() {
    hush();
    for error in hostile::EACH {
        let bus = Bus::builder().intercept(Refuses(error)).build();
        bus.on::<Ping>(|_| ());
        let text = finishes("printing it", move || check(&bus));
        assert!(text.contains("did not run: refused: "), "{text}");
    }
}

#[test]
fn a_module_that_refuses_may_say_what_it_likes() {
    hush();
    for error in hostile::EACH {
        let error = WiringError::refused(error());
        finishes("printing it", move || hostile::check(&error));
    }
}
