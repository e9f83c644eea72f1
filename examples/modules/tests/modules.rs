//! The example `modules` as a program. Its modules are tested one by one in their files: `cargo test -p modules --bins`.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, process::Command};

/// What the program prints, without the lines at which listeners are registered: those move with every edit.
fn run() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_modules")).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let mut parts = stdout.split(".rs:");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + ".rs" + part.trim_start_matches(|char: char| char.is_ascii_digit()))
}

#[test]
fn what_is_committed_is_heard_once_and_in_order_and_what_is_rolled_back_is_not() {
    let no_user = "listener `Users::may_buy` (examples/modules/src/users.rs) failed: there is no user 3";
    let expected = [
        "no third user: UNIQUE constraint failed: users.email",
        "neither post: UNIQUE constraint failed: posts.title",
        // Critical: it fails the call, and the order is not stored.
        &format!("failure: order.placing: {no_user}"),
        &format!("no order: refused: 1 of 2 listeners of `order.placing` did not finish well; {no_user}"),
        // Not critical: the order stands.
        "failure: order.placed: listener `Notifications::receipt` (examples/modules/src/notifications.rs) failed: \
         the mailbox of bob@full.example.org is full",
        "mail to ada@example.org: welcome",
        "mail to bob@full.example.org: welcome",
        "mail to ada@example.org: `Hello` is online",
        "mail to ada@example.org: `On engines` is online",
        "mail to ada@example.org: your receipt for lamp, 1250 cents",
        "2 posts, 2 orders",
        "item.sold: 2",
        "order.placed: 2",
        "order.placing: 3",
        "post.published: 2",
        "user.created: 2",
        "after commits 6, of transactions that were rolled back 1",
    ];
    let output = run();
    assert_eq!(output.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_module_knows_no_other_module() {
    let modules = ["users", "posts", "orders", "notifications", "analytics"];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for module in modules {
        let source = fs::read_to_string(folder.join(format!("{module}.rs"))).unwrap();
        let used: Vec<_> = source.split("use crate::").skip(1).filter_map(|rest| rest.split(';').next()).collect();
        assert!(!used.is_empty(), "{module}: looked at nothing");
        for other in modules.iter().chain(&["app"]) {
            let named =
                used.iter().any(|path| path.split(|char: char| !char.is_alphanumeric()).any(|word| word == *other));
            assert!(!named, "`{module}` uses `{other}`");
        }
    }
}
