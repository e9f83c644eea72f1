//! `webhooks --workers`: published and handled side by side, the deliveries come to the same as emitted one by one, and the ledger
//! tells of each.

use std::io::Write;

use serde_json::{Value, json};

use crate::{
    file, numbers_in_words,
    process::{ledger, start},
    recorded, stdout, summary, webhooks,
};

/// What does not depend on who was faster.
fn settled(mut summary: Value) -> Value {
    let books = summary.as_object_mut().unwrap();
    books.remove("emit_us");
    books.remove("ledger");
    let modules = &mut summary["modules"];
    modules["triage"].as_object_mut().unwrap().remove("first_broken");
    let warnings = modules["audit"]["warnings"].as_array_mut().unwrap();
    warnings.sort_by_key(ToString::to_string);
    summary
}

#[test]
fn with_workers_the_modules_come_to_the_same_and_the_ledger_adds_up() {
    let (emitted, _) = summary(&[]);
    for workers in ["1", "8"] {
        let (published, status) = summary(&["--workers", workers]);
        assert_eq!(status, Some(0));
        let ledger = &published["ledger"];
        assert_eq!((&ledger["offered"], &ledger["accepted"]), (&json!(329), &json!(329)));
        let groups = ledger["groups"].as_array().unwrap();
        assert_eq!(groups.len(), 4);
        for group in groups {
            let count = |key: &str| group[key].as_u64().unwrap();
            assert_eq!(count("handled"), count("deliveries"), "{group}");
        }
        // A group gets what it handles.
        let given = |name: &str| groups.iter().find(|group| group["group"] == name).unwrap()["deliveries"].as_u64();
        assert_eq!(
            ["audit", "statistics", "triage", "unclaimed"].map(given),
            [Some(102), Some(152), Some(116), Some(329)]
        );
        assert_eq!(settled(published), settled(emitted.clone()));
    }
    let output = webhooks(&["--workers", "4"]);
    assert_eq!(numbers_in_words(stdout(&output))[0], 329);
}

#[test]
fn with_workers_an_interrupted_replay_handles_what_it_has_published() {
    let mut process = start(&["--workers", "2", "--input", "/dev/stdin"]);
    let text = recorded();
    let lines: Vec<_> = text.lines().take(100).collect();
    let mut stdin = process.child.stdin.take().unwrap();
    stdin.write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
    process.wait_for("100 deliveries, 0 failed");
    process.signal("-INT");
    let (status, lines) = process.end();
    assert_eq!(status, Some(0), "{lines:#?}");
    let ([_, accepted, ..], groups) = ledger(&lines);
    assert_eq!(accepted, 100);
    assert!(groups.iter().all(|[created, handled, ..]| created == handled));
    assert!(groups.iter().any(|[created, ..]| *created == 100), "one group takes everything");
    assert!(lines.iter().any(|line| line.starts_with("deliveries 100: typed ") && line.ends_with(", failed 0")));
    drop(stdin);
}

#[test]
fn with_workers_what_was_not_handled_in_time_has_failed() {
    let lines: Vec<_> = recorded().lines().take(20).map(str::to_owned).collect();
    let path = file("not_handled_in_time.jsonl", lines.join("\n").as_bytes());
    let arguments = ["--workers", "2", "--per-minute", "1", "--shutdown-ms", "500", "--json", "--input"];
    let output = webhooks(&[&arguments[..], &[path.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(1));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let count = |key: &str| summary[key].as_u64().unwrap();
    assert_eq!(summary["deliveries"], json!(20));
    assert_eq!(count("typed") + count("unclaimed") + count("failed"), 20, "{summary}");
    assert!(count("failed") > 0);
    let reason = summary["failures"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("not handled in time"), "{reason}");
}
