//! The README says what is so.

use std::{fs, path::Path, process::Command};

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_counts_its_dependencies_right() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--package",
            "eventbus",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let mut crates: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    crates.retain(|name| !name.is_empty() && !name.starts_with("eventbus"));
    crates.sort_unstable();
    crates.dedup();
    let claim = format!("they bring {} other crates", crates.len());
    assert!(README.contains(&claim), "README.md should say: {claim}\n{crates:?}");
}

#[test]
fn the_readme_names_the_minimum_version_of_the_manifest() {
    let manifest = include_str!("../../Cargo.toml");
    let version = manifest.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("stated");
    assert!(README.contains(&format!("MSRV is Rust {version}")));
}

/// A reader copies what is shown, and on a page that is not rendered by rustdoc sees hidden lines as they are. What is shown is
/// then what the doc-tests compile.
#[test]
fn the_readme_and_the_guide_hide_no_line_of_their_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_dir(root.join("docs/guide")).expect("the guide").map(|entry| entry.expect("a page").path());
    for page in guide.chain([root.join("README.md")]) {
        let text = fs::read_to_string(&page).expect("a page");
        // Every other piece is code; the first line of each is the fence's.
        for code in text.split("```").skip(1).step_by(2).filter(|code| code.starts_with("rust")) {
            let hidden = code.lines().find(|line| *line == "#" || line.trim_start().starts_with("# "));
            assert_eq!(hidden, None, "{}", page.display());
        }
    }
}
