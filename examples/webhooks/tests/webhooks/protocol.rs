//! What GitHub may send besides what was recorded: words that came later, and null or nothing where its reference allows it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{failures, file, lines, numbers, recorded, recorded_deliveries, stdout, summary, webhooks};

/// One recorded delivery of each kind that a type claims.
fn typed() -> BTreeMap<String, Value> {
    let catalog: Value = serde_json::from_str(stdout(&webhooks(&["--catalog", "asyncapi"]))).unwrap();
    let names = catalog["channels"].as_object().unwrap().keys();
    let kinds: Vec<_> = names.filter_map(|name| name.strip_prefix("github.")).collect();
    let text = recorded();
    let recorded: BTreeMap<String, Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .map(|delivery: Value| (delivery["event"].as_str().unwrap().to_owned(), delivery))
        .filter(|(event, _)| kinds.contains(&event.as_str()))
        .collect();
    assert_eq!(recorded.len(), kinds.len(), "each kind was recorded");
    assert!(kinds.len() > 30);
    recorded
}

/// Sends them all, emitted and published: each arrives as its type, and no module fails.
fn accepted(name: &str, deliveries: &[Value]) -> Value {
    let path = file(name, lines(deliveries).as_bytes());
    let count = deliveries.len() as u64;
    let (json, _) = summary(&["--input", path.to_str().unwrap()]);
    assert_eq!(numbers(&json), [count, count, 0, 0], "{:#}", json["failures"]);
    let (published, _) = summary(&["--input", path.to_str().unwrap(), "--workers", "2"]);
    assert_eq!(numbers(&published), [count, count, 0, 0], "{:#}", published["failures"]);
    json
}

/// The delivery without the field at `pointer`, which it has, and the delivery with null there.
fn without(delivery: &Value, pointer: &str) -> [Value; 2] {
    let (mut gone, mut null) = (delivery.clone(), delivery.clone());
    let payload = null["payload"].pointer_mut(pointer);
    *payload.unwrap_or_else(|| panic!("{} has no {pointer}", delivery["name"])) = Value::Null;
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    gone["payload"].pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field);
    [gone, null]
}

#[test]
fn an_action_that_came_later_is_accepted_for_every_kind() {
    let mut deliveries = typed();
    deliveries.retain(|_, delivery| delivery["payload"].get("action").is_some());
    assert!(deliveries.len() > 20);
    let later = |mut delivery: Value| {
        delivery["payload"]["action"] = "newly_invented".into();
        delivery
    };
    accepted("later_actions.jsonl", &deliveries.into_values().map(later).collect::<Vec<_>>());
}

#[test]
fn no_kind_needs_a_sender_a_repository_or_an_organization() {
    let mut mutated = Vec::new();
    for mut delivery in typed().into_values() {
        // What is told of a team and a repository names the repository.
        if delivery["event"] == "team" {
            delivery["payload"]["action"] = "edited".into();
        }
        for pointer in ["/sender", "/repository", "/organization"] {
            if delivery["payload"].pointer(pointer).is_some() {
                mutated.extend(without(&delivery, pointer));
            }
        }
        let mut none = delivery;
        for field in ["sender", "repository", "organization"] {
            none["payload"].as_object_mut().unwrap().remove(field);
        }
        mutated.push(none);
    }
    accepted("no_sender.jsonl", &mutated);
}

#[test]
fn null_is_accepted_where_the_reference_says_or_null() {
    let fields: &[(&str, &[&str])] = &[
        ("check_run.completed", &["/check_run/conclusion", "/check_run/started_at", "/check_run/completed_at"]),
        ("check_suite.completed", &["/check_suite/head_branch", "/check_suite/conclusion"]),
        ("workflow_run.completed", &["/workflow_run/name", "/workflow_run/conclusion"]),
        (
            "workflow_job.completed",
            &["/workflow_job/conclusion", "/workflow_job/started_at", "/workflow_job/completed_at"],
        ),
        (
            "issues.opened",
            &["/issue/labels", "/issue/closed_at", "/sender/type", "/sender/login", "/repository/private"],
        ),
        ("pull_request.opened", &["/pull_request/merged", "/pull_request/draft", "/pull_request/additions"]),
        ("member.added", &["/member"]),
        ("membership.added", &["/member", "/team/permission"]),
        ("organization.member_added", &["/membership/user"]),
        ("organization.member_invited", &["/invitation/login"]),
        ("org_block.blocked", &["/blocked_user"]),
        ("branch_protection_rule.created", &["/rule/required_approving_review_count"]),
        ("meta.deleted", &["/hook/config/url"]),
        ("installation.created", &["/installation/account", "/installation/permissions"]),
        ("installation_repositories.removed", &["/repositories_added", "/repositories_removed/0/full_name"]),
        ("code_scanning_alert.created", &["/alert/state", "/alert/rule/severity", "/alert/rule/id"]),
        ("dependabot_alert.created", &["/alert/state", "/alert/security_advisory/severity"]),
        ("repository_vulnerability_alert.create", &["/alert/severity", "/alert/external_identifier"]),
        ("security_advisory.published", &["/security_advisory/severity", "/security_advisory/summary"]),
    ];
    let mut mutated = Vec::new();
    for (name, pointers) in fields {
        let delivery = recorded_deliveries(name).remove(0);
        for pointer in *pointers {
            mutated.extend(without(&delivery, pointer));
        }
    }
    let mut push = recorded_deliveries("push").remove(0);
    push["payload"]["commits"] = json!([{"added": null}, {}]);
    let mut labels = recorded_deliveries("issues.opened").remove(0);
    labels["payload"]["issue"]["labels"] = json!([null, {"name": null}, {}]);
    mutated.extend([push, labels]);
    accepted("or_null.jsonl", &mutated);
}

