//! The order of several interceptors, and of the listeners between them.

use eventbus::Bus;

use super::recorder::Recorder;
use crate::support::{Log, Ping};

#[test]
fn the_first_is_the_outermost() {
    let log = Log::default();
    let (outer, inner) = (Recorder::with_parts("1 ", &log), Recorder::with_parts("2 ", &log));
    let bus = Bus::builder().intercept(outer).intercept(inner).build();
    bus.listener::<Ping>().named("x").on(|_| {});
    assert!(bus.emit(Ping).blocking().is_ok());
    let onion = [
        "1 ping",
        "2 ping",
        "1 >ping",
        "2 >ping",
        "1 ping/x",
        "2 ping/x",
        "1 >ping/x",
        "2 >ping/x",
        "2 <ping/x",
        "1 <ping/x",
        "2 ping/x: ok",
        "1 ping/x: ok",
        "2 <ping",
        "1 <ping",
        "2 ping: 1 ok, []",
        "1 ping: 1 ok, []",
    ];
    assert_eq!(log.take(), onion);
}

#[tokio::test]
async fn calls_are_intercepted_in_the_order_of_turns() {
    let (bus, log) = Recorder::bus();
    bus.listener::<Ping>().named("blocking").priority(1).on_blocking(|_| {});
    bus.listener::<Ping>().named("async").priority(3).on_async(|_| async {});
    bus.listener::<Ping>().named("spawned").priority(2).spawned().on_async(|_| async {});
    bus.listener_pattern("*").unwrap().named("by name").priority(-1).on(|_| {});
    bus.listener::<Ping>().named("sync").on(|_| {});
    assert!(bus.emit(Ping).await.is_ok());
    let begun: Vec<_> = log.take().into_iter().filter(|line| !line.contains(": ")).collect();
    assert_eq!(begun, ["ping", "ping/sync", "ping/by name", "ping/async", "ping/spawned", "ping/blocking"]);
}
