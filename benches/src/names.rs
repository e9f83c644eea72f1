//! What names and patterns cost.

use std::hint::black_box;

use ahash::AHashMap;
use eventbus::{Bus, Event, EventName, by_name::Pattern, emit::EmitAny};

use crate::harness::{Plan, Table};

const NAME: &str = "user.account.created";

struct UserCreated(u64);

impl Event for UserCreated {
    const NAME: EventName = EventName::new(NAME);
}

pub(crate) fn tables(plan: &Plan) {
    plan.table("names, a typed emit, one listener", typed_emits);
    plan.table("names, emit_name of an exact name", exact_name);
    plan.table("names, emit_name of an unclaimed name", unclaimed_name);
    plan.table("names, on_pattern and off", registrations);
    // What it costs to ask each pattern, for comparison.
    plan.table("names, Pattern::matches", |table| {
        let pattern = Pattern::new("k.*.aax").expect("a pattern");
        table.add("k.*.aax", move |_| _ = black_box(pattern.matches(black_box("k.b.aax"))));
    });
}

/// Patterns of the shapes that people write; none matches `user.account.created`.
fn patterns(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| match number % 4 {
        0 => format!("tenant{number}.*.created"),
        1 => format!("tenant{number}.account.**"),
        2 => format!("tenant{number}.*.*"),
        _ => format!("tenant{number}.account.deleted"),
    })
}

fn bus(patterns_that_do_not_match: usize) -> Bus {
    let bus = Bus::new();
    for pattern in patterns(patterns_that_do_not_match) {
        bus.on_pattern(&pattern, |_| ()).expect("a pattern");
    }
    bus
}

fn typed_emits(table: &mut Table<'_>) {
    for (name, bus) in [("no patterns", bus(0)), ("10,000 patterns, none matches", bus(10_000))] {
        bus.on::<UserCreated>(|e| _ = black_box(e.0));
        table.add(name, move |number| _ = bus.emit(UserCreated(number)).blocking());
    }
}

/// A name that an event type has claimed, beside a map from the name and a typed emit.
pub(crate) fn exact_name(table: &mut Table<'_>) {
    let by_name = bus(0);
    by_name.on::<UserCreated>(|e| _ = black_box(e.0));
    let bus = by_name.clone();
    let map = AHashMap::from([(NAME.to_owned(), bus)]);
    table.add("ahash map, then a typed emit", move |number| {
        if let Some(bus) = map.get(black_box(NAME)) {
            bus.emit(UserCreated(number)).blocking();
        }
    });
    table.add("emit_name", move |number| {
        _ = by_name.emit_name(black_box(NAME), UserCreated(number)).map(EmitAny::blocking);
    });
}

pub(crate) fn unclaimed_name(table: &mut Table<'_>) {
    for (name, patterns, matches) in [
        ("no patterns", 0, false),
        ("10,000 patterns, none matches", 10_000, false),
        ("11 patterns, one matches", 10, true),
        ("10,001 patterns, one matches", 10_000, true),
    ] {
        let bus = bus(patterns);
        if matches {
            bus.on_pattern("user.*.created", |e| _ = black_box(e.name().len())).expect("a pattern");
        }
        table.add(name, move |number| _ = bus.emit_name(black_box(NAME), number).map(EmitAny::blocking));
    }
}

/// A hundred event types.
struct Known<const A: u8, const B: u8>;

const fn digits<const A: u8, const B: u8>() -> [u8; 7] {
    [b'k', b'.', b'a' + A, b'.', b'a' + B / 10, b'a' + B % 10, b'x']
}

impl<const A: u8, const B: u8> Known<A, B> {
    const BYTES: [u8; 7] = digits::<A, B>();
}

impl<const A: u8, const B: u8> Event for Known<A, B> {
    const NAME: EventName = EventName::new(match str::from_utf8(&Self::BYTES) {
        Ok(name) => name,
        Err(_) => panic!("ASCII"),
    });
}

macro_rules! declare {
    ($bus:ident, [$($a:literal)*] $b:tt) => { $(declare!(@ $bus, $a $b);)* };
    (@ $bus:ident, $a:literal [$($b:literal)*]) => { $($bus.declare::<Known<$a, $b>>().expect("a new name");)* };
}

pub(crate) fn registrations(table: &mut Table<'_>) {
    let known = Bus::new();
    declare!(known, [0 1 2 3 4 5 6 7 8 9] [0 1 2 3 4 5 6 7 8 9]);
    for (name, bus, pattern) in [
        ("no known names", Bus::new(), "k.*.aax"),
        ("100 known names, none matches", known.clone(), "other.*"),
        ("100 known names, 10 match", known.clone(), "k.*.aax"),
        ("100 known names, all match", known, "k.**"),
    ] {
        table.add(name, move |_| _ = bus.on_pattern(pattern, |_| ()).map(|subscription| subscription.off()));
    }
}
