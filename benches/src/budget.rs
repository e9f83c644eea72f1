//! Counts beside the most that they may be: `budget`, and `budget --accept` to store them anew.

use std::{collections::BTreeMap, fmt::Write, fs, process::ExitCode};

use crate::{
    compile::{Variant, Workshop},
    counts,
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/budget.txt");

const HEAD: &str = "\
# Counts that `cargo measure budget` checks, and `cargo measure budget --accept` stores.
# instructions.PATH.LISTENERS and allocations.PATH.LISTENERS are per emit; text.VARIANT is bytes of code per event type.
# Of `publish` and `publish-batch` they are per event that is published and handled by so many workers; `-watched` is on a bus with
# spans and metrics that nobody collects.
";

pub(crate) fn run(args: &[String]) -> ExitCode {
    let accept = match args {
        [] => false,
        [accept] if accept == "--accept" => true,
        _ => panic!("`budget` takes nothing but `--accept`"),
    };
    let budget = counts::parse(&fs::read_to_string(FILE).unwrap_or_default());
    let counts = measure();
    println!("{:<28} {:>10} {:>10} {:>8}", "", "now", "budget", "change");
    let mut grown = Vec::new();
    for (name, &now) in &counts {
        let Some(&allowed) = budget.get(name) else {
            println!("{name:<28} {now:>10} {:>10}", "none");
            grown.push(format!("{name} has no budget"));
            continue;
        };
        // 0 of 0 is no change; something where there was nothing is infinitely more.
        let change = if now.total_cmp(&allowed).is_eq() { 0.0 } else { (now / allowed - 1.0) * 100.0 };
        println!("{name:<28} {now:>10} {allowed:>10} {change:>+7.1}%");
        // The same code differs by some instructions from one build folder to another.
        let tolerance = if name.starts_with("allocations.") { 0.0 } else { 5.0 };
        if change > tolerance {
            grown.push(format!("{name} grew by {change:.1} %, from {allowed} to {now}"));
        }
    }
    if accept {
        let mut stored = budget;
        stored.extend(counts);
        store(&stored);
        println!("stored in {FILE}");
        return ExitCode::SUCCESS;
    }
    if grown.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("\nover budget:");
    for line in grown {
        eprintln!("  {line}");
    }
    eprintln!("if that is meant, `cargo measure budget --accept` stores the new numbers");
    ExitCode::FAILURE
}

fn measure() -> BTreeMap<String, f64> {
    let mut counts = counts::allocations();
    if counts::has_valgrind() {
        for path in ["bus", "bus_stats", "emitter"] {
            for listeners in [0, 1, 10] {
                let count = counts::instructions(path, listeners);
                counts.insert(format!("instructions.{path}.{listeners}"), (count * 10.0).round() / 10.0);
            }
        }
        let watched = counts::instructions("bus-watched", 10);
        counts.insert("instructions.bus-watched.10".to_owned(), (watched * 10.0).round() / 10.0);
        for path in ["publish", "publish-watched", "publish-batch"] {
            // How many events a batch has depends on when timers fire, so on what else the machine does: the least of three.
            let runs = (0..3).map(|_| counts::instructions(path, 1).round());
            counts.insert(format!("instructions.{path}.1"), runs.fold(f64::INFINITY, f64::min));
        }
    } else {
        eprintln!("valgrind is not installed: instructions are not checked");
    }
    let workshop = Workshop::open();
    for (name, variant) in [("text.awaited", Variant::Awaited), ("text.sync", Variant::Sync)] {
        counts.insert(name.to_owned(), workshop.each(variant, 1, 11, 1).text.round());
    }
    counts
}

fn store(counts: &BTreeMap<String, f64>) {
    let mut text = String::from(HEAD);
    for (name, count) in counts {
        _ = writeln!(text, "{name} = {count}");
    }
    fs::write(FILE, text).expect("the budget is written");
}
