//! The bars: `bars` prints each figure beside what is asked of it.
//!
//! `bars FILTER..` shows the rows whose paths contain one of the filters, `--quick` measures few rounds, `--full` adds whole
//! builds of crates with up to a thousand event types.

mod publishing;

use std::fmt::Write;

use crate::{
    asynchronous::{self, ready, yields},
    compile::{Profile, Variant, Workshop},
    counts,
    harness::Table,
    names, registration, spawned, synchronous, threads,
};

const BUS: &str = "eventbus, bus.emit(e).blocking()";
const AWAITED: &str = "eventbus, bus.emit(e).await";
const SPAWN: &str = "eventbus, emit(e).spawn()";

/// Rows that only `--full` has.
const CRATES: &str = "compile, a crate";

const MIB: f64 = 1024.0 * 1024.0;

struct Bars {
    filters: Vec<String>,
    /// Rounds of a table, and of one with long batches.
    rounds: usize,
    long_rounds: usize,
    /// Builds of the generated crate, for each number of types.
    builds: usize,
    full: bool,
    missed: usize,
}

/// What was measured. Less is better, unless it is to be [`at_least`](Figure::at_least) the bar.
struct Figure {
    ours: f64,
    unit: &'static str,
    bar: f64,
    stretch: Option<f64>,
    is_floor: bool,
    /// What rivals have, for the last column.
    beside: String,
}

impl Figure {
    fn new(ours: f64, unit: &'static str, bar: f64, stretch: impl Into<Option<f64>>) -> Self {
        Self { ours, unit, bar, stretch: stretch.into(), is_floor: false, beside: String::new() }
    }

    /// More is better.
    fn at_least(ours: f64, unit: &'static str, bar: f64, stretch: impl Into<Option<f64>>) -> Self {
        Self { is_floor: true, ..Self::new(ours, unit, bar, stretch) }
    }

    fn beside(mut self, name: &str, figure: f64) -> Self {
        self.note(format_args!("{name} {}", shown(figure)));
        self
    }

    fn note(&mut self, text: std::fmt::Arguments<'_>) {
        let comma = if self.beside.is_empty() { "" } else { ", " };
        _ = write!(self.beside, "{comma}{text}");
    }
}

pub(crate) fn run(args: &[String]) {
    let mut bars = Bars { filters: Vec::new(), rounds: 51, long_rounds: 11, builds: 3, full: false, missed: 0 };
    for arg in args {
        match arg.as_str() {
            "--quick" => (bars.rounds, bars.long_rounds, bars.builds) = (9, 3, 1),
            "--full" => bars.full = true,
            filter => bars.filters.push(filter.to_owned()),
        }
    }
    println!("| {:52} | {:>12} | {:>9} | {:>9} | {:6} | beside", "path", "ours", "bar", "stretch", "");
    println!("|:{:-<52}-|-{:->12}:|-{:->9}:|-{:->9}:|-{:-<6}-|-------", "", "", "", "", "");
    bars.instructions();
    bars.synchronous();
    bars.threads();
    bars.asynchronous();
    bars.spawned();
    bars.names();
    bars.registration();
    bars.publishing();
    bars.allocations();
    bars.compile();
    println!("\n{} missed", bars.missed);
}

fn shown(figure: f64) -> String {
    let decimals = if figure.abs() < 100.0 && figure.fract() != 0.0 { 2 } else { 0 };
    format!("{figure:.decimals$}")
}

