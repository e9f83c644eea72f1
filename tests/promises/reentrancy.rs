//! P2: no lock is alive while foreign code runs, so everything is allowed everywhere: each action in each place, through
//! the bus and through an emitter, under a watchdog.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use eventbus::{Bus, Event, Scope, Subscription, WeakBus};

use crate::support::{Log, OnDrop, Ping, Pong, finishes, hush};

/// Where the action happens.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Place {
    Listener,
    Filter,
    Hook,
    /// In the `Drop` of a closure, removed by `off` ..
    DropByOff,
    /// .. by `clear` ..
    DropByClear,
    /// .. by the end of the emission that held it last.
    DropByEmission,
}

/// The cast: `early`, `me` and `late` listen to `Ping` in this order, `late` in a scope; `pong` listens to `Pong`.
struct Stage {
    bus: WeakBus,
    /// A handle that an action may drop.
    handle: Mutex<Option<Bus>>,
    early: OnceLock<Subscription>,
    me: OnceLock<Subscription>,
    late: OnceLock<Subscription>,
    scope: Scope,
    calls: Mutex<BTreeMap<&'static str, usize>>,
    acted: AtomicBool,
}

impl Stage {
    fn bus(&self) -> Bus {
        self.bus.upgrade().unwrap()
    }

    fn call(&self, name: &'static str) {
        *self.calls.lock().unwrap().entry(name).or_default() += 1;
    }

    /// How often `name` has been called.
    fn calls(&self, name: &str) -> usize {
        self.calls.lock().unwrap().get(name).copied().unwrap_or_default()
    }

    fn listen<E: Event>(self: &Arc<Self>, scope: &Scope, name: &'static str, priority: i32) -> Subscription {
        let stage = Arc::downgrade(self);
        scope.listener::<E>().named(name).priority(priority).on(move |_| {
            if let Some(stage) = stage.upgrade() {
                stage.call(name);
            }
        })
    }
}

type Check = fn(&Arc<Stage>, Place);

struct Action {
    name: &'static str,
    act: fn(&Arc<Stage>),
    /// What is to be seen after one emission of `Ping`.
    check: Check,
}

/// Whether `late` was still to be called when the action happened, so that the action could keep it from that.
fn before_late(place: Place) -> bool {
    matches!(place, Place::Listener | Place::Filter)
}

/// Whether the stage's own listeners are there to be looked at afterwards.
fn cleared(place: Place) -> bool {
    place == Place::DropByClear
}

