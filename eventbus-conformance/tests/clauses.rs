//! Every clause has a test, and what the properties say of themselves is so.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use eventbus_conformance::properties;

/// The contract, and this crate's own list.
const CONTRACT: &str = include_str!("../../eventbus-core/src/transport/clauses.md");
const BEHAVIOURS: &str = include_str!("../src/behaviours.md");

/// Clauses for a transport that no call from outside can show, and why. What the bus does about them has a test of `tests/publish`.
const NOT_SEEN: &[(&str, &str)] =
    &[("T31", "it binds the bus: no lock is held around a call, and panics of a transport are caught")];

/// The clauses of a text: those that begin an item of its list, in bold.
fn clauses(text: &str) -> BTreeSet<String> {
    let bold = text.lines().filter_map(|line| line.strip_prefix("- **")?.split_once("**"));
    bold.map(|(clause, _)| clause.to_owned()).collect()
}

fn is_clause(word: &str) -> bool {
    let (letter, number) = word.split_at(1.min(word.len()));
    "TMBS".contains(letter) && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The clauses with which a doc comment begins: `T1, T6: what is so.`
fn named(doc: &str) -> Vec<String> {
    let Some((list, _)) = doc.split_once(':') else { return Vec::new() };
    let words: Vec<_> = list.split(", ").map(str::trim).collect();
    if words.iter().all(|word| is_clause(word)) { words.into_iter().map(str::to_owned).collect() } else { Vec::new() }
}

/// Functions, each with the clauses that its doc comment names.
fn documented(source: &str) -> BTreeMap<String, Vec<String>> {
    let (mut found, mut doc) = (BTreeMap::new(), String::new());
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            doc = if doc.is_empty() { text.to_owned() } else { format!("{doc} {text}") };
        } else if line.starts_with("#[ignore") {
            // It proves nothing.
            doc.clear();
        } else if let Some((_, rest)) = line.split_once("fn ") {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            found.insert(name.to_owned(), named(&doc));
            doc.clear();
        } else if !line.starts_with("#[") {
            doc.clear();
        }
    }
    found
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn documented_below(folder: &str) -> BTreeMap<String, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    rust_files(&root).iter().flat_map(|file| documented(&fs::read_to_string(file).unwrap())).collect()
}

#[test]
fn each_property_says_in_its_docs_which_clauses_it_checks() {
    let docs = documented_below("src");
    for property in properties() {
        let said = docs.get(property.name).unwrap_or_else(|| panic!("{} has no function", property.name));
        let (said, listed): (BTreeSet<_>, BTreeSet<_>) =
            (said.iter().map(String::as_str).collect(), property.clauses.iter().copied().collect());
        assert_eq!(said, listed, "{}: what its docs say, and what it lists", property.name);
    }
}

#[test]
fn each_clause_for_a_transport_has_a_property() {
    let mut checked: BTreeSet<_> = properties().flat_map(|property| property.clauses).copied().collect();
    // Not a property: a run of all of them.
    let docs = documented_below("src");
    checked.extend(docs["side_by_side"].iter().map(String::as_str));
    let all = clauses(CONTRACT).into_iter().chain(clauses(BEHAVIOURS)).filter(|clause| !clause.starts_with('B'));
    let excused = |clause: &String| NOT_SEEN.iter().any(|(own, _)| own == clause);
    let missing: Vec<_> = all.filter(|clause| !checked.contains(&**clause) && !excused(clause)).collect();
    assert!(missing.is_empty(), "no property names {missing:?}");
}

#[test]
fn no_property_names_a_clause_that_is_not_there() {
    let all: BTreeSet<_> = clauses(CONTRACT).into_iter().chain(clauses(BEHAVIOURS)).collect();
    for property in properties() {
        for clause in property.clauses {
            assert!(all.contains(*clause), "{}: there is no clause {clause}", property.name);
        }
    }
    for (excused, _) in NOT_SEEN {
        assert!(all.contains(*excused), "there is no clause {excused}");
        assert!(!properties().any(|property| property.clauses.contains(excused)), "{excused} has a property");
    }
}

#[test]
fn each_clause_for_the_bus_is_named_by_one_of_its_tests() {
    let tested: BTreeSet<_> = documented_below("../tests/publish").into_values().flatten().collect();
    let excused = NOT_SEEN.iter().map(|(clause, _)| (*clause).to_owned());
    let all = clauses(CONTRACT).into_iter().filter(|clause| clause.starts_with('B')).chain(excused);
    let missing: Vec<_> = all.filter(|clause| !tested.contains(clause)).collect();
    assert!(missing.is_empty(), "no test of tests/publish names {missing:?}");
    // And none that is not there.
    let known = clauses(CONTRACT);
    let unknown: Vec<_> = tested.iter().filter(|clause| !known.contains(*clause) && !clause.starts_with('S')).collect();
    assert!(unknown.is_empty(), "tests/publish names {unknown:?}");
}

#[test]
fn a_clause_without_a_test_is_found() {
    let text = "# Head\n\n- **T1** says.\n- **T100** says more,\n  on two lines.\n- no clause **T2**\n- **B1** is\n";
    assert_eq!(clauses(text).into_iter().collect::<Vec<_>>(), ["B1", "T1", "T100"]);
    assert!(clauses(CONTRACT).len() > 30 && clauses(BEHAVIOURS).len() > 30);
    let claim = "/// T1, S2: it is\n/// so: indeed.\n#[test]\nasync fn claim(lab: &mut Lab) {\n}\n";
    let others = "/// Some text: T3.\nfn other() {}\n/// T4: no.\n#[test]\n#[ignore = \"why\"]\nfn ignored() {}\n";
    let found = documented(&format!("{claim}{others}"));
    assert_eq!(found["claim"], ["T1", "S2"]);
    assert!(found["ignored"].is_empty());
    assert!(found["other"].is_empty());
}
