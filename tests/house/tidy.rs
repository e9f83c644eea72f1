//! The house rules that a compiler does not check: arrows between the modules of the core point down, files stay small and
//! are compiled, and every crate forbids unsafe code.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::use_paths::{first_words, word};

/// The floors of `eventbus-core/src`, in tenths: `pattern` stands on `event`, though both belong to floor 0. A module uses
/// those below it, never its own floor's neighbours or those above.
const FLOORS: &[(&str, u8)] = &[
    ("event", 0),
    ("interleave", 0),
    ("sync", 0),
    ("pattern", 5),
    ("listener", 10),
    ("counting", 15),
    ("call", 20),
    ("registry", 30),
    ("emission", 40),
    ("bus", 50),
    ("named", 60),
    ("transport", 70),
    ("memory", 75),
    ("publish", 80),
    ("consumer", 90),
    ("observe", 100),
    ("lifecycle", 110),
    ("deferred", 120),
    ("builder", 130),
    ("testing", 140),
];

/// Lines of the longest file.
const LONGEST: usize = 400;

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// The code without its comments and the text of its literals, so that neither is taken for a path.
pub(super) fn code_of(source: &str) -> String {
    let mut code = String::new();
    for line in source.lines() {
        let mut in_string = false;
        let mut chars = line.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '\\' if in_string => _ = chars.next(),
                '"' => in_string = !in_string,
                '/' if !in_string && chars.peek() == Some(&'/') => break,
                _ if in_string => {}
                _ => code.push(char),
            }
        }
        code.push('\n');
    }
    code
}

/// The modules that the source names after `crate::`, in paths and in `use crate::{a::.., b}`; each once.
fn modules_used(source: &str) -> Vec<String> {
    let code = code_of(source);
    let mut modules = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        if code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
            continue; // the end of another name
        }
        if code[..at].ends_with("pub(in ") {
            continue; // how far it can be seen
        }
        let rest = code[at + path.len()..].trim_start();
        if let Some(group) = rest.strip_prefix('{') {
            modules.extend(first_words(group));
        } else {
            modules.extend(word(rest));
        }
    }
    modules.sort();
    modules.dedup();
    modules
}

/// What is wrong with a file of the core: `path` is relative to `src`.
fn arrows_up(path: &Path, source: &str) -> Vec<String> {
    let module = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
    if module == "lib" {
        return Vec::new();
    }
    let Some(own) = floor(module) else { return vec![format!("{}: `{module}` has no floor", path.display())] };
    let mut wrong = Vec::new();
    for used in modules_used(source) {
        // What `lib.rs` re-exports is for users; it would hide the arrow.
        match floor(&used) {
            None => wrong.push(format!("{}: `crate::{used}` has no floor; name its module", path.display())),
            Some(below) if below < own => {}
            // A macro is used elsewhere.
            Some(_) if used == module && !modules_used(&source.replace("$crate", "")).contains(&used) => {}
            Some(_) if used == module => {
                let path = path.display();
                wrong
                    .push(format!("{path}: `crate::{used}` is its own floor; write `super::`, which circles.rs reads"));
            }
            // The shims of `sync` are under everything, also on their own floor.
            Some(_) if used == "sync" => {}
            Some(other) => {
                wrong
                    .push(format!("{}: `{module}` (floor {own}) uses `crate::{used}` (floor {other})", path.display()));
            }
        }
    }
    wrong
}

fn too_long(path: &Path, source: &str) -> Option<String> {
    let lines = source.lines().count();
    (lines > LONGEST).then(|| format!("{}: {lines} lines, more than {LONGEST}; split it", path.display()))
}

