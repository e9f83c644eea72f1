//! Interceptors that use the bus themselves: no lock is held while they run.

use std::sync::{Arc, OnceLock};

use eventbus::{
    Bus, Event, Report,
    emit::InsideEmission,
    intercept::{Around, CallEnd, EmissionInfo, Intercepted, Interceptor},
    listener::ListenerInfo,
};

use super::recorder::OnEmission;
use crate::support::{Log, Ping, Pong, finishes};

#[derive(Event)]
struct CallEnded;

/// Emits, listens, unsubscribes and clears in each of the hooks.
struct Meddles(Log);

struct Meddling {
    bus: Bus,
    log: Log,
}

impl Meddles {
    fn meddle(&self, emission: &EmissionInfo<'_>) -> Option<Meddling> {
        // Else it would be around what it emits, and emit again.
        (emission.event_type() == Some(Ping::TYPE)).then(|| {
            let meddling = Meddling { bus: emission.bus(), log: self.0.clone() };
            meddling.meddle();
            meddling
        })
    }
}

impl Meddling {
    fn meddle(&self) {
        let log = self.log.clone();
        let subscription = self.bus.on::<CallEnded>(move |_| log.add("heard"));
        assert!(self.bus.emit(CallEnded).blocking().is_ok());
        assert!(subscription.off());
        self.bus.on_pattern("nobody.*", |_| {}).unwrap().off();
        self.bus.listener_infos();
        // Not reached after a panic, which the bus contains.
        self.log.add("done");
    }
}

impl Interceptor for Meddles {
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        Ok(self.meddle(emission).map(|meddling| -> Box<dyn Around<Report>> { Box::new(meddling) }))
    }

    fn call(&self, emission: &EmissionInfo<'_>, _: &ListenerInfo) -> Intercepted<CallEnd> {
        Ok(self.meddle(emission).map(|meddling| -> Box<dyn Around<CallEnd>> { Box::new(meddling) }))
    }
}

impl<End> Around<End> for Meddling {
    fn part(&mut self, part: &mut dyn FnMut()) {
        self.meddle();
        part();
    }

    fn end(self: Box<Self>, _: &End) {
        self.meddle();
        self.bus.clear();
    }
}

#[test]
fn an_interceptor_may_do_anything_to_the_bus() {
    finishes("an interceptor that meddles", || {
        let log = Log::default();
        let bus = Bus::builder().intercept(Meddles(log.clone())).build();
        bus.on::<Ping>(|_| {});
        assert!(bus.emit(Ping).blocking().is_ok());
        let expected = [["heard", "done"]; 6].concat();
        assert_eq!(log.take(), expected, "before, in the part and at the end of the emission and of the call");
        assert_eq!(bus.listener_count::<Ping>(), 0);
    });
}

#[test]
fn one_that_emits_for_every_emission_ends_at_the_recursion_limit() {
    let again = OnEmission(|emission: &EmissionInfo<'_>| -> Intercepted<Report> {
        let report = emission.bus().emit(Ping).blocking();
        if report.is_ok() { Ok(None) } else { Err(report.into_result().unwrap_err().into()) }
    });
    let bus = Bus::builder().intercept(again).recursion_limit(5).build();
    let log = Log::default();
    bus.listener::<Ping>().with(log.clone()).on(|log, _| log.add("called"));
    let text = bus.emit(Ping).blocking().to_string();
    assert!(text.contains("nested 5 deep"), "{text}");
    assert_eq!(log.take(), [""; 0], "every emission is refused");
}

#[tokio::test]
async fn what_an_interceptor_emits_at_the_end_is_caused_by_the_emission() {
    let bus_cell: Arc<OnceLock<Bus>> = Arc::default();
    let cell = bus_cell.clone();
    let answers = Log::default();
    let answered = answers.clone();
    let waits = OnEmission(move |_: &EmissionInfo<'_>| -> Intercepted<Report> {
        let (bus, answers) = (cell.get().unwrap().clone(), answered.clone());
        Ok(Some(Box::new(move |_: &Report| {
            answers.add(futures_util::FutureExt::now_or_never(bus.settled()));
        })))
    });
    let bus = Bus::builder().intercept(waits).build();
    bus_cell.set(bus.clone()).unwrap();
    bus.on_async::<Pong>(|_| async { tokio::task::yield_now().await });
    assert!(bus.emit(Pong).await.is_ok());
    assert!(bus.emit(Pong).spawn().await.is_ok());
    assert_eq!(answers.take(), [Some(Err(InsideEmission)); 2], "it does not hang");
}

#[tokio::test]
async fn the_last_handle_may_fall_inside_of_an_interceptor() {
    let weak = {
        let slot = Arc::new(std::sync::Mutex::new(None::<Bus>));
        let taken = slot.clone();
        let drops = OnEmission(move |_: &EmissionInfo<'_>| -> Intercepted<Report> {
            drop(taken.lock().unwrap().take());
            Ok(None)
        });
        let bus = Bus::builder().intercept(drops).build();
        bus.on::<Ping>(|_| {});
        *slot.lock().unwrap() = Some(bus.clone());
        let weak = bus.downgrade();
        let handle = bus.emit(Ping).spawn();
        drop(bus);
        assert!(handle.await.is_ok());
        weak
    };
    assert!(weak.upgrade().is_none());
}
