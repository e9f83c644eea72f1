//! Scopes inside of scopes.

use std::sync::{Arc, OnceLock};

use eventbus::{Bus, Scope, WiringError, emit::InsideEmission, listeners};
use tokio::sync::Notify;

use crate::support::{Log, Ping, Pong};

#[test]
fn names_of_inner_scopes_are_joined() {
    let bus = Bus::new();
    let inner = bus.scope("shop").scope("billing").scope("tax");
    inner.on::<Ping>(|_| ());
    assert_eq!(inner.name(), "shop/billing/tax");
    assert_eq!(bus.listener_infos()[0].scope(), Some("shop/billing/tax"));
}

#[test]
fn ending_a_scope_ends_those_inside_of_it_and_none_around_it() {
    let bus = Bus::new();
    let outer = bus.scope("outer");
    let (left, right) = (outer.scope("inner"), outer.scope("inner"));
    for scope in [&outer, &left, &right] {
        scope.on::<Ping>(|_| ());
    }
    assert_eq!(left.off(), 1, "of the same name, and yet two");
    assert_eq!(outer.listener_count(), 2);
    left.on::<Ping>(|_| ());
    drop((left, right));
    assert_eq!(outer.listener_count(), 3, "a scope that is dropped keeps its listeners");
    assert_eq!(outer.off(), 3);
    assert_eq!(bus.listener_count::<Ping>(), 0);
}

#[test]
fn a_scope_that_was_ended_may_be_used_again_and_one_that_was_closed_may_not() {
    let bus = Bus::new();
    let outer = bus.scope("outer");
    let inner = outer.scope("inner");
    inner.on::<Ping>(|_| ());
    assert_eq!(outer.off(), 1);
    assert!(inner.on::<Ping>(|_| ()).is_on());

    assert_eq!(outer.close(), 1);
    assert!(outer.is_closed() && inner.is_closed());
    for scope in [&outer, &inner, &outer.scope("late"), &inner.scope("late").scope("later")] {
        let subscription = scope.on::<Ping>(|_| unreachable!());
        assert!(!subscription.is_on() && !subscription.off());
        assert!(scope.is_closed());
    }
    assert_eq!(bus.listener_count::<Ping>(), 0);
    assert_eq!(outer.close(), 0);
}

#[test]
fn the_guard_of_a_scope_closes_it() {
    let bus = Bus::new();
    let scope = bus.scope("scope");
    let guard = scope.clone().guard();
    guard.on::<Ping>(|_| ());
    guard.scope("inner").on::<Ping>(|_| ());
    drop(guard);
    assert_eq!(bus.listener_count::<Ping>(), 0);
    assert!(!scope.on::<Ping>(|_| ()).is_on(), "no handle brings listeners back");
}

/// Keeps its scope, to listen to more when it learns of more.
#[derive(Default)]
struct Growing {
    scope: OnceLock<Scope>,
}

impl eventbus::Module for Growing {
    fn name(&self) -> &'static str {
        "growing"
    }

    fn register(self: Arc<Self>, scope: &Scope) -> Result<(), WiringError> {
        self.scope.set(scope.clone()).map_err(|_| WiringError::refused("once is enough"))?;
        scope.listener::<Ping>().with(self).on(|this, _| {
            let inner = this.scope.get().unwrap().scope("more");
            assert!(inner.on::<Pong>(|_| ()).is_on());
        });
        Ok(())
    }
}

#[test]
fn what_a_module_registers_later_through_its_scope_ends_with_it() {
    let (bus, module) = (Bus::new(), Arc::new(Growing::default()));
    let subscription = bus.register(module.clone()).unwrap();
    for _ in 0..3 {
        assert!(bus.emit(Ping).blocking().is_ok());
    }
    assert_eq!(bus.listener_count::<Pong>(), 3);
    assert_eq!(bus.listener_infos().last().unwrap().scope(), Some("growing/more"));

    assert!(subscription.off());
    assert_eq!(bus.listener_count::<Pong>(), 0);
    assert!(!module.scope.get().unwrap().on::<Pong>(|_| ()).is_on());
    assert_eq!(bus.register(module).unwrap_err().to_string(), "once is enough");
}

struct Quiet;

#[listeners]
impl Quiet {
    #[on]
    fn ping(&self, _: &Ping) {}
}