fn allows_unsafe(path: &Path, source: &str) -> Option<String> {
    let forbids = code_of(source).lines().any(|line| line.trim() == "#![forbid(unsafe_code)]");
    (!forbids).then(|| format!("{}: no `#![forbid(unsafe_code)]`", path.display()))
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files under `folder`, sorted; build output and what trybuild compiles are none of ours.
pub(super) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !name.starts_with('.') && !["target", "ui", "wip"].contains(&name) {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Whether the file is where a crate starts: `src/lib.rs`, `src/main.rs`, a test, an example in a folder, a bench. Examples
/// of one file are excused: they are shown as they stand, and have the workspace's lint like all others.
fn is_crate_root(path: &Path) -> bool {
    let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
    matches!(
        parts[..],
        [.., "src", "lib.rs" | "main.rs"]
            | [.., "src", "bin", _]
            | [.., "tests" | "benches", _]
            | [.., "tests" | "examples" | "benches", _, "main.rs"]
    )
}

/// What `find` finds in the files; paths are relative to the root.
fn check(files: &[PathBuf], find: impl Fn(&Path, &str) -> Vec<String>) {
    assert!(!files.is_empty(), "looked at nothing");
    let found: Vec<_> = files
        .iter()
        .flat_map(|path| find(path.strip_prefix(root()).unwrap(), &fs::read_to_string(path).unwrap()))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn arrows_between_the_modules_of_the_core_point_down() {
    let src = Path::new("eventbus-core/src");
    check(&rust_files(&root().join(src)), |path, source| arrows_up(path.strip_prefix(src).unwrap(), source));
}

#[test]
fn no_file_is_long() {
    check(&rust_files(root()), |path, source| too_long(path, source).into_iter().collect());
}

#[test]
fn every_crate_forbids_unsafe_code() {
    let files: Vec<_> = rust_files(root()).into_iter().filter(|path| is_crate_root(path)).collect();
    check(&files, |path, source| allows_unsafe(path, source).into_iter().collect());
}

/// Where the module of a file must be declared: its name, and the files of which one does.
fn declared_in(path: &Path) -> Option<(String, Vec<PathBuf>)> {
    let (folder, stem) = (path.parent()?, path.file_stem()?.to_str()?);
    let (folder, name) = match stem {
        "lib" | "main" => return None,
        "mod" => (folder.parent()?, folder.file_name()?.to_str()?),
        name => (folder, name),
    };
    let parents = ["mod.rs", "lib.rs", "main.rs"].map(|file| folder.join(file));
    Some((name.to_owned(), parents.into_iter().chain([folder.with_extension("rs")]).collect()))
}

/// Whether the source has the module, however visible.
fn declares(source: &str, name: &str) -> bool {
    let declaration = format!("mod {name};");
    code_of(source).lines().any(|line| line.trim().ends_with(&declaration))
}

#[test]
fn every_file_is_in_the_tree_of_modules() {
    for src in ["src", "eventbus-core/src", "eventbus-derive/src"] {
        check(&rust_files(&root().join(src)), |path, _| {
            let Some((name, parents)) = declared_in(path) else { return Vec::new() };
            let sources = parents.iter().filter_map(|parent| fs::read_to_string(root().join(parent)).ok());
            if sources.into_iter().any(|source| declares(&source, &name)) {
                return Vec::new();
            }
            vec![format!("{}: no `mod {name};`: it is not compiled", path.display())]
        });
    }
}

#[test]
fn a_file_outside_the_tree_of_modules_is_found() {
    let (name, parents) = declared_in(Path::new("core/src/bus/scope.rs")).unwrap();
    assert_eq!((&*name, parents[0].to_str()), ("scope", Some("core/src/bus/mod.rs")));
    let (name, parents) = declared_in(Path::new("core/src/bus/mod.rs")).unwrap();
    assert_eq!((&*name, parents[1].to_str()), ("bus", Some("core/src/lib.rs")));
    assert!(declared_in(Path::new("core/src/lib.rs")).is_none());
    assert!(declares("pub(crate) mod scope;\nmod stage;", "scope"));
    assert!(!declares("// mod scope;\nmod telescope_;\nuse a::scope;", "scope"));
}

#[test]
fn an_arrow_up_is_found_however_it_is_written() {
    let wrong = |path: &str, source: &str| arrows_up(Path::new(path), source).len();
    assert_eq!(wrong("registry/slot.rs", "use crate::listener::ListenerInfo;"), 0);
    assert_eq!(wrong("registry/slot.rs", "use super::Entry;\npub(in crate::registry) struct Slot;"), 0);
    assert_eq!(wrong("registry/slot.rs", "use crate::registry::Entry;"), 1, "circles.rs would not see it");
    assert_eq!(wrong("registry/slot.rs", "macro_rules! m { () => { $crate::registry::Entry } }"), 0);
    assert_eq!(wrong("event/name.rs", "use crate::sync::Mutex;"), 0);

    assert_eq!(wrong("registry/slot.rs", "use crate::bus::Bus;"), 1);
    assert_eq!(wrong("registry/slot.rs", "pub(crate) use crate::emission;"), 1);
    assert_eq!(wrong("event/mod.rs", "use crate::{\n    pattern::{Pattern, crate_name},\n    sync::X,\n};"), 1);
    assert_eq!(wrong("listener/mod.rs", "use crate::{event::{A, B}, registry::C, emission::D, sync};"), 2);
    assert_eq!(wrong("event/mod.rs", "use super::EventName;"), 0);
    assert_eq!(wrong("emission/run.rs", "fn run(bus: &crate::bus::Bus) {}"), 1);
    assert_eq!(wrong("emission/run.rs", "fn run(bus: &$crate::bus::Bus) {}"), 1);
    assert_eq!(wrong("emission/run.rs", "use crate::Bus;"), 1, "through the re-exports");
    assert_eq!(wrong("emission/run.rs", "// use crate::bus::Bus;\n/// [`crate::Bus`]\nlet text = \"crate::bus\";"), 0);
    assert_eq!(wrong("emission/run.rs", "let text = \"say \\\" //\"; crate::bus::f();"), 1);
}

#[test]
fn a_module_without_a_floor_is_found() {
    assert_eq!(arrows_up(Path::new("cache/mod.rs"), "").len(), 1);
    assert_eq!(arrows_up(Path::new("cache.rs"), "").len(), 1);
    assert_eq!(arrows_up(Path::new("bus/mod.rs"), "use crate::cache::Cache;").len(), 1);
    assert!(arrows_up(Path::new("lib.rs"), "pub use crate::anything;").is_empty());
}

#[test]
fn a_long_file_is_found() {
    let path = Path::new("long.rs");
    assert_eq!(too_long(path, &"line\n".repeat(LONGEST)), None);
    assert!(too_long(path, &"line\n".repeat(LONGEST + 1)).is_some());
}

#[test]
fn a_crate_that_allows_unsafe_code_is_found() {
    let path = Path::new("src/lib.rs");
    assert_eq!(allows_unsafe(path, "//! Docs.\n\n#![forbid(unsafe_code)]\nmod a;"), None);
    assert!(allows_unsafe(path, "//! Docs.\nmod a;").is_some());
    assert!(allows_unsafe(path, "// #![forbid(unsafe_code)]").is_some());
    assert!(allows_unsafe(path, "#![deny(unsafe_code)]").is_some());

    for root in ["src/lib.rs", "core/src/main.rs", "tests/tidy.rs", "tests/promises/main.rs", "examples/a/main.rs"] {
        assert!(is_crate_root(Path::new(root)), "{root}");
    }
    for part in ["src/bus.rs", "examples/showcase.rs", "tests/promises/report.rs", "examples/a/users.rs"] {
        assert!(!is_crate_root(Path::new(part)), "{part}");
    }
}
