//! `register`: one subscription for the whole module, and each instance once.

use std::{
    panic::{AssertUnwindSafe, Location, catch_unwind},
    sync::Arc,
};

use eventbus::{Bus, Module, Scope, Subscription, WeakBus, WiringError, listener::ListenerKind, listeners};
use tokio::sync::Notify;

use crate::support::{Log, OnDrop, Ping, Pong, hush};

#[derive(Default)]
struct Both {
    log: Log,
}

#[listeners]
impl Both {
    #[on]
    fn ping(&self, _: &Ping) {
        self.log.add("ping");
    }

    #[on]
    fn pong(&self, _: &Pong) {
        self.log.add("pong");
    }
}

fn count(bus: &Bus) -> usize {
    bus.listener_count::<Ping>() + bus.listener_count::<Pong>()
}

#[test]
fn one_subscription_ends_the_whole_module() {
    let bus = Bus::new();
    bus.on::<Ping>(|_| ());
    let subscription = bus.register(Arc::new(Both::default())).unwrap();
    assert_eq!(count(&bus), 3);
    assert!(subscription.is_on());

    assert!(subscription.off());
    assert_eq!(count(&bus), 1, "others stay");
    assert!(!subscription.is_on());
    assert!(!subscription.off(), "it was off already");
}

#[test]
fn a_guard_ends_the_module_and_a_subscription_that_is_dropped_does_not() {
    let bus = Bus::new();
    drop(bus.register(Arc::new(Both::default())).unwrap());
    assert_eq!(count(&bus), 2);
    let guard = bus.register(Arc::new(Both::default())).unwrap().guard();
    assert_eq!(count(&bus), 4);
    drop(guard);
    assert_eq!(count(&bus), 2);
    assert!(bus.register(Arc::new(Both::default())).unwrap().guard().keep().is_on());
}

#[test]
fn the_subscription_says_which_module_it_is_and_where_it_was_registered() {
    let bus = Bus::new();
    let subscription = bus.register(Arc::new(Both::default())).unwrap();
    let info = subscription.info();
    assert_eq!(info.kind(), ListenerKind::Module);
    assert_eq!((info.name(), info.scope(), info.location().line()), (Some("Both"), None, line!() - 3));
    assert!(info.to_string().starts_with("module `Both` ("), "{info}");
}

/// The message of the second registration, and where the first was.
fn refused(result: Result<Subscription, WiringError>) -> (String, &'static Location<'static>) {
    let error = result.unwrap_err();
    let text = error.to_string();
    match error {
        WiringError::AlreadyRegistered { first, .. } => (text, first),
        _ => panic!("{text}"),
    }
}

#[test]
fn an_instance_that_is_registered_is_not_registered_again_and_the_error_says_where_it_was() {
    let (bus, module) = (Bus::new(), Arc::new(Both::default()));
    let first = bus.register(module.clone()).unwrap();
    let line = line!() - 1;

    let (text, location) = refused(bus.register(module.clone()));
    assert_eq!(location.line(), line);
    assert!(text.contains(&format!("registration.rs:{line}")) && text.contains("`Both`"), "{text}");
    let erased: Arc<dyn Module> = module.clone();
    refused(bus.register(erased.clone()));
    refused(bus.scope("inside").register(erased));
    assert_eq!(count(&bus), 2);
    assert!(first.is_on());

    bus.register(Arc::new(Both::default())).unwrap();
    Bus::new().register(module).unwrap();
    assert_eq!(count(&bus), 4, "another instance, and another bus, are free");
}

#[test]
fn after_its_end_a_module_may_be_registered_again() {
    let (bus, module) = (Bus::new(), Arc::new(Both::default()));
    for _ in 0..3 {
        let subscription = bus.register(module.clone()).unwrap();
        bus.emit(Ping).blocking();
        assert_eq!(module.log.take(), ["ping"]);
        assert!(subscription.off());
    }
    drop(bus.register(module.clone()).unwrap().guard());
    let before_the_clear = bus.register(module.clone()).unwrap();
    bus.clear();
    assert!(!before_the_clear.is_on());
    let now = bus.register(module).unwrap();
    assert!(!before_the_clear.off(), "an old subscription does not end a new registration");
    assert!(now.is_on());
    assert_eq!(count(&bus), 2);
}

