//! P7: no hang and no surprise. Emissions that are nested too deep are refused, with the chain; all others are not.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use eventbus::{Bus, BusBuilder, EmitError, Event, Outcome, Report, emit::NotRun};

use crate::support::{Log, Numbered, Ping, Pong, hush, in_child};

#[derive(Event)]
struct A;

#[derive(Event)]
struct B;

/// A bus on which `a` and `b` emit each other for ever; the report of the refused emission goes into the log.
fn circle(builder: BusBuilder) -> (Bus, Log<Report>) {
    let (bus, refused) = (builder.build(), Log::default());
    let (weak, log) = (bus.downgrade(), refused.clone());
    bus.on::<A>(move |_| note(weak.upgrade().unwrap().emit(B).blocking(), &log));
    let (weak, log) = (bus.downgrade(), refused.clone());
    bus.on::<B>(move |_| note(weak.upgrade().unwrap().emit(A).blocking(), &log));
    (bus, refused)
}

fn note(report: Report, refused: &Log<Report>) {
    if !report.is_ok() {
        refused.add(report);
    }
}

#[test]
fn emissions_are_nested_64_deep_and_no_deeper() {
    let bus = Bus::builder().on_failure(|_| ()).build();
    let depth = Arc::new(AtomicUsize::new(0));
    let (weak, count) = (bus.downgrade(), Arc::clone(&depth));
    bus.on::<Ping>(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        weak.upgrade().unwrap().emit(Ping).blocking();
    });
    for _ in 0..3 {
        assert!(bus.emit(Ping).blocking().is_ok(), "the outermost emission is fine");
        assert_eq!(depth.swap(0, Ordering::Relaxed), 64);
    }
    assert_eq!(BusBuilder::DEFAULT_RECURSION_LIMIT, 64);
}

#[test]
fn the_refused_emission_names_the_chain() {
    let (bus, refused) = circle(Bus::builder().recursion_limit(2));
    bus.emit(A).blocking();
    let [report] = &refused.take()[..] else { panic!("one is refused") };
    assert!(report.emission().is_none());
    assert_eq!(report.succeeded(), 0);
    let Outcome::NotRun(NotRun::RecursionLimit(chain)) = report.failures()[0].outcome() else { panic!("{report}") };
    assert_eq!(chain.to_string(), "a -> b -> a");
    assert_eq!(chain.depth(), 2);
    assert!(!chain.is_spent(), "it is the first to reach the limit");
    assert_eq!(chain.events(), [A::TYPE, B::TYPE, A::TYPE]);
    let text = report.to_string();
    assert!(text.contains("did not run: emissions are nested 2 deep, the limit of this bus: a -> b -> a ("), "{text}");
}

#[test]
fn a_long_chain_shows_its_end() {
    for limit in [6, 7, 8, 9, 64] {
        let (bus, refused) = circle(Bus::builder().recursion_limit(limit));
        bus.emit(A).blocking();
        let [report] = &refused.take()[..] else { panic!("one is refused") };
        let Outcome::NotRun(NotRun::RecursionLimit(chain)) = report.failures()[0].outcome() else { panic!("{report}") };
        let names: Vec<_> = chain.events().iter().map(|event| event.name().as_str()).collect();
        let kept = 8.min(limit as usize + 1);
        let whole: Vec<_> = ["a", "b"].into_iter().cycle().take(limit as usize + 1).collect();
        assert_eq!(names, whole[whole.len() - kept..]);
        assert_eq!(chain.to_string().starts_with(".. -> "), limit >= 8, "{chain}");
    }
}

/// Without this the text of an error for each level is cut before it comes to the reason.
#[test]
fn a_circle_that_returns_its_errors_names_the_chain_in_the_outermost_report() {
    let bus = Bus::new();
    bus.listener::<A>().with_context().on(|_, cx| cx.bus().emit(B).blocking().into_result().map(drop));
    bus.listener::<B>().with_context().on(|_, cx| cx.bus().emit(A).blocking().into_result().map(drop));
    let text = bus.emit(A).blocking().to_string();
    assert!(text.contains("failed, 62 emissions further in: 1 of 1 listeners of `a` did not finish well"), "{text}");
    assert!(text.contains("emissions are nested 64 deep, the limit of this bus: .. -> b -> a -> b -> a"), "{text}");
}

#[test]
fn a_limit_of_zero_is_one() {
    let bus = Bus::builder().recursion_limit(0).build();
    bus.on::<Ping>(|_| ());
    assert_eq!(bus.emit(Ping).blocking().succeeded(), 1);
}

