//! What was to start and could not, or to end and could not: nothing is spent, and nothing hangs.

use eventbus::{Bus, Event, Outcome, emit::NotRun};
use tokio::runtime::Builder;

use super::support::Ping;

#[test]
fn a_listener_that_cannot_start_without_a_runtime_is_not_spent() {
    let bus = Bus::new();
    bus.listener::<Ping>().once().spawned().on_async(|_| async {});
    let report = bus.emit(Ping).blocking();
    assert!(matches!(report.failures()[0].outcome(), Outcome::NotRun(NotRun::NoRuntime)), "{report}");
    assert_eq!(bus.listener_count::<Ping>(), 1);

    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(async { bus.emit(Ping).await.succeeded() }), 1);
    assert_eq!(bus.listener_count::<Ping>(), 0);
}

#[derive(Event)]
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("the event's own drop");
    }
}

#[tokio::test]
async fn a_spawned_emission_reports_though_its_event_panics_in_its_drop() {
    let bus = Bus::new();
    bus.on::<Grenade>(|_| {});
    bus.emit(Grenade).spawn().await;

    bus.on_async::<Grenade>(|_| async { tokio::task::yield_now().await });
    bus.emit(Grenade).spawn().await;
    bus.settled().await.unwrap();
    assert_eq!(bus.in_flight().emissions, 0);
}
