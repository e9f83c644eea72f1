//! `--trace` prints what one delivery has caused.

use crate::{file, lines, recorded_deliveries, stderr, stdout, webhooks};

#[test]
fn the_delivery_that_has_caused_the_most_is_printed_as_one_tree() {
    let output = webhooks(&["--trace"]);
    let tree = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines: Vec<_> = tree.lines().collect();
    assert!(lines[0].starts_with("emit github.") && lines[1..].iter().all(|line| line.starts_with("  ")), "{tree}");
    // The audit raises an alert, which the triage hears.
    assert!(lines.iter().any(|line| line.starts_with("    emit ")), "{tree}");
    assert!(lines.iter().any(|line| line.starts_with("      listener ")), "{tree}");
}

#[test]
fn of_one_delivery_it_is_that_one_and_of_none_an_error() {
    let opened = file("trace_one.jsonl", lines(&recorded_deliveries("issues.opened")[..1]).as_bytes());
    let output = webhooks(&["--trace", "--input", opened.to_str().unwrap()]);
    assert!(stdout(&output).starts_with("emit github.issues"), "{}", stdout(&output));
    let empty = file("trace_none.jsonl", b"\n");
    let output = webhooks(&["--trace", "--input", empty.to_str().unwrap()]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
    assert!(stderr(&output).contains("no delivery has arrived as an event"), "{}", stderr(&output));
}
