//! The example `webhooks`, run as users run it: its numbers add up, and what is wrong with its input is said.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(unix)] // They end by signals.
mod hostile;
mod many;
#[cfg(unix)]
mod process;
mod protocol;
#[cfg(unix)]
mod scraping;
#[cfg(unix)]
mod serving;
mod stats;
mod traced;
#[cfg(unix)]
mod workers;

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use eventbus::Bus;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::{Value, json};

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/github-webhooks.jsonl.gz");

/// The program, built by the cargo that runs this test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_webhooks");

/// Runs the example.
fn webhooks(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().expect("the example runs")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("stdout is UTF-8")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("stderr is UTF-8")
}

/// The summary as JSON, and the exit status.
fn summary(arguments: &[&str]) -> (Value, Option<i32>) {
    let output = webhooks(&[&["--json"], arguments].concat());
    let summary = serde_json::from_slice(&output.stdout);
    (summary.unwrap_or_else(|error| panic!("{error}: {}\n{}", stdout(&output), stderr(&output))), output.status.code())
}

/// `deliveries`, `typed`, `unclaimed` and `failed` of a summary.
fn numbers(summary: &Value) -> [u64; 4] {
    ["deliveries", "typed", "unclaimed", "failed"].map(|key| summary[key].as_u64().expect(key))
}

/// The numbers of the summary's line, which is the last.
fn numbers_in_words(text: &str) -> [u64; 4] {
    let line = text.lines().last().expect("a summary");
    let numbers: Vec<u64> = line.split([' ', ',', ':']).filter_map(|word| word.parse().ok()).collect();
    let [n, t, u, f] = numbers.try_into().expect("four numbers");
    assert_eq!(line, format!("deliveries {n}: typed {t}, unclaimed {u}, failed {f}"));
    [n, t, u, f]
}

/// The failures of a summary as line and reason.
fn failures(summary: &Value) -> Vec<(u64, &str)> {
    let failures = summary["failures"].as_array().expect("failures");
    failures.iter().map(|failure| (failure["line"].as_u64().unwrap(), failure["reason"].as_str().unwrap())).collect()
}

