//! What an interceptor cannot break: it panics, or does not do what it is to do.

use eventbus::{
    Bus, Report,
    intercept::{Around, CallEnd, EmissionInfo, Intercepted, Interceptor},
    listener::ListenerInfo,
};

use super::recorder::{OnCall, OnEmission, Recorder};
use crate::support::{Bomb, Log, Ping, bus_lines, hush, in_child};

fn two_listeners(bus: &Bus) -> Log {
    let log = Log::default();
    let noted = log.clone();
    bus.listener::<Ping>().named("sync").on(move |_| noted.add("sync"));
    let noted = log.clone();
    bus.listener::<Ping>().named("async").on_async(move |_| {
        let log = noted.clone();
        async move { log.add("async") }
    });
    log
}

#[test]
fn a_panic_in_emission_refuses_it() {
    hush();
    let panics = OnEmission(|_: &EmissionInfo<'_>| -> Intercepted<Report> { panic!("boom: no database") });
    let outer = Recorder::new("");
    let told = outer.log.clone();
    let bus = Bus::builder().intercept(outer).intercept(panics).build();
    let log = two_listeners(&bus);
    let report = bus.emit(Ping).blocking();
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(report.failures().len(), 2);
    let text = report.failures()[0].to_string();
    assert!(text.contains("did not run: refused: the interceptor `"), "{text}");
    assert!(text.ends_with("panicked: boom: no database"), "{text}");
    assert_eq!(told.take(), ["ping", "ping: 0 ok, [refused, refused]"]);
}

#[test]
fn a_panic_in_call_refuses_that_call() {
    hush();
    let panics = OnCall(|_: &EmissionInfo<'_>, listener: &ListenerInfo| -> Intercepted<CallEnd> {
        if listener.name() == Some("sync") { std::panic::panic_any(Bomb) } else { Ok(None) }
    });
    let bus = Bus::builder().intercept(panics).build();
    let log = two_listeners(&bus);
    let report = bus.emit(Ping).blocking();
    assert_eq!(log.take(), ["async"]);
    assert_eq!((report.succeeded(), report.failures().len()), (1, 1));
}

/// Does in its parts and at its end what it is told to.
#[derive(Clone, Copy)]
enum Rogue {
    PanicsBefore,
    PanicsAfter,
    NeverCalls,
    CallsTwice,
    PanicsAtTheEnd,
    ExplodesWhenDropped,
}

struct RogueAround(Rogue, Option<Bomb>);

impl Interceptor for Rogue {
    fn emission(&self, _: &EmissionInfo<'_>) -> Intercepted<Report> {
        Ok(Some(Box::new(RogueAround(*self, self.bomb()))))
    }

    fn call(&self, _: &EmissionInfo<'_>, _: &ListenerInfo) -> Intercepted<CallEnd> {
        Ok(Some(Box::new(RogueAround(*self, self.bomb()))))
    }
}

impl Rogue {
    fn bomb(self) -> Option<Bomb> {
        matches!(self, Self::ExplodesWhenDropped).then(|| Bomb)
    }
}

impl<End> Around<End> for RogueAround {
    fn part(&mut self, part: &mut dyn FnMut()) {
        match self.0 {
            Rogue::PanicsBefore => panic!("boom: before"),
            Rogue::PanicsAfter => {
                part();
                panic!("boom: after");
            }
            Rogue::NeverCalls => {}
            Rogue::CallsTwice => {
                part();
                part();
            }
            Rogue::PanicsAtTheEnd | Rogue::ExplodesWhenDropped => part(),
        }
    }

    fn end(self: Box<Self>, _: &End) {
        drop(self.1);
        assert!(!matches!(self.0, Rogue::PanicsAtTheEnd), "boom: at the end");
    }
}

const ROGUES: [Rogue; 6] = [
    Rogue::PanicsBefore,
    Rogue::PanicsAfter,
    Rogue::NeverCalls,
    Rogue::CallsTwice,
    Rogue::PanicsAtTheEnd,
    Rogue::ExplodesWhenDropped,
];

#[test]
fn each_listener_runs_once_whatever_is_around_it() {
    hush();
    for rogue in ROGUES {
        let (outer, inner) = (Recorder::new(""), Recorder::new(""));
        let logs = [outer.log.clone(), inner.log.clone()];
        let bus = Bus::builder().intercept(outer).intercept(rogue).intercept(inner).build();
        let log = two_listeners(&bus);
        for awaited in [true, false] {
            let emit = bus.emit(Ping);
            let report = if awaited { futures_executor::block_on(emit) } else { emit.blocking() };
            assert!(report.is_ok(), "{report}");
            assert_eq!(report.succeeded(), 2);
            assert_eq!(log.take(), ["sync", "async"]);
            let all = ["ping", "ping/sync", "ping/sync: ok", "ping/async", "ping/async: ok", "ping: 2 ok, []"];
            for log in &logs {
                assert_eq!(log.take(), all);
            }
        }
    }
}

#[tokio::test]
async fn so_it_does_in_a_task_and_on_the_pool() {
    hush();
    for rogue in ROGUES {
        let bus = Bus::builder().intercept(rogue).build();
        let log = Log::default();
        let noted = log.clone();
        bus.listener::<Ping>().spawned().on_async(move |_| {
            let log = noted.clone();
            async move { log.add("ran") }
        });
        let noted = log.clone();
        bus.on_blocking::<Ping>(move |_| noted.add("ran"));
        assert_eq!(bus.emit(Ping).spawn().await.succeeded(), 2);
        assert_eq!(log.take(), ["ran", "ran"]);
    }
}

#[test]
fn panics_around_a_call_are_written_to_stderr() {
    let test = "containment::panics_around_a_call_are_written_to_stderr";
    let Some(output) = in_child(test, || {
        for rogue in [Rogue::PanicsBefore, Rogue::PanicsAtTheEnd] {
            let bus =
                Bus::builder().intercept(OnCall(move |_: &EmissionInfo<'_>, _: &ListenerInfo| -> Intercepted<_> {
                    Ok(Some(Box::new(RogueAround(rogue, None))))
                }));
            let bus = bus.build();
            bus.on::<Ping>(|_| {});
            assert!(bus.emit(Ping).blocking().is_ok());
        }
    }) else {
        return;
    };
    let lines = bus_lines(&output);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].ends_with("panicked in `part`: boom: before"), "{lines:?}");
    assert!(lines[1].ends_with("panicked in `end`: boom: at the end"), "{lines:?}");
}

#[test]
fn an_interceptor_whose_drop_panics_harms_nobody() {
    hush();
    let bomb = Bomb;
    let bus = Bus::builder().intercept(OnEmission(move |_: &EmissionInfo<'_>| -> Intercepted<Report> {
        let _held = &bomb;
        Ok(None)
    }));
    drop(bus.build());
}

#[test]
fn a_panic_of_the_event_in_its_drop_leaves_what_was_around_it_behind_quietly() {
    use eventbus::Event;
    #[derive(Event)]
    struct Explosive(Bomb);

    hush();
    let bus = Bus::builder().intercept(Rogue::ExplodesWhenDropped).build();
    bus.on_async::<Explosive>(|_| async {});
    let emitted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bus.emit(Explosive(Bomb)).blocking()));
    // Whose the last `Arc` is decides who panics; that there is one panic at a time is what counts.
    drop(emitted.map_err(std::mem::forget));
}
