//! The example `pipeline`, run as users run it: it ends by itself after the drain, and its numbers add up.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

/// What the program prints, line by line.
fn run() -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_pipeline")).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{:?}: {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// All numbers of a line.
fn numbers(line: &str) -> Vec<u64> {
    line.split(|char: char| !char.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn every_delivery_is_archived_and_goes_through_the_pipeline_once() {
    let lines = run();
    let last = lines.last().unwrap();
    let [deliveries, published, refused, archived, handed_on, left_out, written] = numbers(last)[..] else {
        panic!("{last}")
    };
    assert_eq!((deliveries, published, refused), (329, 329, 0), "{last}");
    assert_eq!((archived, handed_on, left_out + written), (329, 329, 329), "a copy for each group: {last}");

    let line = |start: &str| lines.iter().find(|line| line.starts_with(start)).map(|line| numbers(line)).unwrap();
    let [stored, workers, at_most] = line("archive")[..] else { panic!("{lines:#?}") };
    assert_eq!((stored, workers), (archived, 4));
    assert!((1..=workers).contains(&at_most), "workers share a group: {lines:#?}");
    assert_eq!(line("fan-in").iter().sum::<u64>(), written);
    assert_eq!(line("fan-in").len(), 4, "{lines:#?}");
    let batches = written.div_ceil(25);
    assert_eq!(line("stages"), [left_out, written, 8, batches, 25]);
    let [shown, all, missed] = line("dashboard")[..] else { panic!("{lines:#?}") };
    assert_eq!((shown, all, missed), (16, 329, 313), "what a stream misses it counts");
}