fn recorded() -> String {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(RECORDED).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// The recorded deliveries of this name; there is at least one.
fn recorded_deliveries(name: &str) -> Vec<Value> {
    let mut deliveries: Vec<Value> = recorded().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    deliveries.retain(|delivery| delivery["name"] == name);
    assert!(!deliveries.is_empty(), "no `{name}` was recorded");
    deliveries
}

/// Deliveries as JSON lines.
fn lines(deliveries: &[Value]) -> String {
    deliveries.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

/// A file for one test, whose name it takes.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_recorded_delivery_is_accounted_for() {
    let output = webhooks(&[]);
    let [deliveries, typed, unclaimed, failed] = numbers_in_words(stdout(&output));
    assert_eq!(deliveries, 329);
    assert_eq!(typed + unclaimed + failed, deliveries);
    assert_eq!(failed, 0, "{}", stdout(&output));
    assert!(typed * 4 >= deliveries * 3, "at least three quarters arrive as typed events, not {typed}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_json_summary_has_the_numbers_of_the_one_in_words() {
    let (json, status) = summary(&[]);
    assert_eq!(numbers(&json), numbers_in_words(stdout(&webhooks(&[]))));
    assert_eq!(status, Some(0));
    let count = |list: &str, key: &str| -> u64 {
        json[list].as_array().unwrap().iter().map(|entry| entry[key].as_u64().or(entry[1].as_u64()).unwrap()).sum()
    };
    assert_eq!(count("events", "deliveries"), json["typed"]);
    assert_eq!(count("unclaimed_kinds", ""), json["unclaimed"]);
    assert_eq!(json["emit_us"]["emits"], json["typed"]);
}

#[test]
fn every_module_heard_its_events() {
    let (json, _) = summary(&[]);
    let modules = &json["modules"];
    assert_eq!(modules["statistics"]["releases"], recorded_deliveries("release.published").len());
    let warnings = modules["audit"]["warnings"].as_array().unwrap();
    let publicized = warnings.iter().filter(|entry| entry["what"] == "repository made public").count();
    assert_eq!(publicized, recorded_deliveries("repository.publicized").len());
    // The alerts that the audit raises reach the triage, though neither knows of the other.
    assert!(modules["audit"]["alerts_raised"].as_u64().unwrap() > 0);
    assert!(!modules["triage"]["open"]["urgent"].as_array().unwrap().is_empty());
}

#[test]
fn plain_and_gzip_are_told_apart_by_content_not_by_name() {
    let text = recorded();
    let plain = file("plain_and_gzip.gz", text.as_bytes());
    let gzip = file("plain_and_gzip.jsonl", &gzip(text.as_bytes()));
    let [plain, gzip, own] = [Some(plain), Some(gzip), None].map(|path: Option<PathBuf>| {
        let (mut json, status) = match &path {
            Some(path) => summary(&["--input", path.to_str().unwrap()]),
            None => summary(&[]),
        };
        assert_eq!(status, Some(0));
        json.as_object_mut().unwrap().remove("emit_us");
        json
    });
    assert_eq!(plain, gzip);
    assert_eq!(plain, own);
}

#[test]
fn damaged_lines_are_reported_by_number_and_the_rest_still_runs() {
    let good = recorded_deliveries("issues.opened").remove(0);
    let mut wrong_type = good.clone();
    wrong_type["payload"]["issue"]["number"] = json!("seven");
    let mut missing_field = good.clone();
    missing_field["payload"]["repository"].as_object_mut().unwrap().remove("full_name");
    let mut incomplete = recorded_deliveries("member.edited").remove(0);
    incomplete["payload"].as_object_mut().unwrap().remove("changes");
    let lines: [Vec<u8>; 11] = [
        good.to_string().into(),
        b" \r".to_vec(),
        br#"{"event": "issues", "#.to_vec(),
        b"{\"event\": \"\xff\"}".to_vec(),
        br#"{"event": "issues", "name": "issues.opened"}"#.to_vec(),
        wrong_type.to_string().into(),
        missing_field.to_string().into(),
        br#"{"event": "newly_invented", "name": "newly_invented", "payload": {}}"#.to_vec(),
        br#"{"event": 7, "name": "issues.opened", "payload": {}}"#.to_vec(),
        incomplete.to_string().into(),
        good.to_string().into(),
    ];
    let path = file("damaged_lines.jsonl", &lines.join(&b'\n'));
    let path = path.to_str().unwrap();

    let (json, status) = summary(&["--input", path]);
    assert_eq!(status, Some(1));
    assert_eq!(numbers(&json), [10, 2, 1, 7]);
    let (published, _) = summary(&["--input", path, "--workers", "3"]);
    assert_eq!(numbers(&published), [10, 2, 1, 7]);
    let lines = |json: &Value| failures(json).iter().map(|(line, _)| *line).collect::<Vec<_>>();
    assert_eq!(lines(&published), lines(&json));
    let expected = [
        (3, "EOF while parsing"),
        (4, "not UTF-8"),
        (5, "missing field `payload`"),
        (6, "`issue.number`: expected u64"),
        (7, "`repository`: missing field `full_name`"),
        (9, "`event`: expected a string"),
        (10, "changes.old_permission.from"),
    ];
    let failures = failures(&json);
    for ((line, reason), (expected_line, part)) in failures.iter().zip(expected) {
        assert_eq!(*line, expected_line, "{failures:#?}");
        assert!(reason.contains(part), "line {line}: {reason}");
    }
    assert_eq!(failures.len(), expected.len());

    let output = webhooks(&["--input", path]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(numbers_in_words(stdout(&output)), [10, 2, 1, 7]);
    for (line, _) in expected {
        assert!(stdout(&output).contains(&format!("  line {line}")), "{}", stdout(&output));
    }
}

#[test]
fn of_truncated_gzip_what_was_read_runs_and_the_end_is_a_failure() {
    let whole = fs::read(RECORDED).unwrap();
    let path = file("truncated.gz", &whole[..whole.len() / 2]);
    let (json, status) = summary(&["--input", path.to_str().unwrap()]);
    assert_eq!(status, Some(1));
    let [deliveries, typed, unclaimed, failed] = numbers(&json);
    assert!(typed > 0);
    assert_eq!([failed, typed + unclaimed + 1], [1, deliveries]);
    let [(line, reason)] = failures(&json)[..] else { panic!("{json}") };
    assert_eq!(line, deliveries);
    assert!(reason.contains("truncated"), "{reason}");
}

#[test]
fn an_empty_input_is_no_failure() {
    let path = file("empty.jsonl", b"\n\n");
    let (json, status) = summary(&["--input", path.to_str().unwrap()]);
    assert_eq!((numbers(&json), status), ([0; 4], Some(0)));
}

#[test]
fn control_characters_from_the_input_do_not_reach_the_terminal() {
    let line = json!({"event": "\u{1b}[2Jkind", "name": "x", "payload": {}});
    let path = file("control_characters.jsonl", line.to_string().as_bytes());
    let output = webhooks(&["--input", path.to_str().unwrap()]);
    assert!(!stdout(&output).contains('\u{1b}'), "{}", stdout(&output));
}

#[test]
fn what_cannot_be_opened_is_refused_with_status_2_and_advice() {
    for path in ["no/such/file.jsonl", env!("CARGO_TARGET_TMPDIR")] {
        let output = webhooks(&["--input", path]);
        assert_eq!(output.status.code(), Some(2), "{path}");
        assert!(stderr(&output).contains(path) && stderr(&output).contains("--input FILE"), "{}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_wrong_command_line_is_refused_with_status_2_and_points_at_help() {
    for arguments in [
        &["--jsno"][..],
        &["file"],
        &["--input"],
        &["--input", "a", "--input", "b"],
        &["--catalog"],
        &["--catalog", "yaml"],
        &["--workers"],
        &["--workers", "0"],
        &["--queue", "many"],
        &["--connections", "0"],
        &["--remember-s", "65536"],
    ] {
        let output = webhooks(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains("--help"), "{}", stderr(&output));
    }
    let help = webhooks(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for option in ["--input FILE", "--catalog", "--connections N", "--header-ms N", "--body-ms N", "--bodies-mib N"] {
        assert!(stdout(&help).contains(option), "{option}");
    }
}

#[test]
fn every_recorded_delivery_can_go_in_by_name() {
    let bus = Bus::new();
    bus.on_pattern("github.**", |e| {
        e.to_json()?;
        eventbus::Ok(())
    })
    .unwrap();
    let text = recorded();
    for line in text.lines() {
        let delivery: Value = serde_json::from_str(line).unwrap();
        let name = format!("github.{}", delivery["event"].as_str().unwrap());
        let report = bus.emit_json(&name, &delivery["payload"]).unwrap().blocking();
        assert_eq!((report.succeeded(), report.is_ok()), (1, true), "{name}: {report}");
    }
    assert_eq!(text.lines().count(), 329);
    assert!(bus.catalog().events().is_empty(), "names from outside leave nothing behind");
}

#[test]
fn a_kind_that_makes_no_known_name_is_a_failure_that_says_so() {
    let lines = [("Issues", "no event name"), ("issues.v2", "version 2"), ("", "no event name")];
    let text: Vec<_> =
        lines.iter().map(|(kind, _)| json!({"event": kind, "name": "x", "payload": {}}).to_string()).collect();
    let path = file("kinds_that_make_no_name.jsonl", text.join("\n").as_bytes());
    let (json, status) = summary(&["--input", path.to_str().unwrap()]);
    assert_eq!((numbers(&json), status), ([3, 0, 0, 3], Some(1)));
    for ((_, reason), (_, part)) in failures(&json).iter().zip(lines) {
        assert!(reason.contains(part), "{reason}");
    }
}

#[test]
fn the_catalog_as_asyncapi_has_a_channel_and_a_schema_for_every_kind_that_arrives_typed() {
    let output = webhooks(&["--catalog", "asyncapi"]);
    assert_eq!(output.status.code(), Some(0));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["asyncapi"], "3.1.0");
    let (ran, _) = summary(&[]);
    let names: BTreeSet<_> =
        ran["events"].as_array().unwrap().iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert!(names.len() > 30);
    for name in names {
        assert_eq!(document["channels"][name]["address"], name);
        assert_eq!(document["operations"][format!("receive.{name}")]["action"], "receive");
        let schema = &document["components"]["schemas"][format!("{name}-Payload")];
        assert!(schema["properties"]["sender"].is_object() || name == "github.security_advisory", "{name}: {schema}");
    }
}

#[test]
fn the_catalog_as_markdown_and_as_a_map_shows_events_and_listeners() {
    let markdown = webhooks(&["--catalog", "markdown"]);
    assert!(stdout(&markdown).contains("\n## `github.issues`\n"), "{}", stdout(&markdown));
    assert!(stdout(&markdown).contains("| `audit.trail` at `examples/webhooks/src/modules/audit.rs:"));
    let map = webhooks(&["--catalog", "map"]);
    assert!(stdout(&map).starts_with("flowchart LR\n"), "{}", stdout(&map));
    assert!(stdout(&map).contains("[\"audit.trail\"]"));
    for output in [markdown, map] {
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    }
}

#[test]
fn a_program_without_redis_says_how_to_get_it() {
    let output = webhooks(&["--transport", "redis://127.0.0.1", "--role", "work"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("needs the feature `redis`: cargo run"), "{}", stderr(&output));
}