impl Bars {
    fn wants(&self, path: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| path.contains(filter.as_str()))
    }

    /// Measures and prints one row, if it is wanted.
    fn row(&mut self, path: &str, measure: impl FnOnce(&Self) -> Figure) {
        if self.wants(path) {
            let figure = measure(self);
            self.print(path, &figure);
        }
    }

    fn print(&mut self, path: &str, figure: &Figure) {
        let met = if figure.is_floor { figure.ours >= figure.bar } else { figure.ours <= figure.bar };
        self.missed += usize::from(!met);
        let ours = format!("{} {}", shown(figure.ours), figure.unit);
        let stretch = figure.stretch.map(shown).unwrap_or_default();
        let met = if met { "met" } else { "missed" };
        println!("| {path:52} | {ours:>12} | {:>9} | {stretch:>9} | {met:6} | {}", shown(figure.bar), figure.beside);
    }

    /// Fills a table and measures it.
    fn table<'a>(&self, fill: impl FnOnce(&mut Table<'a>)) -> Table<'a> {
        let mut table = Table::new();
        fill(&mut table);
        table.measure(self.rounds);
        table
    }

    fn instructions(&mut self) {
        let rows = [
            ("bus", 0, 110.0, 60.0),
            ("bus", 1, 300.0, 200.0),
            ("emitter", 0, 50.0, 30.0),
            ("emitter", 1, 180.0, 120.0),
        ];
        for (contender, listeners, bar, stretch) in rows {
            let path = format!("instructions, {contender}, {listeners} listeners");
            if self.wants(&path) && !counts::has_valgrind() {
                println!("| {path:52} | valgrind is not installed");
                continue;
            }
            self.row(&path, |_| {
                let mut figure = Figure::new(counts::instructions(contender, listeners), "", bar, stretch);
                if contender == "bus" {
                    for rival in ["raw", "signals2", "mod-events"] {
                        figure = figure.beside(rival, counts::instructions(rival, listeners));
                    }
                }
                figure
            });
        }
    }

    fn synchronous(&mut self) {
        for listeners in [1, 10, 100, 1000] {
            self.row(&format!("sync emit, {listeners} listeners, x raw"), |bars| {
                let table = bars.table(|table| synchronous::fill(table, listeners));
                let [ours, signals, mods] = [BUS, "signals2", "mod-events"].map(|name| table.ratio(name, "raw loop"));
                // With one listener below mod-events too, with ten not above signals2.
                let (bar, stretch) = match listeners {
                    1 => (mods.min(10.0), signals.min(6.0)),
                    10 => (signals.min(1.7), 1.3),
                    _ => (1.2, 1.05),
                };
                Figure::new(ours, "x", bar, stretch).beside("signals2", signals).beside("mod-events", mods)
            });
        }
        self.row("sync emit, Emitter, 1 listener, x raw", |bars| {
            let table = bars.table(|table| synchronous::fill(table, 1));
            Figure::new(table.ratio("eventbus, Emitter", "raw loop"), "x", 7.5, 4.0)
        });
    }

    fn threads(&mut self) {
        self.row("two threads, 1 listener, x one thread", |bars| {
            let [ours, raw, signals] = threads::two_by_one(bars.long_rounds);
            Figure::new(ours, "x", 0.6, 0.5).beside("raw", raw).beside("signals2", signals)
        });
        for listeners in [1, 10] {
            self.row(&format!("beside on and off, {listeners} listeners, x undisturbed"), |bars| {
                let mut table = Table::new();
                threads::beside_changes(&mut table, listeners);
                table.measure(bars.long_rounds);
                let ours = table.ratio("eventbus, beside on and off", "eventbus, undisturbed");
                let signals = table.ratio("signals2, beside on and off", "signals2, undisturbed");
                Figure::new(ours, "x", 3.0, 2.0).beside("signals2", signals)
            });
        }
    }

    fn asynchronous(&mut self) {
        let runtime = asynchronous::runtime();
        for (listeners, bar) in [(1, 1.0), (10, 0.9)] {
            self.row(&format!("{listeners} async listeners, ready, x join_all"), |bars| {
                let table = bars.table(|table| asynchronous::fill(table, &runtime, listeners, ready));
                Figure::new(table.ratio(AWAITED, "join_all"), "x", bar, 0.7)
            });
        }
        self.row("10 async listeners, yield once, x join_all", |bars| {
            let table = bars.table(|table| asynchronous::fill(table, &runtime, 10, yields));
            Figure::new(table.ratio(AWAITED, "join_all"), "x", 1.0, 0.6)
        });
    }

    fn spawned(&mut self) {
        let runtime = asynchronous::runtime();
        for listeners in [1, 10] {
            self.row(&format!("spawn, {listeners} sync listeners, awaited, x tokio::spawn"), |bars| {
                let table = bars.table(|table| spawned::awaited(table, &runtime, listeners));
                Figure::new(table.ratio(SPAWN, "tokio::spawn"), "x", 1.3, 1.1)
            });
            self.row(&format!("spawn, {listeners} sync listeners, drained, x tokio::spawn"), |bars| {
                let table = bars.table(|table| spawned::drained(table, &runtime, listeners));
                Figure::new(table.ratio(SPAWN, "tokio::spawn, tracked"), "x", 1.3, 1.1)
            });
        }
        self.row("spawn, 10 async listeners, drained, x tokio::spawn", |bars| {
            let table = bars.table(|table| spawned::async_drained(table, &runtime));
            Figure::new(table.ratio(SPAWN, "tokio::spawn, tracked"), "x", 1.3, 1.1)
        });
    }

    fn names(&mut self) {
        self.row("exact name, x ahash map + typed emit", |bars| {
            let table = bars.table(names::exact_name);
            Figure::new(table.ratio("emit_name", "ahash map, then a typed emit"), "x", 1.5, None)
        });
        for contender in ["10,000 patterns, none matches", "10,001 patterns, one matches"] {
            self.row(&format!("unclaimed name, {contender}"), |bars| {
                let table = bars.table(names::unclaimed_name);
                Figure::new(table.median(contender), "ns", 300.0, None)
            });
        }
        self.row("on_pattern + off, 100 known names, all match", |bars| {
            let table = bars.table(names::registrations);
            Figure::new(table.median("100 known names, all match") / 1e3, "us", 20.0, 5.0)
        });
    }

    fn registration(&mut self) {
        for listeners in [0, 1000, 100_000] {
            self.row(&format!("on + off, {listeners} listeners"), |bars| {
                let table = bars.table(|table| registration::on_off(table, listeners));
                Figure::new(table.median("eventbus") / 1e3, "us", 1.0, None)
            });
        }
        self.row("on + emit + off + emit, 10000 listeners, x mod-events", |bars| {
            let table = bars.table(|table| registration::on_emit_off_emit(table, 10_000));
            Figure::new(table.ratio("eventbus", "mod-events"), "x", 2.0, None)
        });
    }

    fn allocations(&mut self) {
        let rows = [("bus", 1, 0.0), ("bus", 10, 0.0), ("awaited", 1, 3.0), ("awaited", 10, 12.0)];
        let path = |name: &str, listeners: u32| format!("allocations, {name}, {listeners} listeners");
        if rows.iter().any(|(name, listeners, _)| self.wants(&path(name, *listeners))) {
            let counted = counts::allocations();
            for (name, listeners, bar) in rows {
                let ours = counted[&format!("allocations.{name}.{listeners}")];
                self.row(&path(name, listeners), |_| Figure::new(ours, "", bar, None));
            }
        }
    }

    fn compile(&mut self) {
        let variants = [
            ("compile, each type, on + on_async + await", Variant::Awaited, [0.4, 35.0], [0.2, 20.0]),
            ("compile, each type, on + blocking", Variant::Sync, [0.2, 15.0], [0.1, 6.0]),
        ];
        for (path, variant, bar, stretch) in variants {
            if self.wants(path) {
                let cost = Workshop::open().each(variant, 1, 61, self.builds);
                self.print(&format!("{path}: CPU"), &Figure::new(cost.cpu, "s", bar[0], stretch[0]));
                self.print(&format!("{path}: code"), &Figure::new(cost.text / 1e3, "KB", bar[1], stretch[1]));
            }
        }
        if self.full && self.wants(CRATES) {
            self.crates();
        }
    }

    /// Whole builds of crates with few and with many event types.
    fn crates(&mut self) {
        let workshop = Workshop::open();
        let mut table = String::new();
        for profile in [Profile::Release, Profile::Debug] {
            // The dependencies.
            workshop.build(Variant::Awaited, 0, profile);
            for types in [1, 61, 1000] {
                let cost = workshop.build(Variant::Awaited, types, profile);
                let [minutes, memory] = [cost.wall.as_secs_f64() / 60.0, cost.memory / MIB];
                if let (Profile::Release, 1000) = (profile, types) {
                    self.print(&format!("{CRATES}, 1000 types: time"), &Figure::new(minutes, "min", 8.0, 4.0));
                    self.print(&format!("{CRATES}, 1000 types: memory"), &Figure::new(memory, "MiB", 4096.0, None));
                }
                let [cpu, wall, size] = [cost.cpu, cost.wall.as_secs_f64(), cost.size / 1e6];
                let profile = profile.name();
                _ = writeln!(
                    table,
                    "| {types:>5} | {profile:7} | {cpu:>7.1} s | {wall:>6.1} s | {memory:>6.0} MiB | {size:>6.2} MB |"
                );
            }
        }
        println!("\n| types | build   |       CPU |     wall | peak memory |   program |");
        println!("|------:|---------|----------:|---------:|------------:|----------:|\n{table}");
    }
}
