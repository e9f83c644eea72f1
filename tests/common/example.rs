//! The examples as programs.

use std::{
    collections::BTreeSet,
    env::{self, consts::EXE_SUFFIX},
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

/// The program of an example: built by the cargo that runs this test, in the same profile and folder, so that it is neither
/// missing nor stale. `CARGO_BIN_EXE_..` knows no examples.
pub(crate) fn example(name: &str) -> PathBuf {
    static BUILT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

    // This test lies in `<target>/[<triple>/]<profile>/deps`, examples in `<target>/[<triple>/]<profile>/examples`.
    let test = env::current_exe().expect("the path of this test");
    let profile = test.parent().and_then(Path::parent).expect("a test lies in `<profile>/deps`");
    let program = profile.join("examples").join(format!("{name}{EXE_SUFFIX}"));

    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if !built.contains(name) {
        let output = build(name, profile).output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(program.exists(), "cargo has built {} elsewhere", program.display());
        built.insert(name.to_owned());
    }
    program
}

fn build(name: &str, profile: &Path) -> Command {
    let target = profile.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists()).expect("a target folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--example", name, "--target-dir"]);
    cargo.arg(target);
    match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") => {}
        Some(other) => _ = cargo.args(["--profile", other]),
        None => panic!("{} has no name", profile.display()),
    }
    match profile.parent() {
        Some(triple) if triple != target => _ = cargo.arg("--target").arg(triple.file_name().expect("a triple")),
        _ => {}
    }
    cargo
}
