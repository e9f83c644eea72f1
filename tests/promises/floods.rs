//! P6: what nobody reads is told on stderr, and however much it is, stderr is not flooded.

use eventbus::Bus;

use crate::support::{Ping, bus_lines, in_child};

#[test]
fn a_flood_of_unread_failures_is_a_few_lines_and_a_count() {
    let output = in_child("floods::a_flood_of_unread_failures_is_a_few_lines_and_a_count", || {
        let bus = Bus::new();
        bus.on::<Ping>(|_| Err("no"));
        for _ in 0..2000 {
            drop(bus.emit(Ping).blocking());
        }
    });
    let Some(output) = output else { return };
    let lines = bus_lines(&output);
    // However long it takes on a busy machine: so many a second.
    assert!((21..1000).contains(&lines.len()), "{} lines", lines.len());
    let told = lines.iter().filter(|line| line.contains("failed: no")).count();
    let counted: usize = lines.iter().filter_map(|line| withheld(line)).sum();
    assert_eq!(told + counted, 2000, "every failure is told or counted: {lines:#?}");
}

/// The count in a line such as `eventbus: .. and 1,234 more lines`.
fn withheld(line: &str) -> Option<usize> {
    let (_, rest) = line.split_once(".. and ")?;
    rest.split(' ').next()?.replace(',', "").parse().ok()
}
