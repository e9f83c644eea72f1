//! What is intercepted: everything that begins, exactly once, whatever its way.

use eventbus::{
    Bus, Event,
    catalog::EventSet,
    emit::EmissionId,
    intercept::{CallEnd, EmissionInfo, Intercepted, Interceptor},
    listener::ListenerInfo,
};
use serde::{Deserialize, Serialize};

use super::recorder::Recorder;
use crate::support::{Log, Ping, Pong};

#[derive(Event, Serialize, Deserialize)]
#[event(serde)]
struct UserCreated {
    id: u64,
}

fn all(event: &str, listeners: &[&str]) -> Vec<String> {
    let mut all = vec![event.to_owned()];
    for listener in listeners {
        all.extend([format!("{event}/{listener}"), format!("{event}/{listener}: ok")]);
    }
    all.push(format!("{event}: {} ok, []", listeners.len()));
    all
}

#[tokio::test]
async fn every_way_to_emit_is_intercepted_once() {
    let (bus, log) = Recorder::bus();
    bus.declare_all(&EventSet::new().with::<UserCreated>()).unwrap();
    bus.listener::<UserCreated>().named("typed").on(|_| {});
    bus.listener_pattern("user.*").unwrap().named("by name").on(|_| {});
    bus.listener_pattern("**").unwrap().named("async by name").on_async(|_| async {});
    let expected = all("user.created", &["typed", "by name", "async by name"]);
    let user = || UserCreated { id: 7 };

    assert!(bus.emit(user()).await.is_ok());
    assert_eq!(log.take(), expected);
    assert!(bus.emit(user()).spawn().await.is_ok());
    assert_eq!(log.take(), expected);
    assert!(bus.emit(std::sync::Arc::new(user())).await.is_ok());
    assert_eq!(log.take(), expected);
    let mut emitter = bus.emitter::<UserCreated>();
    for _ in 0..2 {
        assert!(emitter.emit(user()).await.is_ok());
        assert_eq!(log.take(), expected);
    }
    assert!(bus.emit_name("user.created", user()).unwrap().await.is_ok());
    assert_eq!(log.take(), expected);
    assert!(bus.emit_json("user.created", r#"{ "id": 7 }"#).unwrap().await.is_ok());
    assert_eq!(log.take(), expected);
    assert!(bus.emit_json("user.created", r#"{ "id": 7 }"#).unwrap().spawn().await.is_ok());
    assert_eq!(log.take(), expected);
    tokio::task::spawn_blocking(move || assert!(bus.emit(user()).blocking().is_ok())).await.unwrap();
    assert_eq!(log.take(), expected);
}

#[tokio::test]
async fn names_that_no_type_claims_are_intercepted_too() {
    let (bus, log) = Recorder::bus();
    bus.listener_pattern("issues.*").unwrap().named("sync").on(|_| {});
    bus.listener_pattern("issues.*").unwrap().named("async").on_async(|_| async {});
    bus.listener_pattern("issues.*").unwrap().named("blocking").on_blocking(|_| {});
    assert!(bus.emit_json("issues.opened", "{}").unwrap().await.is_ok());
    let seen = log.take();
    assert_eq!(seen.len(), 8, "{seen:?}");
    assert!(seen.iter().all(|line| line.starts_with("issues.opened")), "{seen:?}");
    assert!(bus.emit_name("issues.closed", 7).unwrap().spawn().await.is_ok());
    assert_eq!(log.take().len(), 8);
}

#[test]
fn nested_emissions_are_intercepted_on_their_own() {
    let (bus, log) = Recorder::bus();
    bus.listener::<Ping>()
        .named("outer")
        .with_context()
        .on(|_, cx| cx.bus().emit(Pong).blocking().into_result().map(drop));
    bus.listener::<Pong>().named("inner").on(|_| {});
    assert!(bus.emit(Ping).blocking().is_ok());
    let mut expected = vec!["ping".to_owned(), "ping/outer".to_owned()];
    expected.extend(all("pong", &["inner"]));
    expected.extend(["ping/outer: ok", "ping: 1 ok, []"].map(str::to_owned));
    assert_eq!(log.take(), expected);
}

#[test]
fn what_does_not_begin_is_not_intercepted() {
    let (bus, log) = Recorder::bus();
    assert!(bus.emit(Ping).blocking().is_ok());
    assert_eq!(log.take(), [""; 0], "nobody listens");
    let subscription = bus.listener::<Ping>().named("filtered").filter(|_| false).on(|_| {});
    assert!(bus.emit(Ping).blocking().is_ok());
    assert_eq!(log.take(), ["ping", "ping: 0 ok, []"], "the filter says no");
    subscription.off();
    bus.listener::<Ping>().named("spawned").spawned().on_async(|_| async {});
    assert!(!bus.emit(Ping).blocking().is_ok());
    assert_eq!(log.take(), ["ping", "ping: 0 ok, [not run]"], "there is no runtime to spawn it on");
}

#[test]
fn an_emission_that_is_too_deep_is_refused_before_interceptors_are_asked() {
    let recorder = Recorder::new("");
    let log = recorder.log.clone();
    let bus = Bus::builder().intercept(recorder).recursion_limit(3).build();
    bus.listener::<Ping>().named("again").with_context().on(|_, cx| _ = cx.bus().emit(Ping).blocking().is_ok());
    assert!(bus.emit(Ping).blocking().is_ok());
    assert_eq!(log.take().iter().filter(|line| *line == "ping").count(), 3);
}

#[test]
fn an_interceptor_sees_the_event_and_its_emission() {
    use super::recorder::OnEmission;
    let log = Log::<String>::default();
    let noted = log.clone();
    let sees = OnEmission(move |emission: &eventbus::intercept::EmissionInfo<'_>| {
        let id = emission.event().downcast_ref::<UserCreated>().map(|user| user.id);
        let known = emission.event_type().map(|event| event.wire_type().to_string());
        let version = emission.version();
        noted.add(format!("{} {version} {known:?} {id:?} {}", emission.event_name(), emission.emission().get() > 0));
        Ok(None)
    });
    let bus = Bus::builder().intercept(sees).build();
    bus.on_pattern("**", |_| {}).unwrap();
    assert!(bus.emit(UserCreated { id: 7 }).blocking().is_ok());
    assert!(bus.emit_name("other.v3", 7).unwrap().blocking().is_ok());
    assert_eq!(log.take(), [r#"user.created 1 Some("user.created") Some(7) true"#, "other 3 None None true"]);
}

#[test]
fn the_root_of_a_nested_emission_is_the_outermost_one() {
    #[derive(Clone, Default)]
    struct Roots(Log<(EmissionId, EmissionId, Option<EmissionId>)>);
    impl Interceptor for Roots {
        fn call(&self, emission: &EmissionInfo<'_>, _: &ListenerInfo) -> Intercepted<CallEnd> {
            self.0.add((emission.emission(), emission.root(), emission.parent()));
            Ok(None)
        }
    }
    let roots = Roots::default();
    let bus = Bus::builder().intercept(roots.clone()).build();
    let inner = bus.downgrade();
    bus.on::<Ping>(move |_| drop(inner.upgrade().unwrap().emit(Pong).blocking()));
    bus.on::<Pong>(|_| {});
    for _ in 0..2 {
        bus.emit(Ping).blocking();
        let [(outer, root, none), (nested, same, parent)] = roots.0.take()[..] else { panic!("two calls") };
        assert_eq!((root, none, same, parent), (outer, None, outer, Some(outer)));
        assert_ne!(nested, outer);
    }
}
