//! Users' crates, outside of the workspace and built under the default features: types are inferred, generated code is silent
//! under lints that its user cannot allow.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

use std::{
    env::consts::EXE_SUFFIX,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

/// The target folder of this test.
const TARGET: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/..");

/// Copies a crate to where this test may write, with the workspace's lock file beside it: so it resolves offline, to the same
/// versions, and no second lock file has to be kept.
fn copy(name: &str, crate_folder: &str, folders: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    for folder in folders {
        fs::create_dir_all(copy.join(folder)).unwrap();
        for file in fs::read_dir(root.join(crate_folder).join(folder)).unwrap().map(Result::unwrap) {
            if file.file_type().unwrap().is_file() {
                fs::copy(file.path(), copy.join(folder).join(file.file_name())).unwrap();
            }
        }
    }
    let manifest = fs::read_to_string(root.join(crate_folder).join("Cargo.toml")).unwrap();
    let path = root.to_str().unwrap().replace('\\', "/");
    let up = crate_folder.split('/').map(|_| "..").collect::<Vec<_>>().join("/");
    fs::write(copy.join("Cargo.toml"), manifest.replace(&up, &path)).unwrap();
    fs::copy(root.join("Cargo.lock"), copy.join("Cargo.lock")).unwrap();
    copy
}

/// Runs cargo on a copy. It builds in the target folder of this test, which has most of the dependencies.
fn cargo(copy: &Path, arguments: &[&str]) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).args(["--offline", "--target-dir", TARGET]).current_dir(copy);
    // Flags and coverage settings of this run are not the user's.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo.output().unwrap()
}

/// Runs `cargo build` on `tests/outside`.
fn build(arguments: &[&str]) -> Output {
    static COPY: LazyLock<PathBuf> =
        LazyLock::new(|| copy("outside", "tests/outside", &["examples", "src", "src/bin"]));
    cargo(&COPY, &[&["build", "--quiet"], arguments].concat())
}

/// Runs a program of `tests/outside` and gives its output.
fn run(program: &str) -> String {
    static BUILT: LazyLock<Output> = LazyLock::new(|| build(&[]));
    let warnings = String::from_utf8_lossy(&BUILT.stderr);
    assert!(BUILT.status.success() && warnings.is_empty(), "{warnings}");

    let program = Path::new(TARGET).join("debug").join(format!("{program}{EXE_SUFFIX}"));
    let output = Command::new(&program).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr, "", "no failures on stderr that the program has printed itself");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn listeners_of_every_shape_are_inferred_in_a_crate_of_its_own() {
    let output = run("outside");
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

#[test]
fn generated_code_compiles_where_its_user_denies_all_lints() {
    for program in ["expressions_of_a_macro", "inside_a_function", "strict_lints"] {
        run(program);
    }
}

#[test]
fn a_handwritten_name_that_is_none_does_not_build() {
    let output = build(&["--example", "handwritten_bad_name"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(stderr.contains("evaluation panicked: event names are lowercase words joined by dots"), "{stderr}");
    assert!(stderr.contains("handwritten_bad_name.rs:8:29"), "{stderr}");
}

#[test]
fn a_transport_of_a_crate_of_its_own_passes_the_suite() {
    let copy = copy("file_transport", "tests/outside/file_transport", &["src", "tests"]);
    let tested = cargo(&copy, &["test", "--test", "file_transport", "--test", "conformance"]);
    let (output, log) = (String::from_utf8_lossy(&tested.stdout), String::from_utf8_lossy(&tested.stderr));
    assert!(tested.status.success(), "{log}{output}");
    assert!(!log.contains("warning"), "{log}");
    // Both ran: its own tests, and the suite, of which what a file for one process cannot do is skipped.
    let results: Vec<_> = output.lines().filter(|line| line.starts_with("test result: ok.")).collect();
    assert!(results.iter().any(|result| result.contains("7 passed; 0 failed; 0 ignored")), "{output}");
    assert!(results.iter().any(|result| result.contains("passed, 0 failed") && result.contains("skipped")), "{output}");
}