#[test]
fn modules_of_many_types_are_registered_in_a_loop() {
    let bus = Bus::new();
    let modules: [Arc<dyn Module>; 2] =
        [Arc::new(Both::default()), Arc::new(ByHand { fails: None, log: Log::default() })];
    for module in modules {
        let name = module.name().to_owned();
        assert_eq!(bus.register(module).unwrap().info().name(), Some(&*name));
    }
    assert_eq!(count(&bus), 3);
}

/// Registers a listener, and then does what it was told to.
struct ByHand {
    fails: Option<fn() -> WiringError>,
    log: Log,
}

impl Module for ByHand {
    fn name(&self) -> &'static str {
        "by hand"
    }

    fn register(self: Arc<Self>, scope: &Scope) -> Result<(), WiringError> {
        scope.listener::<Ping>().with(self.clone()).on(|this, _| this.log.add("by hand"));
        match self.fails {
            Some(fails) => Err(fails()),
            None => Ok(()),
        }
    }
}

#[test]
fn a_module_that_fails_halfway_leaves_nothing() {
    let bus = Bus::new();
    let module = Arc::new(ByHand { fails: Some(|| WiringError::refused("no server")), log: Log::default() });
    assert_eq!(bus.register(module.clone()).unwrap_err().to_string(), "no server");
    assert_eq!(count(&bus), 0);
    assert_eq!(Arc::strong_count(&module), 1);
    assert_eq!(bus.register(module).unwrap_err().to_string(), "no server", "it is not registered already");
}

#[test]
fn a_module_that_panics_halfway_leaves_nothing_and_the_panic_reaches_the_caller() {
    hush();
    let bus = Bus::new();
    let module = Arc::new(ByHand { fails: Some(|| panic!("boom")), log: Log::default() });
    for _ in 0..2 {
        let payload = catch_unwind(AssertUnwindSafe(|| bus.register(module.clone()))).unwrap_err();
        assert_eq!(*payload.downcast::<&str>().unwrap(), "boom");
        assert_eq!(count(&bus), 0);
        assert_eq!(Arc::strong_count(&module), 1);
    }
}

/// Makes up a module of its parts.
struct Nested {
    parts: Vec<Arc<dyn Module>>,
}

impl Module for Nested {
    fn name(&self) -> &'static str {
        "nested"
    }

    fn register(self: Arc<Self>, scope: &Scope) -> Result<(), WiringError> {
        for part in &self.parts {
            scope.register(part.clone())?;
        }
        scope.on::<Ping>(move |_| _ = &self);
        Ok(())
    }
}

#[test]
fn modules_may_be_made_of_modules_and_end_with_them() {
    let bus = Bus::new();
    let part = Arc::new(Both::default());
    let whole = Arc::new(Nested { parts: vec![part.clone(), Arc::new(Both::default())] });
    let subscription = bus.register(whole.clone()).unwrap();
    assert_eq!(count(&bus), 5);
    assert!(bus.listener_infos().iter().any(|info| info.scope() == Some("nested/Both")));
    refused(bus.register(part.clone()));

    assert!(subscription.off());
    assert_eq!(count(&bus), 0);
    bus.register(whole.parts[1].clone()).unwrap();
    let line = line!() - 1;
    let (_, first) = refused(bus.register(whole));
    assert_eq!(first.line(), line);
    assert!(bus.register(part).unwrap().off(), "the first part is free again");
    assert_eq!(count(&bus), 2, "the parts that had been registered before the error are taken back");
}

