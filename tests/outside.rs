//! Type inference as a user meets it: a crate outside of the workspace, built under the default features.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

use std::{fs, path::Path, process::Command};

/// Runs `tests/outside` and gives its output.
///
/// It is copied to where this test may write, with the workspace's lock file beside it: so it resolves offline, to the same
/// versions, and no second lock file has to be kept.
fn run_outside() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside");
    fs::create_dir_all(copy.join("src")).unwrap();
    let manifest = fs::read_to_string(root.join("tests/outside/Cargo.toml")).unwrap();
    let path = root.to_str().unwrap().replace('\\', "/");
    fs::write(copy.join("Cargo.toml"), manifest.replace("../..", &path)).unwrap();
    fs::copy(root.join("tests/outside/src/main.rs"), copy.join("src/main.rs")).unwrap();
    fs::copy(root.join("Cargo.lock"), copy.join("Cargo.lock")).unwrap();

    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--offline", "--manifest-path"]).arg(copy.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(copy.join("target"));
    // Flags and coverage settings of this run are not the user's.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let output = cargo.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr, "", "no warnings, and no failures on stderr that the program has printed itself");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn listeners_of_every_shape_are_inferred_in_a_crate_of_its_own() {
    let output = run_outside();
    let lines: Vec<_> = output.lines().collect();
    let (first, second) = lines.split_at(lines.iter().position(|line| line.starts_with("handled")).unwrap() + 1);
    assert_eq!(
        first,
        [
            "closure ada@example.org",
            "domain Some(\"example.org\")",
            "welcome ada@example.org",
            "user 7",
            "scope 7",
            "15 finished well",
            "handled 21, log [7, 7]",
        ]
    );
    assert!(second.contains(&"5 failed"), "{output}");
    let failures: Vec<_> = second.iter().filter_map(|line| line.split_once(" failed: ")).collect();
    let errors: Vec<_> = failures.iter().map(|(_, error)| *error).collect();
    let down = "the service is down";
    assert_eq!(errors, ["no id", "`ada` is no address", "`ada` is no address", down, down]);
    assert!(failures.iter().all(|(who, _)| who.starts_with("user.created: listener #") && who.contains("main.rs:")));
}
