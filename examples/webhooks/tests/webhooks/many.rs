//! Many deliveries, and what the program keeps and prints of them: the first of each kind, and how many there were.

use serde_json::{Value, json};

use crate::{failures, file, lines, numbers, numbers_in_words, recorded_deliveries, stderr, stdout, webhooks};

/// How many lines of each kind; more than any list has, and more than may wait for other groups.
const EACH: u64 = 1_100;

/// A run by emit, and one by workers.
const RUNS: [&[&str]; 2] = [&[], &["--workers", "4"]];

fn run(path: &str, how: &[&str]) -> (Value, String) {
    let output = webhooks(&[&["--json", "--input", path], how].concat());
    assert!(stdout(&output).len() < 400_000, "{} bytes", stdout(&output).len());
    assert!(stderr(&output).lines().count() < 300, "{}", stderr(&output));
    let words = webhooks(&[&["--input", path], how].concat());
    (serde_json::from_slice(&output.stdout).unwrap(), stdout(&words).to_owned())
}

#[test]
fn of_many_failures_the_first_hundred_of_a_kind_are_listed_and_all_are_counted() {
    let mut module = recorded_deliveries("member.edited").remove(0);
    module["payload"].as_object_mut().unwrap().remove("changes");
    let mut payload = recorded_deliveries("issues.opened").remove(0);
    payload["payload"]["issue"]["number"] = json!("seven");
    let kind = json!({"event": "Issues!", "name": "x".repeat(10_000), "payload": {}});
    let lines = [module.to_string(), payload.to_string(), kind.to_string(), r#"{"event": "issues", "#.to_owned()];
    let text = (lines.join("\n") + "\n").repeat(EACH.try_into().unwrap());
    let path = file("many_failures.jsonl", text.as_bytes());
    for how in RUNS {
        let (json, words) = run(path.to_str().unwrap(), how);
        let all = 4 * EACH;
        assert_eq!(numbers(&json), [all, 0, 0, all]);
        let failures = failures(&json);
        assert_eq!(failures.len(), 400);
        for kind in 1..=4 {
            let listed = failures.iter().filter(|(line, _)| line % 4 == kind % 4).count();
            assert_eq!(listed, 100, "the kind of line {kind}");
        }
        let more = json!({"line": 1000, "kind": 1000, "payload": 1000, "module": 1000});
        assert_eq!(json["failures_unlisted"], more);
        assert_eq!(numbers_in_words(&words), [all, 0, 0, all]);
        assert!(words.contains(&format!("  .. and {} more", all - 16)), "{words}");
        assert!(words.contains("not listed one by one: 1000 no delivery in the line, 1000 no event name"), "{words}");
    }
}

#[test]
fn of_many_names_a_hundred_are_listed_and_the_others_are_counted_together() {
    let opened = recorded_deliveries("issues.opened").remove(0);
    let made_public = recorded_deliveries("repository.publicized").remove(0);
    let delivery = |number: u64| {
        let (mut issue, mut publicized) = (opened.clone(), made_public.clone());
        let payload = &mut issue["payload"];
        payload["issue"]["number"] = number.into();
        payload["issue"]["labels"] = json!([]);
        payload["issue"]["title"] = "no words that suggest a label".into();
        payload["repository"]["full_name"] = format!("owner/{number}").into();
        payload["sender"]["login"] = format!("user{number}").into();
        publicized["payload"]["repository"]["full_name"] = format!("owner/{number}").into();
        let unclaimed = json!({"event": format!("kind_{number}"), "name": "x", "payload": {}});
        [issue, publicized, unclaimed]
    };
    let count = 300;
    let path = file("many_names.jsonl", lines(&(0..count).flat_map(delivery).collect::<Vec<_>>()).as_bytes());
    for how in RUNS {
        let (json, words) = run(path.to_str().unwrap(), how);
        assert_eq!(numbers(&json), [3 * count, 2 * count, count, 0]);
        let modules = &json["modules"];
        let statistics = &modules["statistics"];
        for ranking in [&json["unclaimed_kinds"], &statistics["places"], &statistics["senders"]] {
            let ranking = ranking.as_array().unwrap();
            assert_eq!((ranking.len(), &ranking[100]), (101, &json!(["(others)", count - 100])));
        }
        let open = &modules["triage"]["open"]["label"];
        assert_eq!((open.as_array().unwrap().len(), &modules["triage"]["open_unlisted"]["label"]), (100, &json!(200)));
        assert!(words.contains(&format!("  label issues: {count}\n")), "{words}");
        let warnings = modules["audit"]["warnings"].as_array().unwrap();
        assert_eq!((warnings.len(), &modules["audit"]["warnings_unlisted"]), (100, &json!(count - 100)));
        assert!(words.contains(&format!(" {count} warnings\n")), "{words}");
    }
}