#[test]
fn a_module_in_a_scope_ends_with_it_for_good_and_may_be_registered_again() {
    let (bus, module) = (Bus::new(), Arc::new(Quiet));
    let scope = bus.scope("shop");
    let subscription = scope.register(module.clone()).unwrap();
    assert_eq!(subscription.info().scope(), Some("shop"));
    assert_eq!(bus.listener_infos()[0].scope(), Some("shop/Quiet"));
    assert_eq!(scope.listener_count(), 1);
    assert_eq!(scope.off(), 1);
    assert!(!subscription.is_on());
    assert!(scope.register(module.clone()).unwrap().is_on());
    assert_eq!(scope.close(), 1);
    assert!(bus.register(module).unwrap().is_on());
}

#[test]
fn a_module_has_nowhere_to_go_in_a_closed_scope_or_without_a_bus() {
    let bus = Bus::new();
    let (closed, orphaned) = (bus.scope("closed"), bus.scope("orphaned"));
    closed.close();
    let error = closed.register(Arc::new(Quiet)).unwrap_err();
    assert!(matches!(&error, WiringError::Closed { module, scope, .. } if module == "Quiet" && scope == "closed"));
    drop(bus);
    let error = orphaned.register(Arc::new(Quiet)).unwrap_err().to_string();
    assert_eq!(error, "module `Quiet` has nowhere to go: scope `orphaned` is closed, or its bus is gone");
    assert!(!orphaned.on::<Ping>(|_| ()).is_on());
}

#[tokio::test]
async fn close_and_wait_waits_for_the_calls_under_way_in_all_inner_scopes() {
    let (bus, log) = (Bus::new(), Log::default());
    let outer = bus.scope("outer");
    let gate = Arc::new(Notify::new());
    let running = Arc::new(Notify::new());
    let state = (gate.clone(), running.clone(), log.clone());
    outer.scope("inner").listener::<Ping>().once().with(state).on_async(|(gate, running, log), _| async move {
        running.notify_one();
        gate.notified().await;
        log.add("call ended");
    });
    let emission = bus.emit(Ping).spawn();
    running.notified().await;

    let (closing, closed) = (outer.clone(), log.clone());
    let closing = tokio::spawn(async move {
        closing.close_and_wait().await.unwrap();
        closed.add("closed");
    });
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
    assert!(outer.is_closed(), "at once");
    assert!(log.take().is_empty(), "the waiting is not over");
    gate.notify_one();
    closing.await.unwrap();
    emission.await;
    assert_eq!(log.take(), ["call ended", "closed"]);
    outer.close_and_wait().await.unwrap();
}

#[tokio::test]
async fn close_and_wait_inside_an_emission_closes_and_refuses_to_wait() {
    let bus = Bus::new();
    let scope = bus.scope("scope");
    let (inside, results) = (scope.clone(), Log::default());
    scope.listener::<Ping>().with(results.clone()).on_async(move |results, _| {
        let scope = inside.clone();
        async move { results.add(scope.close_and_wait().await) }
    });
    bus.emit(Ping).await;
    assert_eq!(results.take(), [Err(InsideEmission)]);
    assert!(scope.is_closed());
    assert_eq!(bus.listener_count::<Ping>(), 0);
    // From the emission of another bus, which has nothing to do with it, it may be waited.
    let (other, scope, results) = (Bus::new(), bus.scope("other"), Log::default());
    scope.on::<Ping>(|_| ());
    other.listener::<Ping>().with((scope, results.clone())).on_async(|(scope, results), _| async move {
        results.add(scope.close_and_wait().await);
    });
    other.emit(Ping).await;
    assert_eq!(results.take(), [Ok(())]);
}

/// A scope that is emptied forgets those inside of it that nobody can add to; one inside of those, that somebody holds, is none.
#[test]
fn a_scope_deep_inside_of_one_that_was_emptied_still_ends_with_it() {
    let bus = Bus::new();
    let outer = bus.scope("outer");
    let deep = outer.scope("middle").scope("deep");
    outer.off();
    deep.on::<Ping>(|_| {});
    assert_eq!(outer.listener_count(), 1);
    outer.close();
    assert_eq!(bus.listener_count::<Ping>(), 0);
}
