//! Users' crates, outside of the workspace, which depend on the packages as a registry would hand them out, under the default
//! features: types are inferred, generated code is silent under lints that its user cannot allow.

use std::{
    collections::{BTreeMap, BTreeSet},
    env::consts::EXE_SUFFIX,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use crate::packages::{PACKAGES, package, patches, root};

/// The target folder of this test.
const TARGET: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/..");

/// Copies a crate to where this test may write, its paths turned to the packages, with the workspace's lock file beside it: so
/// it resolves offline, to the same versions, and no second lock file has to be kept.
fn copy(name: &str, crate_folder: &str, folders: &[&str], patched: &[&str]) -> PathBuf {
    let root = root();
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    for folder in folders {
        fs::create_dir_all(copy.join(folder)).unwrap();
        for file in fs::read_dir(root.join(crate_folder).join(folder)).unwrap().map(Result::unwrap) {
            if file.file_type().unwrap().is_file() {
                fs::copy(file.path(), copy.join(folder).join(file.file_name())).unwrap();
            }
        }
    }
    let mut manifest = fs::read_to_string(root.join(crate_folder).join("Cargo.toml")).unwrap();
    let up = crate_folder.split('/').map(|_| "..").collect::<Vec<_>>().join("/");
    for name in PACKAGES {
        let own = if name == "eventbus" { up.clone() } else { format!("{up}/{name}") };
        manifest = manifest.replace(&format!("path = \"{own}\""), &format!("path = {:?}", package(name)));
    }
    assert!(!manifest.contains("path = \".."), "{manifest}");
    fs::write(copy.join("Cargo.toml"), format!("{manifest}\n{}\n{}", patches(patched), profiles())).unwrap();
    fs::copy(root.join("Cargo.lock"), copy.join("Cargo.lock")).unwrap();
    copy
}

/// The workspace's profiles: with others, each dependency would be compiled once more.
fn profiles() -> String {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let sections = manifest.split("\n[").filter(|section| section.starts_with("profile."));
    sections.flat_map(|section| ["[", section, "\n"]).collect()
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
    static COPY: LazyLock<PathBuf> = LazyLock::new(|| {
        copy("outside", "tests/outside", &["examples", "src", "src/bin"], &["eventbus-core", "eventbus-derive"])
    });
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
    let patched = ["eventbus", "eventbus-core", "eventbus-derive"];
    let copy = copy("file_transport", "tests/outside/file_transport", &["src", "tests"], &patched);
    let tested = cargo(&copy, &["test", "--test", "file_transport", "--test", "conformance"]);
    let (output, log) = (String::from_utf8_lossy(&tested.stdout), String::from_utf8_lossy(&tested.stderr));
    assert!(tested.status.success(), "{log}{output}");
    assert!(!log.contains("warning"), "{log}");
    // Both ran: its own tests, and the suite, of which what a file for one process cannot do is skipped.
    let results: Vec<_> = output.lines().filter(|line| line.starts_with("test result: ok.")).collect();
    assert!(results.iter().any(|result| result.contains("7 passed; 0 failed; 0 ignored")), "{output}");
    assert!(results.iter().any(|result| result.contains("passed, 0 failed") && result.contains("skipped")), "{output}");
}

/// The files below a folder, with what is in them.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = PathBuf::from(path.file_name().unwrap());
        if path.is_dir() {
            files.extend(self::files(&path).into_iter().map(|(below, bytes)| (name.join(below), bytes)));
        } else {
            files.insert(name, fs::read(path).unwrap());
        }
    }
    files
}

#[test]
fn a_package_holds_its_code_its_docs_and_its_licences_and_nothing_else() {
    let root = root();
    for name in PACKAGES {
        let (package, folder) = (package(name), if name == "eventbus" { root.clone() } else { root.join(name) });
        let mut held: BTreeSet<_> = fs::read_dir(&package).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        held.remove(OsStr::new(".cargo_vcs_info.json")); // where there is git
        let mut expected = vec!["Cargo.toml", "Cargo.toml.orig", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "src"];
        expected.extend(["CHANGELOG.md", "docs"].iter().filter(|_| name == "eventbus"));
        expected.extend(["docs"].iter().filter(|_| name == "eventbus-derive"));
        assert_eq!(held, expected.into_iter().map(OsString::from).collect(), "{name}");
        assert!(files(&package.join("src")) == files(&folder.join("src")), "{name}: `src` is not as here");
        for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
            assert!(fs::read(package.join(license)).unwrap() == fs::read(root.join(license)).unwrap(), "{name}");
        }
        // What the code includes is in the package: it may lie beside `src`.
        for (file, source) in files(&package.join("src")) {
            let source = String::from_utf8(source).unwrap();
            for path in source.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                let included = package.join("src").join(&file).parent().unwrap().join(path);
                assert!(included.is_file() || file.ends_with("docs.rs"), "{name}: {} includes {path}", file.display());
            }
        }
        let readme = fs::read_to_string(package.join("README.md")).unwrap();
        assert!(readme.starts_with(&format!("# {name}\n")), "{name}: {readme}");
    }
}

#[test]
fn a_package_says_what_a_registry_shows() {
    for name in PACKAGES {
        let manifest = fs::read_to_string(package(name).join("Cargo.toml")).unwrap();
        let package = manifest.split("\n[").nth(1).unwrap();
        for key in ["categories", "description", "edition", "keywords", "license", "readme", "rust-version"] {
            assert!(package.contains(&format!("\n{key} = ")), "{name} has no `{key}`:\n{package}");
        }
        // With all features, and with badges of those that an item needs.
        assert!(manifest.contains("[package.metadata.docs.rs]\nall-features = true"), "{name}");
    }
}