#[test]
fn words_of_closed_lists_that_came_later_are_accepted() {
    let words = [
        ("check_run.completed", "/check_run/conclusion"),
        ("check_suite.completed", "/check_suite/conclusion"),
        ("status", "/state"),
        ("deployment_status.created", "/deployment_status/state"),
        ("pull_request_review.submitted", "/review/state"),
        ("code_scanning_alert.created", "/alert/state"),
        ("code_scanning_alert.created", "/alert/rule/severity"),
        ("dependabot_alert.created", "/alert/security_advisory/severity"),
        ("security_advisory.published", "/security_advisory/severity"),
        ("issues.opened", "/sender/type"),
    ];
    let later = words.map(|(name, pointer)| {
        let mut delivery = recorded_deliveries(name).remove(0);
        *delivery["payload"].pointer_mut(pointer).expect(pointer) = "newly_invented".into();
        delivery
    });
    let json = accepted("later_words.jsonl", &later);
    // How bad it is, is not known: somebody has to look.
    assert!(json["modules"]["triage"]["open"]["urgent"].to_string().contains("of unknown severity"), "{json}");
}

#[test]
fn an_enterprise_that_has_no_login_and_a_hook_of_an_organization_have_a_place() {
    let mut installed = recorded_deliveries("installation.new_permissions_accepted").remove(0);
    installed["payload"]["installation"]["account"] = json!({"slug": "octo-corp", "name": "Octo", "id": 1});
    let mut meta = recorded_deliveries("meta.deleted").remove(0);
    meta["payload"].as_object_mut().unwrap().remove("repository");
    meta["payload"]["organization"] = json!({"login": "octo-org", "id": 2});
    let json = accepted("enterprise.jsonl", &[installed, meta]);
    let warnings = json["modules"]["audit"]["warnings"].as_array().unwrap();
    assert_eq!((&warnings[0]["place"], &warnings[1]["place"]), (&json!("octo-corp"), &json!("octo-org")), "{json}");
}

#[test]
fn a_refusal_says_the_field_and_never_the_value() {
    let refuse = |name: &str, pointer: &str, value: Value| {
        let mut delivery = recorded_deliveries(name).remove(0);
        *delivery["payload"].pointer_mut(pointer).expect(pointer) = value;
        delivery.to_string()
    };
    let secret = || json!("s3cr3t");
    let lines = [
        (refuse("issues.opened", "/issue/number", secret()), "`issue.number`"),
        (refuse("issues.opened", "/issue/created_at", secret()), "`issue.created_at`"),
        (refuse("issues.opened", "/issue", secret()), "`issue`"),
        (refuse("issues.opened", "/repository/full_name", json!(53_337)), "`repository.full_name`"),
        (refuse("installation.created", "/installation/app_id", secret()), "`installation.app_id`"),
        (r#"{"event": 53337, "name": "x", "payload": {}}"#.to_owned(), "`event`: expected a string"),
        (r#"{"event": "x", "name": ["s3cr3t"], "payload": {}}"#.to_owned(), "`name`: expected a string"),
        (r#""s3cr3t""#.to_owned(), "expected an object"),
        (r#"["s3cr3t", "s3cr3t"]"#.to_owned(), "expected an object"),
    ];
    let text: Vec<_> = lines.iter().map(|(line, _)| line.as_str()).collect();
    let path = file("refusals.jsonl", text.join("\n").as_bytes());
    let (json, _) = summary(&["--input", path.to_str().unwrap()]);
    let failures = failures(&json);
    assert_eq!(failures.len(), lines.len(), "{json}");
    for ((_, reason), (_, part)) in failures.iter().zip(&lines) {
        assert!(reason.contains(part), "{part}: {reason}");
        assert!(!reason.contains("s3cr3t") && !reason.contains("53337"), "{reason}");
    }
}
