//! `explain`: who would run for a name, who would not, and why.

use eventbus::event::NameError;

use super::{names, wired};

#[test]
fn explain_says_who_runs_and_who_does_not_and_why() {
    let explanation = wired().explain("user.created").unwrap();
    let text = explanation.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[0].starts_with(
            "`user.created` is `observe::catalog::UserCreated`, first used at tests/observe/catalog/mod.rs:"
        ),
        "{text}"
    );
    assert_eq!(lines[1], "runs, in this order:");
    assert!(lines[2].starts_with("  1. listener `first` (tests/observe/catalog/mod.rs:"), "{text}");
    assert!(lines[2].ends_with("): sync, priority 5, by pattern `user.*`"), "{text}");
    assert!(lines[3].ends_with("): sync, scope `users`; asks its filter; once, not yet spent"), "{text}");
    assert!(lines[5].ends_with("): async, by pattern `**`"), "{text}");
    assert_eq!(lines[6], "does not run:");
    assert!(lines[7].contains("listener `idle`") && lines[7].ends_with("`nobody.*` does not match"), "{text}");
    assert_eq!(lines.len(), 8);
    assert_eq!(serde_json::to_value(&explanation).unwrap()["runs"][0]["name"], "first");
}

#[test]
fn explain_knows_unclaimed_names_unknown_versions_and_types_that_cannot_be_read() {
    let bus = wired();
    let unclaimed = bus.explain("nobody.home").unwrap();
    assert!(unclaimed.claims().is_empty());
    assert_eq!(names(unclaimed.runs()), ["idle", "all"]);
    assert!(unclaimed.to_string().starts_with("`nobody.home` is claimed by no type\n"), "{unclaimed}");

    let unknown = bus.explain("user.created.v7").unwrap();
    assert_eq!(unknown.known_versions(), [1, 2]);
    assert!(unknown.runs().is_empty());
    assert_eq!(names(unknown.does_not_run()), ["first", "all", "idle"]);
    assert!(unknown.to_string().contains("version 7 is not known to this bus, which knows 1, 2"), "{unknown}");

    assert!(bus.explain("cache.flushed").unwrap().to_string().contains("no codec"));
    assert_eq!(bus.explain("cell.changed").unwrap().claims().len(), 2);
    assert_eq!(bus.explain("User.Created").unwrap_err().kind(), NameError::BadByte);
    assert_eq!(bus.explain("user.created.v1").unwrap_err().kind(), NameError::Version);
}
