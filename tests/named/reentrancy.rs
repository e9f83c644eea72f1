//! P2 and P3 by name: everything is allowed inside a listener, inside a filter, and inside the `Drop` of a closure.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use eventbus::{Bus, Subscription, WeakBus};

use crate::{
    events::{UserCreated, UserRenamed},
    support::{OnDrop, finishes},
};

/// What a listener does to its bus.
type Act = fn(&Bus, &Subscription);

#[rustfmt::skip]
const ACTS: &[(&str, Act)] = &[
    ("on_pattern", |bus, _| _ = bus.on_pattern("user.**", |_| ()).unwrap()),
    ("on_pattern_async", |bus, _| _ = bus.on_pattern_async("**", |_| async {}).unwrap()),
    ("on", |bus, _| _ = bus.on::<UserCreated>(|_| ())),
    ("first use of a type", |bus, _| _ = bus.on::<UserRenamed>(|_| ())),
    ("declare", |bus, _| bus.declare::<UserRenamed>().unwrap()),
    ("off", |_, me| _ = me.off()),
    ("off, and on again", |bus, me| { me.off(); bus.on_pattern("user.*", |_| ()).unwrap(); }),
    ("clear", |bus, _| bus.clear()),
    ("emit", |bus, _| _ = bus.emit(UserRenamed(1)).blocking()),
    ("emit_name", |bus, _| _ = bus.emit_name("order.lost", ()).unwrap().blocking()),
    ("emit_json", |bus, _| _ = bus.emit_json("order.lost", "1").unwrap().blocking()),
    ("emit_name, claimed", |bus, _| _ = bus.emit_name("user.renamed", UserRenamed(1)).map(|emit| emit.blocking())),
    ("look", |bus, me| drop((bus.listener_infos(), bus.event_names(), bus.listener_count::<UserRenamed>(), me.is_on()))),
];

/// Where it does so.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Place {
    Listener,
    Filter,
    DropByOff,
    DropByClear,
    DropByOnce,
}

const PLACES: [Place; 5] = [Place::Listener, Place::Filter, Place::DropByOff, Place::DropByClear, Place::DropByOnce];

struct Stage {
    bus: WeakBus,
    me: OnceLock<Subscription>,
    act: Act,
    begun: AtomicBool,
    /// Asserted on by the test: the bus contains a panic of `act`.
    ended: AtomicBool,
}

impl Stage {
    /// Acts the first time.
    fn act(&self) {
        if !self.begun.swap(true, Ordering::Relaxed) {
            (self.act)(&self.bus.upgrade().unwrap(), self.me.get().unwrap());
            self.ended.store(true, Ordering::Relaxed);
        }
    }
}

fn play(place: Place, act: Act, emit: fn(&Bus)) {
    let bus = Bus::new();
    let (begun, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    let stage = Arc::new(Stage { bus: bus.downgrade(), me: OnceLock::new(), act, begun, ended });
    let acting = |at: bool| {
        let stage = Arc::clone(&stage);
        move || {
            if at {
                stage.act()
            }
        }
    };
    let (filter, call) = (acting(place == Place::Filter), acting(place == Place::Listener));
    let dropped = OnDrop(acting(matches!(place, Place::DropByOff | Place::DropByClear | Place::DropByOnce)));
    let listener = bus.listener_pattern("user.*").unwrap().filter(move |_| {
        filter();
        true
    });
    let listener = if place == Place::DropByOnce { listener.once() } else { listener };
    let me = listener.on(move |_| {
        let _ = &dropped;
        call();
    });
    stage.me.set(me.clone()).unwrap();
    emit(&bus);
    match place {
        Place::DropByOff => assert!(me.off()),
        Place::DropByClear => bus.clear(),
        _ => {}
    }
    emit(&bus);
    assert!(stage.ended.load(Ordering::Relaxed), "{place:?}: did not act, or panicked");
}

#[test]
fn everything_is_allowed_everywhere() {
    for (name, act) in ACTS {
        for place in PLACES {
            let act = *act;
            finishes(&format!("{name} in {place:?}"), move || {
                play(place, act, |bus| _ = bus.emit(UserCreated { id: 1 }).blocking());
                play(place, act, |bus| _ = bus.emit_name("user.lost", ()).unwrap().blocking());
            });
        }
    }
}

#[test]
fn who_registers_during_an_emission_misses_it() {
    let bus = Bus::new();
    let emits: [fn(&Bus) -> usize; 3] = [
        |bus| bus.emit(UserCreated { id: 1 }).blocking().succeeded(),
        |bus| bus.emitter().emit(UserCreated { id: 1 }).blocking().succeeded(),
        |bus| bus.emit_name("user.lost", ()).unwrap().blocking().succeeded(),
    ];
    for emit in emits {
        bus.clear();
        bus.listener_pattern("user.*").unwrap().once().with_context().on(|_, cx| {
            cx.bus().listener_pattern("user.*").unwrap().priority(-1).on(|_| ());
            cx.bus().on_pattern("**", |_| ()).unwrap();
        });
        assert_eq!(emit(&bus), 1, "the newcomers miss it");
        assert_eq!(emit(&bus), 2);
    }
}

#[test]
fn who_is_off_when_its_turn_comes_is_not_called() {
    let bus = Bus::new();
    let late: Arc<OnceLock<Subscription>> = Arc::default();
    let early = Arc::clone(&late);
    bus.on_pattern("user.*", move |_| _ = early.get().unwrap().off()).unwrap();
    late.set(bus.on_pattern("user.*", |_| panic!("off")).unwrap()).unwrap();
    assert_eq!(bus.emit(UserCreated { id: 1 }).blocking().into_result().unwrap().succeeded(), 1);

    let bus = Bus::new();
    bus.listener_pattern("user.*").unwrap().with_context().on(|_, cx| cx.bus().clear());
    bus.on_pattern("**", |_| panic!("cleared")).unwrap();
    let report = bus.emit_name("user.lost", ()).unwrap().blocking();
    assert_eq!(report.into_result().unwrap().succeeded(), 1);
}

#[test]
fn what_the_drop_of_a_cleared_closure_registers_stays() {
    finishes("clear", || {
        let bus = Bus::new();
        bus.declare::<UserCreated>().unwrap();
        let weak = bus.downgrade();
        let heir = OnDrop(move || {
            if let Some(bus) = weak.upgrade() {
                bus.on_pattern("user.*", |_| ()).unwrap();
            }
        });
        bus.on_pattern("user.*", move |_| {
            let _ = &heir;
        })
        .unwrap();
        bus.clear();
        assert_eq!(bus.listener_infos().len(), 1);
        assert_eq!(bus.listener_count::<UserCreated>(), 1);
        assert_eq!(bus.emit(UserRenamed(1)).blocking().succeeded(), 1);
    });
}
