//! Methods that listen by pattern.

use std::sync::Arc;

use eventbus::{AnyEvent, Bus, Context, WiringError, listener::ListenerKind, listeners};

use crate::support::{Log, Numbered, Ping, Pong};

struct Audit(Log<String>);

#[listeners]
impl Audit {
    #[on(pattern = "*", priority = 1)]
    fn every(&self, e: &AnyEvent<'_>) {
        self.0.add(format!("every {}", e.name()));
    }

    #[on(pattern = "ping", once)]
    fn borrows(&self, e: &AnyEvent, cx: &Context) {
        assert!(e.downcast_ref::<Ping>().is_some());
        self.0.add(format!("borrows {}", cx.event_name()));
    }

    #[on(pattern = "numbered")]
    async fn owns(&self, e: AnyEvent<'static>) -> Result<(), String> {
        tokio::task::yield_now().await;
        let Numbered(number) = e.downcast_ref().ok_or("another type")?;
        self.0.add(format!("owns {number}"));
        Ok(())
    }

    #[on(pattern = "numbered", timeout = "5s")]
    async fn owns_and_borrows(&self, e: &AnyEvent<'_>, cx: &Context) {
        tokio::task::yield_now().await;
        self.0.add(format!("owns_and_borrows {} {}", e.name(), cx.event_name()));
    }

    #[on(pattern = "numbered", blocking)]
    fn blocks(&self, e: &AnyEvent<'_>) {
        self.0.add(format!("blocks {}", e.name()));
    }

    #[on]
    fn typed(&self, _: &Ping) {
        self.0.add("typed".to_owned());
    }
}
const LINE_OF_TYPED: u32 = line!() - 4;

#[tokio::test]
async fn methods_listen_by_name_beside_those_that_listen_by_type() {
    let (bus, log) = (Bus::new(), Log::default());
    let subscription = bus.register(Arc::new(Audit(log.clone()))).unwrap();
    for _ in 0..2 {
        assert!(bus.emit(Ping).await.is_ok());
        assert!(bus.emit(Pong).await.is_ok());
    }
    let ping = ["every ping", "typed", "every pong"];
    assert_eq!(log.take(), [&["every ping", "borrows ping", "typed", "every pong"], &ping[..]].concat());

    let report = bus.emit(Numbered(7)).await;
    assert!(report.is_ok(), "{report}");
    let mut entries = log.take();
    entries.sort();
    assert_eq!(entries, ["blocks numbered", "every numbered", "owns 7", "owns_and_borrows numbered numbered"]);

    assert!(subscription.off());
    assert!(bus.listener_infos().is_empty());
    assert_eq!(bus.emit(Numbered(7)).await.succeeded(), 0);
}

#[test]
fn a_listener_by_name_has_the_name_place_and_scope_of_its_method() {
    let bus = Bus::new();
    bus.register(Arc::new(Audit(Log::default()))).unwrap();
    let listeners = bus.listener_infos();
    let blocks = listeners.iter().find(|info| info.name() == Some("Audit::blocks")).unwrap();
    assert_eq!(blocks.pattern().unwrap().as_str(), "numbered");
    assert_eq!((blocks.scope(), blocks.kind()), (Some("Audit"), ListenerKind::Blocking));
    assert_eq!(blocks.location().line(), LINE_OF_TYPED - 5);
}

struct Filtered {
    pattern: &'static str,
}

#[listeners]
impl Filtered {
    #[on]
    fn first(&self, _: &Ping) {}

    #[on(pattern = self.pattern)]
    fn by_name(&self, _: &AnyEvent<'_>) {}
}

#[test]
fn a_pattern_may_be_the_instances_and_a_malformed_one_takes_the_module_back() {
    let bus = Bus::new();
    let error = bus.register(Arc::new(Filtered { pattern: "User.*" })).unwrap_err();
    assert!(matches!(error, WiringError::Pattern(_)), "{error}");
    assert!(bus.listener_infos().is_empty());
    bus.register(Arc::new(Filtered { pattern: "pong" })).unwrap();
    assert_eq!(bus.emit(Pong).blocking().succeeded(), 1);
    bus.clear();
    assert!(bus.listener_infos().is_empty());
}
