//! What names cost: `cargo run --release -p eventbus-benches --bin by_name`.
//!
//! The contenders take turns; of their rounds the fastest and the median are shown, in nanoseconds for each operation.

#![forbid(unsafe_code)]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use eventbus::{Bus, Event, EventName, Pattern};

struct UserCreated(u64);

impl Event for UserCreated {
    const NAME: EventName = EventName::new("user.account.created");
}

type Contender<'a> = (&'static str, Box<dyn FnMut() + 'a>);

/// Lets the contenders take turns and prints the fastest and the median of their rounds, and the ratio to the first.
fn compare(title: &str, times: u32, contenders: &mut [Contender<'_>]) {
    const ROUNDS: usize = 41;
    let mut rounds: Vec<Vec<f64>> = vec![Vec::new(); contenders.len()];
    for _ in 0..ROUNDS {
        for (rounds, (_, run)) in rounds.iter_mut().zip(&mut *contenders) {
            let start = Instant::now();
            for _ in 0..times {
                run();
            }
            rounds.push(nanos(start.elapsed()) / f64::from(times));
        }
    }
    println!("{title}");
    let mut first = None;
    for (rounds, (name, _)) in rounds.iter_mut().zip(contenders) {
        rounds.sort_by(f64::total_cmp);
        let (least, median) = (rounds[0], rounds[ROUNDS / 2]);
        let first = *first.get_or_insert(least);
        println!("  {name:<44} {least:>9.1} {median:>9.1}   {:>6.2} x", least / first);
    }
}

fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
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
        bus.on_name(&pattern, |_| ()).expect("a pattern");
    }
    bus
}

fn typed_emits() {
    let (alone, crowded) = (bus(0), bus(10_000));
    for bus in [&alone, &crowded] {
        bus.on::<UserCreated>(|e| _ = black_box(e.0));
    }
    compare(
        "a typed emit, one listener",
        100_000,
        &mut [
            ("no patterns", Box::new(|| _ = alone.emit(UserCreated(1)).blocking())),
            ("10 000 patterns that do not match", Box::new(|| _ = crowded.emit(UserCreated(1)).blocking())),
            (
                "emit_name of the claimed name",
                Box::new(|| {
                    _ = crowded.emit_name("user.account.created", UserCreated(1)).map(eventbus::EmitAny::blocking);
                }),
            ),
        ],
    );
}

fn unclaimed_names() {
    let (none, alone, crowded, matched) = (bus(0), bus(10), bus(10_000), bus(10_000));
    matched.on_name("user.*.created", |e| _ = black_box(e.name().len())).expect("a pattern");
    alone.on_name("user.*.created", |e| _ = black_box(e.name().len())).expect("a pattern");
    let emit = |bus: &Bus| _ = bus.emit_name("user.account.created", 1_u64).map(eventbus::EmitAny::blocking);
    compare(
        "emit_name of an unclaimed name",
        20_000,
        &mut [
            ("no patterns", Box::new(|| emit(&none))),
            ("10 000 patterns, none matches", Box::new(|| emit(&crowded))),
            ("11 patterns, one matches", Box::new(|| emit(&alone))),
            ("10 001 patterns, one matches", Box::new(|| emit(&matched))),
        ],
    );
}

/// A hundred event types; a thousand take the compiler minutes.
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

fn registrations() {
    let known = Bus::new();
    declare!(known, [0 1 2 3 4 5 6 7 8 9] [0 1 2 3 4 5 6 7 8 9]);
    let empty = Bus::new();
    let on_off = |bus: &Bus, pattern: &str| _ = bus.on_name(pattern, |_| ()).map(|subscription| subscription.off());
    compare(
        "on_name and off",
        20,
        &mut [
            ("no known names", Box::new(|| on_off(&empty, "k.*.aax"))),
            ("100 known names, none matches", Box::new(|| on_off(&known, "other.*"))),
            ("100 known names, 10 match", Box::new(|| on_off(&known, "k.*.aax"))),
            ("100 known names, all match", Box::new(|| on_off(&known, "k.**"))),
        ],
    );
    // What it costs to ask each pattern, for comparison.
    let pattern = Pattern::new("k.*.aax").expect("a pattern");
    compare("Pattern::matches", 100_000, &mut [("k.*.aax", Box::new(|| _ = black_box(pattern.matches("k.b.aax"))))]);
}

fn main() {
    println!("{:<46} {:>9} {:>9}", "ns", "least", "median");
    typed_emits();
    unclaimed_names();
    registrations();
}
