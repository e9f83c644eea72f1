//! P2: a listener that waits may do anything to the bus that calls it, on any runtime.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{Bus, Scope, Subscription, emit::InsideEmission};

use super::support::{Numbered, Ping, Pong, flavours, within};

/// What a listener does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Emit,
    EmitBlocking,
    Spawn,
    On,
    OffOther,
    OffSelf,
    OffScope,
    Clear,
    DropTheLastHandle,
    Settle,
    OffAndWait,
}

const ACTS: [Act; 11] = [
    Act::Emit,
    Act::EmitBlocking,
    Act::Spawn,
    Act::On,
    Act::OffOther,
    Act::OffSelf,
    Act::OffScope,
    Act::Clear,
    Act::DropTheLastHandle,
    Act::Settle,
    Act::OffAndWait,
];

/// Where it does that.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Place {
    Async,
    Spawned,
    Blocking,
}

/// What the listener can reach.
#[derive(Clone)]
struct Reach {
    bus: Arc<Mutex<Option<Bus>>>,
    own: Arc<Mutex<Option<Subscription>>>,
    other: Subscription,
    scope: Scope,
}

impl Reach {
    fn bus(&self) -> Bus {
        self.bus.lock().unwrap().clone().unwrap()
    }

    async fn act(self, act: Act, place: Place) {
        let bus = self.bus();
        match act {
            Act::Emit => _ = bus.emit(Pong).await.into_result().unwrap(),
            // On a task of a current-thread runtime it cannot wait; synchronous listeners are no matter.
            Act::EmitBlocking if place != Place::Blocking && is_current_thread() => {
                assert_eq!(bus.emit(Pong).blocking().succeeded(), 1);
            }
            Act::EmitBlocking => _ = bus.emit(Pong).blocking().into_result().unwrap(),
            Act::Spawn => drop(bus.emit(Pong).spawn()),
            Act::On => {
                bus.on::<Ping>(|_| ());
                bus.on_async::<Pong>(|_| async {});
                bus.on_blocking::<Numbered>(|_| ());
            }
            Act::OffOther => assert!(self.other.off()),
            Act::OffSelf => assert!(self.own.lock().unwrap().take().unwrap().off()),
            Act::OffScope => assert_eq!(self.scope.off(), 2),
            Act::Clear => bus.clear(),
            Act::DropTheLastHandle => {
                drop(bus);
                let last = self.bus.lock().unwrap().take();
                drop(last);
            }
            Act::Settle => assert_eq!(bus.settled().await, Err(InsideEmission)),
            Act::OffAndWait => {
                let own = self.own.lock().unwrap().take().unwrap();
                assert_eq!(own.off_and_wait().await, Err(InsideEmission));
            }
        }
    }
}

fn is_current_thread() -> bool {
    tokio::runtime::Handle::current().runtime_flavor() == tokio::runtime::RuntimeFlavor::CurrentThread
}

fn case(act: Act, place: Place, runtime: fn() -> tokio::runtime::Runtime) {
    runtime().block_on(async {
        let bus = Bus::new();
        bus.on::<Pong>(|_| ());
        bus.on_async::<Pong>(|_| tokio::task::yield_now());
        let scope = bus.scope("billing");
        scope.on::<Ping>(|_| ());
        scope.on_async::<Ping>(|_| async {});
        let other = bus.listener::<Ping>().priority(-1).on_async(|_| tokio::task::yield_now());
        let reach = Reach { bus: Arc::new(Mutex::new(Some(bus.clone()))), own: Arc::default(), other, scope };
        let listener = bus.listener::<Ping>().with(reach.clone());
        let own = match place {
            Place::Async => listener.on_async(move |reach, _| async move {
                tokio::task::yield_now().await;
                reach.act(act, place).await;
            }),
            Place::Spawned => listener.spawned().on_async(move |reach, _| async move {
                tokio::task::yield_now().await;
                reach.act(act, place).await;
            }),
            Place::Blocking => listener.on_blocking(move |reach, _| futures_executor::block_on(reach.act(act, place))),
        };
        *reach.own.lock().unwrap() = Some(own);
        let weak = bus.downgrade();
        let handle = bus.emit(Ping).spawn();
        drop(bus);
        let report = handle.await;
        assert!(report.is_ok(), "{act:?}, {place:?}: {report}");
        if let Some(bus) = weak.upgrade() {
            bus.settled().await.unwrap();
        }
    });
}

#[test]
fn a_listener_that_waits_may_do_anything_to_its_bus() {
    super::support::hush();
    for (flavour, runtime) in flavours() {
        for place in [Place::Async, Place::Spawned, Place::Blocking] {
            for act in ACTS {
                let what = format!("{act:?} in a listener that is {place:?}, on {flavour}");
                within(Duration::from_mins(1), &what, move || case(act, place, runtime));
            }
        }
    }
}
