//! The keys of `#[on(..)]` and `#[listeners(..)]`.

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{Bus, Context, Outcome, listener::ListenerKind, listeners};

use crate::support::{Log, Ping, Pong};

struct Ordered(Log);

#[listeners]
impl Ordered {
    const EARLY: i32 = 5;

    #[on(priority = -1)]
    fn last(&self, _: &Ping) {
        self.0.add("last");
    }

    #[on]
    fn middle(&self, _: &Ping) {
        self.0.add("middle");
    }

    #[on(once, priority = 10)]
    fn first_and_once(&self, _: &Ping) {
        self.0.add("first_and_once");
    }

    #[on(priority = Self::EARLY + 1)]
    fn early(&self, _: &Ping) {
        self.0.add("early");
    }
}

#[test]
fn priority_and_once_are_kept() {
    let (bus, log) = (Bus::new(), Log::default());
    bus.register(Arc::new(Ordered(log.clone()))).unwrap();
    bus.emit(Ping).blocking();
    assert_eq!(log.take(), ["first_and_once", "early", "middle", "last"]);
    bus.emit(Ping).blocking();
    assert_eq!(log.take(), ["early", "middle", "last"]);
}

struct Regional {
    region: String,
    patience: Duration,
    rank: i32,
}

#[listeners(named = &self.region)]
impl Regional {
    #[on(named = "by literal")]
    fn by_literal(&self, _: &Pong) {}

    #[on(named = &format!("{} by expression", self.region), priority = self.rank)]
    fn by_expression(&self, _: &Pong) {}

    #[on(timeout = self.patience)]
    async fn waits(&self, _: &Ping) {
        pending::<()>().await;
    }
}

#[test]
fn names_and_priorities_may_be_those_of_the_instance() {
    let bus = Bus::new();
    let module = Regional { region: "north".into(), patience: Duration::ZERO, rank: 3 };
    let subscription = bus.register(Arc::new(module)).unwrap();
    let listeners = bus.listener_infos();
    let pongs: Vec<_> = listeners.iter().filter(|info| info.event().unwrap().name() == "pong").collect();
    assert_eq!(pongs[0].name(), Some("north by expression"));
    assert_eq!(pongs[0].priority(), 3);
    assert_eq!(pongs[1].name(), Some("by literal"));
    assert!(listeners.iter().all(|info| info.scope() == Some("north")));
    assert_eq!(subscription.info().name(), Some("north"));
}

struct Slow;

#[listeners]
impl Slow {
    #[on(timeout = "20ms")]
    async fn by_text(&self, _: &Ping) {
        pending::<()>().await;
    }

    #[on(timeout = Duration::from_millis(20), spawned)]
    async fn by_expression(&self, _: &Ping) {
        pending::<()>().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_text_or_an_expression_also_one_of_the_instance() {
    let bus = Bus::new();
    bus.register(Arc::new(Slow)).unwrap();
    let module = Regional { region: "south".into(), patience: Duration::from_millis(20), rank: 0 };
    bus.register(Arc::new(module)).unwrap();
    let start = tokio::time::Instant::now();
    let report = bus.emit(Ping).await;
    assert_eq!(report.failures().len(), 3, "{report}");
    assert!(report.failures().iter().all(|failure| matches!(failure.outcome(), Outcome::TimedOut)), "{report}");
    assert!(start.elapsed() < Duration::from_millis(40), "{:?}", start.elapsed());
}

#[derive(Default)]
struct Elsewhere {
    threads: Mutex<Vec<std::thread::ThreadId>>,
}

#[listeners]
impl Elsewhere {
    #[on(spawned)]
    async fn in_a_task_of_its_own(&self, _: &Ping, cx: Context) {
        assert!(!cx.is_cancelled());
        self.threads.lock().unwrap().push(std::thread::current().id());
    }

    #[on(blocking, timeout = "1m", once)]
    fn on_the_pool(&self, _: &Ping) {
        self.threads.lock().unwrap().push(std::thread::current().id());
    }
}

#[tokio::test]
async fn spawned_and_blocking_say_where_a_method_runs() {
    let (bus, module) = (Bus::new(), Arc::new(Elsewhere::default()));
    bus.register(module.clone()).unwrap();
    let kinds: Vec<_> = bus.listener_infos().iter().map(eventbus::listener::ListenerInfo::kind).collect();
    assert_eq!(kinds, [ListenerKind::Spawned, ListenerKind::Blocking]);
    assert_eq!(bus.emit(Ping).await.succeeded(), 2);
    let threads = module.threads.lock().unwrap();
    assert!(threads.iter().any(|thread| *thread != std::thread::current().id()), "the pool is elsewhere");
}
