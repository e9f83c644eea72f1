//! One word for one thing: a type has a name of its own in all crates of the library.

use std::{collections::BTreeMap, fs};

use super::tidy::{code_of, root, rust_files};

const CRATES: [&str; 4] = ["eventbus-core", "eventbus-derive", "eventbus-redis", "eventbus-conformance"];

/// What such a trait is called everywhere.
const ROLES: [&str; 1] = ["Sealed"];

/// The types that a file defines, each once: a feature may choose between two, and a trait be sealed by one of its name.
fn types(source: &str) -> Vec<String> {
    let code = code_of(source.split("#[cfg(test)]\nmod tests {").next().unwrap());
    let mut types: Vec<_> = code.lines().filter_map(defined).map(str::to_owned).collect();
    types.sort();
    types.dedup();
    types
}

/// The type that a line defines.
fn defined(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.strip_prefix("pub").map_or(line, |rest| match rest.strip_prefix('(') {
        Some(rest) => rest.split_once(')').map_or(rest, |(_, rest)| rest).trim_start(),
        None => rest.trim_start(),
    });
    let name = ["struct ", "enum ", "trait ", "union "].iter().find_map(|kind| line.strip_prefix(kind))?;
    name.split(|char: char| !char.is_alphanumeric()).next().filter(|name| !name.is_empty())
}

#[test]
fn a_type_name_is_used_once() {
    let mut places = BTreeMap::<String, Vec<String>>::new();
    for path in CRATES.iter().flat_map(|name| rust_files(&root().join(name).join("src"))) {
        if path.ends_with("tests.rs") {
            continue;
        }
        for name in types(&fs::read_to_string(&path).unwrap()) {
            places.entry(name).or_default().push(path.strip_prefix(root()).unwrap().display().to_string());
        }
    }
    assert!(places.contains_key("Bus"), "looked at nothing");
    let twice: Vec<_> = places.iter().filter(|(name, at)| at.len() > 1 && !ROLES.contains(&&***name)).collect();
    assert!(twice.is_empty(), "names of several types; rename all but one: {twice:#?}");
}

#[test]
fn a_type_is_found_however_visible() {
    let source = "pub struct One;\nenum Two<T> {}\n  pub(in crate::a) trait Three: Send {}\n// struct Four;\nlet structure = 5;\n\
                  #[cfg(test)]\nmod tests {\n    struct Six;\n}\n";
    assert_eq!(types(source), ["One", "Three", "Two"]);
}
