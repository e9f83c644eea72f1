//! The monitor counts what the program does, in as few lines as it says.

#![forbid(unsafe_code)]

use std::process::Command;

#[test]
fn it_counts_emissions_calls_and_errors_by_event() {
    let output = Command::new(env!("CARGO_BIN_EXE_monitor")).output().expect("the example runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    // Without the last column, which differs from run to run.
    let counts = |line: &str| line.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
    let table: Vec<_> = stdout.lines().map(counts).collect();
    let expected = ["event emissions calls errors", "cache.cleared 1 0 0", "mail.sent 3 3 0", "user.created 3 6 1"];
    assert_eq!(table, expected, "{stdout}");
    assert!(stderr.contains("listener `search`") && stderr.contains("not an address"), "{stderr}");
}

#[test]
fn the_interceptor_has_twenty_lines() {
    let source = include_str!("../src/event_monitor.rs");
    let (_, rest) = source.split_once("// The 20 lines.\n").expect("the mark");
    let (code, _) = rest.split_once("\nimpl EventMonitor").expect("what follows");
    let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 20, "{lines} lines");
}
