//! What one more event type adds to a program: `symbols` prints the names and sizes of functions.

use std::{collections::BTreeMap, path::Path, process::Command};

use crate::compile::{Profile, Variant, Workshop};

/// So many types are there before the one that is added: functions of few types may be inlined where those of many are not.
const BEFORE: u16 = 10;

/// Bytes of functions, and how many functions, by names that are the same for all event types.
type Functions = BTreeMap<String, (i64, i64)>;

pub(crate) fn run() {
    let workshop = Workshop::open();
    for variant in [Variant::Awaited, Variant::Sync] {
        let [before, after] = [BEFORE, BEFORE + 1].map(|types| {
            workshop.build(variant, types, Profile::Release);
            functions(&workshop.program(Profile::Release))
        });
        let mut added: Vec<_> = after
            .iter()
            .filter_map(|(name, (bytes, count))| {
                let (bytes_before, count_before) = before.get(name).copied().unwrap_or_default();
                (count - count_before > 0).then(|| (bytes - bytes_before, count - count_before, name))
            })
            .collect();
        added.sort_by_key(|(bytes, ..)| -bytes);
        let total: i64 = added.iter().map(|(bytes, ..)| bytes).sum();
        println!("{variant:?}: {total} bytes in {} functions\n", added.len());
        for (bytes, count, name) in added {
            println!("{bytes:>6}  {count:>2} x  {name}");
        }
        println!();
    }
}

/// The functions of a program, by `nm`.
fn functions(program: &Path) -> Functions {
    let output =
        Command::new("nm").args(["--print-size", "--demangle"]).arg(program).output().expect("`nm` is installed");
    let mut functions = Functions::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let mut words = line.splitn(4, ' ');
        let (Some(_), Some(size), Some("t" | "T" | "w" | "W"), Some(name)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        let (bytes, count) = functions.entry(without_numbers(name)).or_default();
        *bytes += i64::from_str_radix(size, 16).unwrap_or(0);
        *count += 1;
    }
    functions
}

/// The name as all event types have it: `Generated7` is `GeneratedN`.
fn without_numbers(name: &str) -> String {
    let mut written = String::new();
    let mut rest = name;
    while let Some(at) = rest.find("event").into_iter().chain(rest.find("Generated")).min() {
        let digits = at + rest[at..].find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len() - at);
        let end = digits + rest[digits..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - digits);
        written.push_str(&rest[..digits]);
        written.push_str(if end > digits { "N" } else { "" });
        rest = &rest[end..];
    }
    written + rest
}