#[test]
fn a_module_lives_as_long_as_it_is_registered() {
    struct Dying(OnDrop<Box<dyn FnMut() + Send + Sync>>);
    #[listeners]
    impl Dying {
        #[on]
        fn ping(&self, _: &Ping) {
            _ = &self.0;
        }
    }

    let (bus, log) = (Bus::new(), Log::default());
    let mut subscriptions = Vec::new();
    for name in ["off", "clear", "bus"] {
        let log = log.clone();
        let module = Dying(OnDrop(Box::new(move || log.add(name))));
        subscriptions.push(bus.register(Arc::new(module)).unwrap());
        match name {
            "off" => _ = subscriptions[0].off(),
            "clear" => bus.clear(),
            _ => {
                assert!(subscriptions[2].is_on());
                assert_eq!(count(&bus), 1);
            }
        }
    }
    assert_eq!(log.take(), ["off", "clear"]);
    drop(bus);
    assert_eq!(log.take(), ["bus"]);
    assert!(subscriptions.iter().all(|subscription| !subscription.is_on() && !subscription.off()));
}

/// Emits what it learns; owns its bus.
struct Owner<B> {
    bus: B,
    dropped: Log,
}

impl<B> Drop for Owner<B> {
    fn drop(&mut self) {
        self.dropped.add("dropped");
    }
}

#[listeners]
impl Owner<Bus> {
    #[on]
    fn ping(&self, _: &Ping) {
        self.bus.emit(Pong).blocking();
    }
}

#[listeners]
impl Owner<WeakBus> {
    #[on]
    fn ping(&self, _: &Ping) {
        self.bus.upgrade().unwrap().emit(Pong).blocking();
    }
}

#[test]
fn a_module_that_owns_its_bus_goes_when_its_registration_is_ended() {
    let (bus, dropped) = (Bus::new(), Log::default());
    let guard = bus.register(Arc::new(Owner { bus: bus.clone(), dropped: dropped.clone() })).unwrap().guard();
    assert!(bus.emit(Ping).blocking().is_ok());
    let weak = bus.downgrade();
    drop(bus);
    assert!(weak.upgrade().is_some(), "a cycle, as the docs say");
    drop(guard);
    assert_eq!(dropped.take(), ["dropped"]);
    assert!(weak.upgrade().is_none());
}

#[test]
fn a_module_that_owns_its_bus_weakly_goes_with_the_bus() {
    let (bus, dropped) = (Bus::new(), Log::default());
    bus.register(Arc::new(Owner { bus: bus.downgrade(), dropped: dropped.clone() })).unwrap();
    assert!(bus.emit(Ping).blocking().is_ok());
    drop(bus);
    assert_eq!(dropped.take(), ["dropped"]);
}

struct Gates {
    enter: Notify,
    leave: Notify,
    log: Log,
}

#[listeners]
impl Gates {
    #[on(once)]
    async fn first(&self, _: &Ping) {
        self.enter.notify_one();
        self.leave.notified().await;
        self.log.add("first");
    }

    #[on]
    async fn second(&self, _: &Ping) {
        self.enter.notify_one();
        self.leave.notified().await;
        self.log.add("second");
    }
}

#[tokio::test]
async fn off_and_wait_waits_for_every_call_of_the_module_also_of_listeners_that_are_spent() {
    let bus = Bus::new();
    let module = Arc::new(Gates { enter: Notify::new(), leave: Notify::new(), log: Log::default() });
    let subscription = bus.register(module.clone()).unwrap();
    let emission = bus.emit(Ping).spawn();
    module.enter.notified().await;

    let mut waiting = polled(subscription.off_and_wait());
    assert!(!waiting.is_ready().await);
    assert!(!subscription.is_on(), "off at once");
    module.leave.notify_one();
    tokio::task::yield_now().await;
    assert!(!waiting.is_ready().await, "one of two has ended");
    module.leave.notify_one();
    assert!(emission.await.is_ok());
    waiting.end().await.unwrap();
    assert_eq!(module.log.take().len(), 2);
    assert_eq!(Arc::strong_count(&module), 1);
    subscription.off_and_wait().await.unwrap();
}

/// A future that is polled now and then.
struct Polled<F>(std::pin::Pin<Box<F>>);

fn polled<F: Future>(future: F) -> Polled<F> {
    Polled(Box::pin(future))
}

impl<F: Future> Polled<F> {
    async fn is_ready(&mut self) -> bool {
        std::future::poll_fn(|cx| std::task::Poll::Ready(self.0.as_mut().poll(cx).is_ready())).await
    }

    async fn end(self) -> F::Output {
        self.0.await
    }
}
