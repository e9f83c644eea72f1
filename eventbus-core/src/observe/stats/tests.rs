//! The table of fixed numbers.

use std::{
    panic::Location,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{EventStats, ListenerStats, Stats};
use crate::{
    counting::{FailureStats, Latency},
    emission::DeferredStats,
    event::{Event, EventName},
    listener::{ListenerId, ListenerInfo, ListenerKind},
    publish::{GroupStats, Published},
    transport::Unrouted,
};

struct UserCreated;
impl Event for UserCreated {
    const NAME: EventName = EventName::new("user.created");
}

struct OrderCompleted;
impl Event for OrderCompleted {
    const NAME: EventName = EventName::new("order.completed");
    const VERSION: u32 = 2;
}

const TAKEN_AT: SystemTime = SystemTime::UNIX_EPOCH;

#[track_caller]
fn listener(name: Option<&str>, calls: u64, failed: u64, running: u64, latency: Latency) -> ListenerStats {
    let listener = ListenerInfo {
        id: ListenerId::next(),
        kind: ListenerKind::Sync,
        name: name.map(Arc::from),
        event: None,
        pattern: None,
        priority: 0,
        once: false,
        filtered: false,
        scope: None,
        location: Location::caller(),
    };
    ListenerStats { listener, calls, failures: FailureStats { failed, ..FailureStats::default() }, running, latency }
}

fn latency(mean: u64, p50: u64, p99: u64, max: u64) -> Latency {
    let [mean, p50, p99, max] = [mean, p50, p99, max].map(Duration::from_nanos);
    Latency { count: 20, mean, p50, p99, max, last: TAKEN_AT.checked_sub(Duration::from_millis(2_340)) }
}

fn stats() -> Stats {
    let user = EventStats {
        event: UserCreated::TYPE,
        emissions: 1_204,
        unheard: 0,
        in_flight: 2,
        calls: 3_610,
        failures: FailureStats { failed: 3, timed_out: 1, ..FailureStats::default() },
        latency: latency(1_230_000, 999_000, 38_400_000, 90_000_000_000),
        listeners: vec![
            listener(Some("welcome"), 1_204, 0, 0, latency(412, 380, 2_100, 15_000)),
            listener(
                Some("a name that is far too long for the table"),
                1_204,
                4,
                2,
                latency(1, 0, 9, 7_200_000_000_000),
            ),
        ],
    };
    let order = EventStats {
        event: OrderCompleted::TYPE,
        emissions: 7,
        unheard: 7,
        in_flight: 0,
        calls: 0,
        failures: FailureStats::default(),
        latency: Latency::default(),
        listeners: Vec::new(),
    };
    let mut group = GroupStats { name: "mailer".into(), handled: 80, dead_lettered: 1, ..GroupStats::default() };
    (group.in_flight, group.retried, group.oldest_age) = (12, 5, Some(Duration::from_mins(3)));
    group.latency = latency(10, 20_000_000, 30_500_000, 1_000_000_000);
    Stats {
        taken_at: TAKEN_AT,
        counts_emissions: true,
        events: vec![order, user],
        by_pattern: vec![listener(Some("audit"), 1_211, 0, 0, Latency::default())],
        unclaimed: 5,
        deferred: DeferredStats { pending: 1, released: 2, discarded: 3 },
        published: Published { offered: 94, accepted: 93, rejected: 1, unknown: 0, duplicates: 0 },
        groups: vec![group],
        unrouted: Unrouted { waiting: 4, dropped: 0 },
        unrouted_events: Vec::new(),
        dead_letters_evicted: 0,
        transport_errors: 6,
    }
}

#[test]
fn the_table_is_aligned_and_its_times_have_units() {
    let table = "\
event, its listeners                    count failed active    mean     p50     p99     max    last
order.completed.v2, 7 unheard               7      0      0
user.created                             1204      4      2  1.2 ms  999 µs   38 ms 1.5 min   2.3 s
  welcome                                1204      0      0  412 ns  380 ns  2.1 µs   15 µs   2.3 s
  a name that is far too long for ..     1204      4      2    1 ns    0 ns    9 ns   2.0 h   2.3 s
by pattern
  audit                                  1211      0      0
5 emissions under names that no type claims
group                                 handled failed    lag retried     p50     p99     max  oldest
mailer                                     80      1     12       5   20 ms   30 ms   1.0 s 3.0 min
published: 93 accepted, 1 rejected, 4 waiting for a group
deferred: 1 pending, 2 released, 3 discarded
6 errors of the transport";
    assert_eq!(stats().to_string(), table);
    assert!(table.lines().all(|line| line.chars().count() <= 100));
}

#[test]
fn a_listener_without_a_name_is_shown_by_its_place() {
    let unnamed = listener(None, 0, 0, 0, Latency::default());
    let line = unnamed.listener.location().line();
    let event = EventStats { listeners: vec![unnamed], ..stats().events.remove(0) };
    let table = Stats { events: vec![event], ..stats() }.to_string();
    assert!(table.contains(&format!("observe/stats/tests.rs:{line} ")), "{table}");
}