#[test]
fn the_limit_fits_a_small_stack() {
    let run = || {
        let (bus, refused) = circle(Bus::builder());
        bus.emit(A).blocking();
        assert_eq!(refused.take().len(), 1);
    };
    thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

/// Chaos list: the process lives on.
#[test]
fn a_self_emitting_listener_ends_well() {
    let output = in_child("limits::a_self_emitting_listener_ends_well", || {
        let bus = Bus::new();
        let weak = bus.downgrade();
        let run = move || {
            let inner = bus.downgrade();
            bus.on::<Ping>(move |_| inner.upgrade().unwrap().emit(Ping).blocking().into_result().map(drop));
            let report = bus.emit(Ping).blocking();
            // The text of a report is bounded; what ended the chain is found from error to error.
            let mut report = report;
            let mut depth = 1;
            let innermost = loop {
                assert_eq!(report.failures().len(), 1, "{report}");
                let outcome = report.failures()[0].outcome().clone();
                let Outcome::Failed(error) = &outcome else { break outcome };
                report = error.downcast_ref::<EmitError>().unwrap().report().clone();
                depth += 1;
            };
            assert!(innermost.to_string().contains("nested 64 deep"), "{innermost}");
            assert_eq!(depth, 65);
        };
        thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
        assert!(weak.upgrade().is_none());
    });
    if let Some(output) = output {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

#[test]
fn a_hundred_emissions_side_by_side_are_not_nested() {
    let bus = Bus::builder().recursion_limit(2).build();
    let weak = bus.downgrade();
    for at in 0..100 {
        let weak = weak.clone();
        bus.on::<Ping>(move |_| weak.upgrade().unwrap().emit(Numbered(at)).blocking().into_result().map(drop));
    }
    let log = Log::default();
    bus.listener::<Numbered>().with(log.clone()).on(|log, e| log.add(e.0));
    for _ in 0..2 {
        bus.emit(Ping).blocking().into_result().unwrap();
        assert_eq!(log.take(), (0..100).collect::<Vec<_>>());
    }
}

#[test]
fn emissions_of_many_threads_are_not_nested() {
    let bus = Bus::builder().recursion_limit(1).build();
    let barrier = Arc::new(std::sync::Barrier::new(50));
    let inside = Arc::clone(&barrier);
    bus.on::<Ping>(move |_| _ = inside.wait()); // all are inside at the same time
    thread::scope(|scope| {
        let threads: Vec<_> = (0..50).map(|_| scope.spawn(|| bus.emit(Ping).blocking())).collect();
        for thread in threads {
            thread.join().unwrap().into_result().unwrap();
        }
    });
}

#[test]
fn a_panic_on_the_way_leaves_the_depth_right() {
    hush();
    let bus = Bus::builder().recursion_limit(2).on_failure(|_| ()).build();
    let weak = bus.downgrade();
    bus.on::<Ping>(move |_| {
        let report = weak.upgrade().unwrap().emit(Pong).blocking();
        assert!(matches!(report.failures()[0].outcome(), Outcome::Panicked(_)), "boom: {report}");
        panic!("boom");
    });
    bus.on::<Pong>(|_| panic!("boom"));
    for _ in 0..10 {
        let report = bus.emit(Ping).blocking();
        assert_eq!(report.failures()[0].outcome().to_string(), "panicked: boom");
    }
}

#[test]
fn destructors_of_thread_locals_may_emit() {
    struct Goodbye(Bus);
    impl Drop for Goodbye {
        fn drop(&mut self) {
            self.0.emit(Ping).blocking().into_result().unwrap();
            self.0.emitter().emit(Ping).blocking().into_result().unwrap();
        }
    }
    thread_local! {
        static GOODBYE: RefCell<Option<Goodbye>> = const { RefCell::new(None) };
    }
    let (bus, log) = (Bus::new(), Log::default());
    let weak = bus.downgrade();
    bus.listener::<Ping>().with(log.clone()).on(move |log, _| {
        log.add("ping");
        weak.upgrade().unwrap().emit(Pong).blocking();
    });
    bus.listener::<Pong>().with(log.clone()).on(|log, _| log.add("pong"));
    for used_before in [true, false] {
        let bus = bus.clone();
        let run = move || {
            // Locals die in the reverse order of their first use, so both orders are tried.
            if used_before {
                bus.emit(Numbered(0)).blocking();
                bus.emit(Pong).blocking();
            }
            GOODBYE.set(Some(Goodbye(bus)));
        };
        thread::spawn(run).join().unwrap();
        let expected: &[&str] = if used_before { &["pong"] } else { &[] };
        assert_eq!(log.take(), [expected, &["ping", "pong", "ping", "pong"]].concat());
    }
}

#[test]
fn an_error_of_one_nested_emission_is_shown_as_it_is() {
    let bus = Bus::new();
    bus.listener::<A>().with_context().on(|_, cx| cx.bus().emit(B).blocking().into_result().map(drop));
    bus.on::<B>(|_| Err("no"));
    let text = bus.emit(A).blocking().to_string();
    assert!(text.contains("1 of 1 listeners of `b` did not finish well") && !text.contains("further in"), "{text}");
}
