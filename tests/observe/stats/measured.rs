//! Which emissions and calls are measured, and what that says.

use std::time::{Duration, SystemTime};

use super::support::{Ping, counting, event, listener};

#[test]
fn of_plain_emissions_the_first_16_are_measured_then_one_of_256() {
    let bus = counting();
    bus.listener::<Ping>().named("it").on(|_| {});
    for _ in 0..16 + 4 * 256 {
        bus.emit(Ping).blocking();
    }
    // Those with the numbers 256, 512, 768 and 1,024.
    assert_eq!((event::<Ping>(&bus).latency.count, listener(&bus, "it").latency.count), (20, 20));
    assert_eq!(event::<Ping>(&bus).emissions, 1_040);
}

#[tokio::test(start_paused = true)]
async fn awaited_listeners_are_measured_at_each_call() {
    let bus = counting();
    bus.listener::<Ping>().named("ready").on_async(|_| async {});
    bus.listener::<Ping>().named("slow").on_async(|_| tokio::time::sleep(Duration::from_secs(3)));
    bus.listener::<Ping>().named("spawned").spawned().on_async(|_| tokio::time::sleep(Duration::from_secs(5)));
    for _ in 0..100 {
        bus.emit(Ping).await;
    }
    let slow = listener(&bus, "slow").latency;
    assert_eq!((slow.count, slow.mean, slow.max), (100, Duration::from_secs(3), Duration::from_secs(3)));
    assert!(slow.p50 <= slow.p99 && slow.p99 <= slow.max && slow.p50 > Duration::from_millis(2_960), "{slow:?}");
    // It ended two seconds before the spawned one, on the clock of the test.
    let ago = SystemTime::now().duration_since(slow.last.unwrap()).unwrap();
    assert!((2..60).contains(&ago.as_secs()), "{ago:?}");
    assert_eq!(listener(&bus, "spawned").latency.mean, Duration::from_secs(5));
    assert_eq!(listener(&bus, "ready").latency.count, 100);
    let all = event::<Ping>(&bus).latency;
    assert_eq!((all.count, all.mean), (16, Duration::from_secs(5)));
}

#[test]
fn nothing_is_measured_where_nothing_was_emitted() {
    let bus = counting();
    bus.listener::<Ping>().named("it").on(|_| {});
    let latency = listener(&bus, "it").latency;
    assert_eq!((latency.count, latency.mean, latency.max, latency.last), (0, Duration::ZERO, Duration::ZERO, None));
}
