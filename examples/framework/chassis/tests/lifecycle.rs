//! What an application promises of starting and stopping.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use chassis::{App, BoxError, Bus, Event, Lifecycle, listeners};

#[derive(Event)]
struct Tick;

/// Emitted by a module that stops.
#[derive(Event)]
struct Stopping(&'static str);

/// Notes what happens to it; fails where it is told to.
struct Part {
    name: &'static str,
    fails_at: &'static str,
    bus: Bus,
    log: Arc<Mutex<Vec<String>>>,
}

impl Part {
    fn say(&self, what: &str) {
        self.log.lock().unwrap().push(format!("{} {what}", self.name));
    }

    fn may_fail(&self, at: &str) -> Result<(), BoxError> {
        if self.fails_at == at { Err(format!("cannot {at}").into()) } else { Ok(()) }
    }
}

#[listeners(named = self.name)]
impl Part {
    #[on]
    fn tick(&self, _: &Tick) {
        self.say("ticks");
    }

    #[on]
    fn other(&self, e: &Stopping) {
        self.say(&format!("hears {}", e.0));
    }
}

impl Lifecycle for Part {
    async fn start(&self) -> Result<(), BoxError> {
        self.say("starts");
        self.bus.emit(Tick).await.into_result()?;
        self.may_fail("start")
    }

    async fn stop(&self) -> Result<(), BoxError> {
        self.say("stops");
        self.bus.emit(Stopping(self.name)).await.into_result()?;
        self.may_fail("stop")
    }
}

/// An application of `a`, `b` and `c`; what each of them fails at.
fn app(fails_at: [&'static str; 3]) -> (App, Bus, Arc<Mutex<Vec<String>>>) {
    let (bus, log) = (Bus::new(), Arc::<Mutex<Vec<String>>>::default());
    let part = |name, fails_at| Arc::new(Part { name, fails_at, bus: bus.clone(), log: log.clone() });
    let [a, b, c] = fails_at;
    (App::on("app", bus.clone()).with(part("a", a)).with(part("b", b)).with(part("c", c)), bus, log)
}

fn take(log: &Mutex<Vec<String>>) -> Vec<String> {
    std::mem::take(&mut log.lock().unwrap())
}

#[tokio::test]
async fn modules_start_in_order_and_stop_in_reverse() {
    let (app, bus, log) = app([""; 3]);
    let running = app.start().await.unwrap();
    // Those that have started hear the others; a module hears nothing of its own start.
    assert_eq!(take(&log), ["a starts", "b starts", "a ticks", "c starts", "a ticks", "b ticks"]);
    running.stop().await.unwrap();
    assert_eq!(take(&log), ["c stops", "a hears c", "b hears c", "b stops", "a hears b", "a stops"]);
    assert!(bus.listener_infos().is_empty());
}

#[tokio::test]
async fn a_module_that_does_not_start_stops_those_before_it() {
    let (app, bus, log) = app(["", "start", ""]);
    let error = app.start().await.unwrap_err();
    assert_eq!((error.module(), error.to_string().as_str()), ("b", "module `b` did not start: cannot start"));
    assert_eq!(take(&log), ["a starts", "b starts", "a ticks", "a stops"]);
    assert!(bus.listener_infos().is_empty());
}

#[tokio::test]
async fn a_module_that_does_not_stop_keeps_no_other_from_stopping() {
    let (app, bus, log) = app(["stop", "stop", ""]);
    let error = app.start().await.unwrap().stop().await.unwrap_err();
    assert_eq!(error.to_string(), "did not stop well: module `b`: cannot stop; module `a`: cannot stop");
    assert_eq!(take(&log).last().unwrap(), "a stops");
    assert!(bus.listener_infos().is_empty());
}

#[tokio::test]
async fn what_was_spawned_is_heard_before_anything_stops() {
    let (app, bus, log) = app([""; 3]);
    let running = app.start().await.unwrap();
    take(&log);
    bus.emit(Tick).spawn();
    running.stop().await.unwrap();
    assert_eq!(take(&log)[..4], ["a ticks", "b ticks", "c ticks", "c stops"]);
}

#[tokio::test]
async fn the_listing_tells_who_hears_what_and_which_events_nobody_hears() {
    #[derive(Event)]
    #[event(name = "lonely", version = 3)]
    struct Lonely;

    let (app, bus, _) = app([""; 3]);
    let running = app.start().await.unwrap();
    bus.emit(Lonely).await;
    bus.on::<Tick>(|_| ()); // of no module
    let listing = running.listing();
    assert_eq!(listing.rows().len(), 6);
    let [module, listener, hears, at] = &listing.rows()[0];
    assert_eq!((&**module, &**listener, &**hears), ("a", "Part::other", "stopping"));
    assert!(at.contains("lifecycle.rs:"), "{at}");
    assert_eq!(listing.unheard(), ["lonely.v3"]);
    assert!(listing.to_string().ends_with("\nnobody hears: lonely.v3\n"));
    running.stop().await.unwrap();
}