#[rustfmt::skip]
const ACTIONS: &[Action] = &[
    Action {
        name: "emit the same event",
        act: |stage| _ = stage.bus().emit(Ping).blocking(),
        check: |stage, place| {
            let emissions = if cleared(place) { 1 } else { 2 };
            assert_eq!((stage.calls("early"), stage.calls("late")), (emissions, emissions));
        },
    },
    Action {
        name: "emit another event",
        act: |stage| _ = stage.bus().emit(Pong).blocking(),
        check: |stage, place| assert_eq!(stage.calls("pong"), usize::from(!cleared(place))),
    },
    Action {
        name: "on",
        act: |stage| _ = stage.listen::<Pong>(&stage.bus().scope("new"), "new", 0),
        check: |stage, _| {
            stage.bus().emit(Pong).blocking();
            assert_eq!(stage.calls("new"), 1);
        },
    },
    Action {
        name: "on, for the same event",
        act: |stage| _ = stage.listen::<Ping>(&stage.bus().scope("new"), "new", -99),
        check: |stage, _| {
            assert_eq!(stage.calls("new"), 0, "registered too late for the emission in flight");
            stage.bus().emit(Ping).blocking();
            assert_eq!(stage.calls("new"), 1);
        },
    },
    Action {
        name: "off, itself",
        act: |stage| _ = stage.me.get().unwrap().off(),
        check: |stage, place| {
            assert!(!stage.me.get().unwrap().is_on());
            assert_eq!(stage.calls("me"), usize::from(place != Place::Filter), "a filter can still keep it from running");
            stage.bus().emit(Ping).blocking();
            assert_eq!(stage.calls("me"), usize::from(place != Place::Filter));
        },
    },
    Action {
        name: "off, an earlier one",
        act: |stage| _ = stage.early.get().unwrap().off(),
        check: |stage, _| {
            stage.bus().emit(Ping).blocking();
            assert_eq!(stage.calls("early"), 1);
        },
    },
    Action {
        name: "off, a later one",
        act: |stage| _ = stage.late.get().unwrap().off(),
        check: |stage, place| assert_eq!(stage.calls("late"), usize::from(!before_late(place))),
    },
    Action {
        name: "off, by a guard",
        act: |stage| drop(stage.late.get().unwrap().clone().guard()),
        check: |stage, place| assert_eq!(stage.calls("late"), usize::from(!before_late(place))),
    },
    Action {
        name: "clear",
        act: |stage| stage.bus().clear(),
        check: |stage, place| {
            assert_eq!(stage.bus().listener_infos().len(), 0);
            assert_eq!(stage.calls("late"), usize::from(!before_late(place)));
            assert_eq!(stage.bus().emit(Ping).blocking().succeeded(), 0);
        },
    },
    Action {
        name: "drop a handle of the bus",
        act: |stage| drop(stage.handle.lock().unwrap().take()),
        check: |stage, _| assert_eq!((stage.calls("early"), stage.calls("late")), (1, 1)),
    },
    Action {
        name: "a new scope and its end",
        act: |stage| {
            let scope = stage.bus().scope("new");
            stage.listen::<Ping>(&scope, "new", 0);
            stage.listen::<Pong>(&scope, "new", 0);
            assert_eq!(scope.listener_count(), 2);
            assert_eq!(scope.off(), 2);
        },
        check: |stage, _| {
            stage.bus().emit(Pong).blocking();
            assert_eq!(stage.calls("new"), 0);
        },
    },
    Action {
        name: "the end of a scope",
        act: |stage| drop(stage.scope.clone().guard()),
        check: |stage, place| {
            assert_eq!(stage.scope.listener_count(), 0);
            assert_eq!(stage.calls("late"), usize::from(!before_late(place)));
        },
    },
    Action {
        name: "looking",
        act: |stage| {
            let bus = stage.bus();
            assert_eq!(bus.listener_infos().len(), bus.listener_count::<Ping>() + bus.listener_count::<Pong>());
            assert!(bus.event_names().len() <= 2);
            let _ = format!("{bus:?} {:?} {:?} {:?}", stage.me, stage.scope, stage.bus);
        },
        check: |stage, _| assert_eq!((stage.calls("early"), stage.calls("late")), (1, 1)),
    },
    Action {
        name: "an emitter",
        act: |stage| {
            let mut emitter = stage.bus().emitter();
            emitter.emit(Pong).blocking();
            let mut copy = emitter.clone();
            copy.emit(Arc::new(Pong)).blocking();
            let mut pings = stage.bus().emitter();
            pings.emit(Ping).blocking();
        },
        check: |stage, place| {
            let (pongs, pings) = if cleared(place) { (0, 1) } else { (2, 2) };
            assert_eq!((stage.calls("pong"), stage.calls("early")), (pongs, pings));
        },
    },
    Action {
        name: "a bus of its own",
        act: |stage| {
            let inner = Bus::new();
            let sub = stage.listen::<Ping>(&inner.scope("inner"), "inner", 0);
            inner.emit(Ping).blocking();
            drop(inner);
            assert!(!sub.off(), "its bus is gone");
        },
        check: |stage, _| assert_eq!(stage.calls("inner"), 1),
    },
];

