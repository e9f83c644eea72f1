//! `webhooks --stats`: what the buses have counted, beside the summary.

use crate::{numbers_in_words, stdout, summary, webhooks};

#[test]
fn the_table_stands_above_the_last_line_and_its_counts_are_those_of_the_summary() {
    let output = webhooks(&["--stats"]);
    let text = stdout(&output);
    assert_eq!(numbers_in_words(text)[0], 329);
    let rows = || text.lines().skip_while(|line| !line.starts_with("event, its"));
    let count = |name: &str| {
        // Long names are cut off.
        let row = rows().find(|row| row.starts_with(&name[..name.len().min(34)])).expect(name);
        row.split_whitespace().find_map(|word| word.parse::<u64>().ok()).expect("a count")
    };

    let (json, code) = summary(&["--stats"]);
    assert_eq!(code, Some(0));
    for event in json["events"].as_array().unwrap() {
        let (name, deliveries) = (event["name"].as_str().unwrap(), event["deliveries"].as_u64().unwrap());
        if event["listeners"].as_u64() > Some(0) {
            assert_eq!(count(name), deliveries, "{name}\n{text}");
        }
    }
    let stats = &json["stats"]["all deliveries"];
    assert_eq!(stats["unclaimed"], json["unclaimed"]);
    let emitted =
        stats["events"].as_array().unwrap().iter().filter(|event| event["name"].to_string().contains("github."));
    assert_eq!(emitted.map(|event| event["emissions"].as_u64().unwrap()).sum::<u64>(), json["typed"].as_u64().unwrap());
}

#[test]
fn with_workers_there_is_a_table_of_each_module() {
    let (json, _) = summary(&["--workers", "2", "--stats"]);
    let stats = json["stats"].as_object().unwrap();
    assert_eq!(stats.keys().collect::<Vec<_>>(), ["all deliveries", "audit", "statistics", "triage"]);
    for group in stats["all deliveries"]["groups"].as_array().unwrap() {
        assert!(group["attempts"].as_u64() > Some(0) && group["latency"]["count"] == group["attempts"], "{group}");
    }
    assert!(json["ledger"].is_object());
    assert!(summary(&[]).0.get("stats").is_none());
}
