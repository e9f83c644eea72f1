//! P2: a listener may register and end modules, also its own.

use std::sync::{Arc, OnceLock};

use eventbus::{Bus, Context, Subscription, emit::InsideEmission, listeners};

use crate::support::{Log, OnDrop, Ping, Pong, finishes};

#[derive(Default)]
struct Suicidal {
    me: OnceLock<Subscription>,
    log: Log<bool>,
}

#[listeners]
impl Suicidal {
    #[on]
    fn ends(&self, _: &Ping) {
        self.log.add(self.me.get().unwrap().off());
    }

    #[on]
    fn comes_too_late(&self, _: &Ping) {
        unreachable!();
    }
}

#[test]
fn a_listener_may_end_its_own_module() {
    finishes("ending the own module", || {
        let (bus, module) = (Bus::new(), Arc::new(Suicidal::default()));
        module.me.set(bus.register(module.clone()).unwrap()).unwrap();
        let report = bus.emit(Ping).blocking();
        assert_eq!((report.succeeded(), report.failures().len()), (1, 0), "{report}");
        assert_eq!(module.log.take(), [true]);
        assert_eq!(Arc::strong_count(&module), 1);
    });
}

#[derive(Default)]
struct Phoenix {
    me: Log<Subscription>,
    log: Log<bool>,
}

#[listeners]
impl Phoenix {
    #[on]
    fn reborn(self: Arc<Self>, _: &Ping, cx: &Context) {
        assert!(cx.bus().register(self.clone()).is_err(), "it is registered");
        for old in self.me.take() {
            self.log.add(old.off());
        }
        self.me.add(cx.bus().register(self.clone()).unwrap());
    }
}

#[test]
fn a_listener_may_register_its_own_module_again() {
    finishes("registering the own module again", || {
        let (bus, module) = (Bus::new(), Arc::new(Phoenix::default()));
        module.me.add(bus.register(module.clone()).unwrap());
        for _ in 0..3 {
            let report = bus.emit(Ping).blocking();
            assert_eq!(report.succeeded(), 1, "{report}");
            assert_eq!(bus.listener_count::<Ping>(), 1);
        }
        assert_eq!(module.log.take(), [true, true, true]);
        module.me.take()[0].off();
        assert_eq!(Arc::strong_count(&module), 1);
    });
}

#[derive(Default)]
struct Impatient {
    me: OnceLock<Subscription>,
    log: Log<Result<(), InsideEmission>>,
}

#[listeners]
impl Impatient {
    #[on]
    async fn waits_for_itself(&self, _: &Ping) {
        self.log.add(self.me.get().unwrap().off_and_wait().await);
    }
}

#[tokio::test]
async fn a_listener_that_waits_for_its_own_module_is_refused_and_the_module_is_off() {
    let (bus, module) = (Bus::new(), Arc::new(Impatient::default()));
    module.me.set(bus.register(module.clone()).unwrap()).unwrap();
    assert!(bus.emit(Ping).await.is_ok());
    assert_eq!(module.log.take(), [Err(InsideEmission)]);
    assert_eq!(bus.listener_count::<Ping>(), 0);
}

struct Last(OnDrop<Box<dyn FnMut() + Send + Sync>>);

#[listeners]
impl Last {
    #[on]
    fn ping(&self, _: &Ping) {
        _ = &self.0;
    }
}

#[test]
fn a_module_whose_drop_registers_and_ends_modules_hangs_nobody() {
    finishes("wiring in a module's drop", || {
        for (ending, expected) in [Some(true), Some(true), None].into_iter().enumerate() {
            let bus = Bus::new();
            let weak = bus.downgrade();
            let other = bus.register(Arc::new(Last(OnDrop(Box::new(|| ()))))).unwrap();
            let registered = Log::default();
            let log = registered.clone();
            let module = Last(OnDrop(Box::new(move || {
                let is_registered = weak.upgrade().map(|bus| {
                    bus.on::<Pong>(|_| ());
                    bus.register(Arc::new(Last(OnDrop(Box::new(|| ()))))).is_ok()
                });
                other.off();
                log.add(is_registered);
            })));
            let subscription = bus.register(Arc::new(module)).unwrap();
            match ending {
                0 => assert!(subscription.off()),
                1 => bus.clear(),
                _ => drop(bus.clone()),
            }
            drop(bus);
            assert_eq!(registered.take(), [expected]);
        }
    });
}

#[test]
fn modules_come_and_go_on_many_threads_while_others_emit() {
    finishes("a race of registrations", || {
        let bus = Bus::new();
        let shared = Arc::new(Last(OnDrop(Box::new(|| ()))));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..300 {
                        if let Ok(subscription) = bus.register(shared.clone()) {
                            assert!(bus.listener_count::<Ping>() <= 1);
                            assert!(subscription.off(), "nobody else ends it");
                        }
                    }
                });
            }
            scope.spawn(|| {
                for _ in 0..300 {
                    assert!(bus.emit(Ping).blocking().is_ok());
                }
            });
        });
        assert_eq!(bus.listener_count::<Ping>(), 0);
        assert_eq!(Arc::strong_count(&shared), 1);
        bus.register(shared).unwrap();
    });
}