/// Makes the stage, with the action in its place, and emits one `Ping`.
fn play(action: &'static Action, place: Place, by_emitter: bool) {
    let hooked: Arc<OnceLock<Arc<Stage>>> = Arc::default();
    let seen_by_hook = Arc::clone(&hooked);
    let act = move |stage: &Arc<Stage>| {
        if !stage.acted.swap(true, Ordering::Relaxed) {
            (action.act)(stage);
            // Not reached after a panic, which the bus would contain.
            stage.call("action");
        }
    };
    let builder = Bus::builder().on_failure(move |_| {
        if place == Place::Hook {
            act(seen_by_hook.get().unwrap());
        }
    });
    let bus = builder.build();
    let stage = Arc::new(Stage {
        bus: bus.downgrade(),
        handle: Mutex::new(Some(bus.clone())),
        early: OnceLock::new(),
        me: OnceLock::new(),
        late: OnceLock::new(),
        scope: bus.scope("late"),
        calls: Mutex::default(),
        acted: AtomicBool::new(false),
    });
    assert!(hooked.set(Arc::clone(&stage)).is_ok());

    let others = bus.scope("others");
    stage.listen::<Pong>(&others, "pong", 0);
    stage.early.set(stage.listen::<Ping>(&others, "early", 1)).unwrap();
    stage.late.set(stage.listen::<Ping>(&stage.scope, "late", -1)).unwrap();

    let (inside, in_filter, in_drop) = (Arc::clone(&stage), Arc::clone(&stage), Arc::clone(&stage));
    let dropped = OnDrop(move || {
        if matches!(place, Place::DropByOff | Place::DropByClear | Place::DropByEmission) {
            act(&in_drop);
        }
    });
    let filtered = bus.listener::<Ping>().named("me").filter(move |_| {
        if place == Place::Filter {
            act(&in_filter);
        }
        true
    });
    let me = filtered.on(move |_| {
        let _ = &dropped;
        inside.call("me");
        match place {
            Place::Listener => act(&inside),
            Place::DropByEmission => _ = inside.me.get().unwrap().off(),
            Place::Hook => return Err("a failure for the hook"),
            _ => {}
        }
        Ok(())
    });
    stage.me.set(me).unwrap();

    if by_emitter {
        // Gone at the end of the line: an emitter may keep a removed closure until its next emit.
        bus.emitter().emit(Ping).blocking();
    } else {
        bus.emit(Ping).blocking();
    }
    match place {
        Place::DropByOff => _ = stage.me.get().unwrap().off(),
        Place::DropByClear => bus.clear(),
        _ => {}
    }
    assert_eq!(stage.calls("action"), 1, "the action has not happened, or has panicked");
    (action.check)(&stage, place);

    // The stage goes with the bus: nothing that was held is forgotten.
    let gone = bus.downgrade();
    stage.handle.lock().unwrap().take();
    drop(bus);
    assert!(gone.upgrade().is_none(), "somebody holds the bus");
}

fn everything_is_allowed(place: Place) {
    hush();
    for action in ACTIONS {
        for by_emitter in [false, true] {
            let case = format!("{} inside {place:?}, by emitter: {by_emitter}", action.name);
            finishes(&case.clone(), move || {
                let result = std::panic::catch_unwind(|| play(action, place, by_emitter));
                assert!(result.is_ok(), "{case}");
            });
        }
    }
}

#[test]
fn everything_is_allowed_inside_a_listener() {
    everything_is_allowed(Place::Listener);
}

#[test]
fn everything_is_allowed_inside_a_filter() {
    everything_is_allowed(Place::Filter);
}

#[test]
fn everything_is_allowed_inside_the_failure_hook() {
    everything_is_allowed(Place::Hook);
}

#[test]
fn everything_is_allowed_inside_the_drop_of_a_removed_closure() {
    everything_is_allowed(Place::DropByOff);
    everything_is_allowed(Place::DropByClear);
    everything_is_allowed(Place::DropByEmission);
}

#[test]
fn the_drop_of_a_closure_may_drop_the_last_handle_of_the_bus() {
    finishes("drop of the last handle", || {
        let bus = Bus::new();
        let weak = bus.downgrade();
        let keeps = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&keeps);
        let last = OnDrop(move || drop(kept.lock().unwrap().take()));
        let subscription = bus.on::<Ping>(move |_| _ = &last);
        bus.on::<Pong>(|_| ());
        *keeps.lock().unwrap() = Some(bus);
        assert!(subscription.off());
        assert!(weak.upgrade().is_none());
        assert!(!subscription.is_on());
    });
}

#[test]
fn a_bus_that_goes_while_its_listeners_drop_lets_them_look_for_it() {
    finishes("drop of the bus", || {
        let bus = Bus::new();
        let others: Arc<Mutex<Vec<Subscription>>> = Arc::default();
        let seen = Log::default();
        for _ in 0..10 {
            let (weak, all, seen) = (bus.downgrade(), Arc::clone(&others), seen.clone());
            let nosy = OnDrop(move || {
                let all = all.lock().unwrap().clone();
                let ended = all.iter().filter(|subscription| subscription.off()).count();
                seen.add((weak.upgrade().is_none(), ended));
            });
            others.lock().unwrap().push(bus.on::<Ping>(move |_| _ = &nosy));
        }
        drop(bus);
        let seen = seen.take();
        assert_eq!(seen.len(), 10);
        assert!(seen.iter().all(|(is_gone, ended)| *is_gone && *ended <= 10), "{seen:?}");
    });
}
