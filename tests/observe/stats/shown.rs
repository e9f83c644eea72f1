//! Statistics as a table and as data.

use eventbus::Bus;

use super::support::{Numbered, Ping, counting};

#[tokio::test]
async fn the_table_names_events_listeners_patterns_and_groups_in_a_hundred_columns() {
    let bus = counting();
    bus.listener::<Ping>().named("welcome").on(|_| {});
    bus.on::<Ping>(|_| {});
    bus.listener::<Ping>().named(&"long\nname ".repeat(20)).on(|_| Err("no"));
    bus.listener_pattern("**").unwrap().named("audit").on(|_| {});
    bus.consumer("mailer").handle::<Numbered>(|_, _| async {}).start().await.unwrap();
    for _ in 0..3 {
        bus.emit(Ping).await;
        bus.publish(Numbered(1)).await.unwrap();
    }
    bus.emit_name("nobody.knows", 7).unwrap().await;
    bus.drained(super::support::HOUR).await.unwrap();
    let table = bus.stats().to_string();
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
    let line = |starts: &str| table.lines().find(|line| line.starts_with(starts)).unwrap_or_else(|| panic!("{table}"));
    let words = |starts: &str| line(starts).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words("ping")[1..4], ["3", "3", "0"]);
    assert_eq!(words("  welcome")[1..4], ["3", "0", "0"]);
    assert_eq!(words("  tests/observe/stats/shown.rs:11")[1..4], ["3", "0", "0"]);
    assert_eq!(words("  long\\nname")[3..6], ["3", "3", "0"]);
    assert_eq!(words("  audit `**`")[2..5], ["4", "0", "0"]);
    assert_eq!(words("mailer")[1..5], ["3", "0", "0", "0"]);
    assert!(line("1 emissions under names").ends_with("that no type claims"));
    assert!(line("published").contains("3 accepted, 0 rejected"));
}

#[test]
fn a_table_without_counts_says_how_to_have_some() {
    assert!(Bus::new().stats().to_string().contains("`Bus::builder().stats(true)`"));
}

#[cfg(feature = "serde")]
#[test]
fn statistics_are_data_for_serde() {
    let bus = counting();
    bus.listener::<Ping>().named("welcome").on(|_| Err("secret"));
    bus.emit(Ping).blocking();
    let json = serde_json::to_value(bus.stats()).unwrap();
    assert_eq!(json["counts_emissions"], true);
    let event = &json["events"][0];
    assert_eq!(
        (&event["name"], &event["emissions"], &event["failures"]["failed"]),
        (&"ping".into(), &1.into(), &1.into())
    );
    let listener = &event["listeners"][0];
    assert_eq!((&listener["listener"]["name"], &listener["calls"]), (&"welcome".into(), &1.into()));
    assert!(listener["latency"]["mean_ns"].as_u64().unwrap() > 0);
    assert!(listener["latency"]["last"].as_str().unwrap().ends_with('Z'));
    assert!(!json.to_string().contains("secret"));
    assert_eq!(json["published"]["offered"], 0);
}
