//! The showcase is in the README as it stands here, with what it prints.

#![forbid(unsafe_code)]

use std::process::Command;

const README: &str = include_str!("../../../README.md");

/// The program without its module docs.
fn showcase() -> &'static str {
    include_str!("../src/main.rs").split_once("#![forbid(unsafe_code)]\n\n").expect("docs, then code").1
}

#[test]
fn the_showcase_of_the_readme_is_the_example_and_prints_what_it_says() {
    let source = showcase();
    assert!(README.contains(&format!("```rust\n{source}```")), "README.md and examples/showcase/src/main.rs differ");

    let output = Command::new(env!("CARGO_BIN_EXE_showcase")).output().expect("the example runs");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(README.contains(&format!("```text\n{stdout}```")), "the showcase prints something else:\n{stdout}");
}

#[test]
fn the_showcase_fits_on_a_screen() {
    let code = showcase().lines().filter(|line| !line.trim().is_empty()).count();
    assert!(code <= 25, "{code} lines");
}
