//! No circles between the files of a folder of the core: `super::` paths are followed, and names that a `mod.rs` re-exports
//! count as those of the file that has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::use_paths::{first_words, word};

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The arrows between the files of a folder; a folder inside counts as one file.
fn arrows(files: &BTreeMap<String, String>) -> Arrows {
    let exports = files.get("mod").map(|source| exports(source)).unwrap_or_default();
    let mut arrows = Arrows::new();
    for (file, source) in files {
        let to = arrows.entry(file.clone()).or_default();
        for name in names_after(source, "super::") {
            let target = if files.contains_key(&name) { Some(name.clone()) } else { exports.get(&name).cloned() };
            // What no file of the folder has stands in `mod.rs` itself, or, by `super::super`, above it.
            match target {
                Some(target) if target != *file => _ = to.insert(target),
                None if name != "super" && file != "mod" => _ = to.insert("mod".to_owned()),
                _ => {}
            }
        }
    }
    // `mod.rs` needs a file only if something in it does more than re-export.
    let own = private_uses(files.get("mod").map_or("", String::as_str));
    arrows.entry("mod".to_owned()).or_default().extend(own.into_values());
    arrows
}

/// The names that come after `prefix`, in paths and in groups of a `use`.
fn names_after(source: &str, prefix: &str) -> BTreeSet<String> {
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        // The second half of `super::super::` leads out of the folder.
        if code[..at].ends_with(prefix) {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(first_words(group)),
            None => names.extend(word(rest)),
        }
    }
    names
}

/// What a `mod.rs` re-exports: from a name to the file that has it.
fn exports(source: &str) -> BTreeMap<String, String> {
    uses(source, &["pub use ", "pub(crate) use ", "pub(super) use "])
}

/// What a `mod.rs` uses itself.
fn private_uses(source: &str) -> BTreeMap<String, String> {
    uses(source, &["use "])
}

fn uses(source: &str, starts: &[&str]) -> BTreeMap<String, String> {
    let files: BTreeSet<_> = source
        .lines()
        .filter_map(|line| line.strip_prefix("mod ").or_else(|| line.strip_prefix("pub(super) mod ")))
        .filter_map(word)
        .collect();
    let mut names = BTreeMap::new();
    for statement in source.split(';') {
        let statement = statement.lines().filter(|line| !line.trim_start().starts_with(['/', '#'])).collect::<String>();
        let Some(path) = starts.iter().find_map(|start| statement.trim_start().strip_prefix(start)) else { continue };
        let Some((file, rest)) = path.split_once("::") else { continue };
        if files.contains(file) {
            let listed = rest.strip_prefix('{').map_or_else(|| word(rest).into_iter().collect(), first_words);
            names.extend(listed.into_iter().map(|name| (name, file.to_owned())));
        }
    }
    names
}

/// A circle among the arrows, if there is one.
fn circle(arrows: &Arrows) -> Option<Vec<String>> {
    let mut clean = BTreeSet::new();
    arrows.keys().find_map(|start| walk(arrows, start, &mut Vec::new(), &mut clean))
}

fn walk(arrows: &Arrows, at: &str, path: &mut Vec<String>, clean: &mut BTreeSet<String>) -> Option<Vec<String>> {
    if let Some(first) = path.iter().position(|file| file == at) {
        return Some(path[first..].to_vec());
    }
    if clean.contains(at) {
        return None;
    }
    path.push(at.to_owned());
    let found = arrows.get(at).into_iter().flatten().find_map(|to| walk(arrows, to, path, clean));
    path.pop();
    clean.insert(at.to_owned());
    found
}

/// The files of a folder, a folder inside as one file: of that only the paths that leave it are kept.
fn files_of(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            let inside = files_of(&path).into_iter().map(|(file, source)| match &*file {
                // What is `super` to the `mod.rs` of a folder is `super::super` to its other files.
                "mod" => source,
                _ => outward(&source),
            });
            files.insert(name, inside.collect::<Vec<_>>().join("\n"));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.insert(name, fs::read_to_string(path).unwrap());
        }
    }
    files
}

/// The paths that lead out of the folder of a file, as seen from that folder.
fn outward(source: &str) -> String {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let paths = code.split("super::super::").skip(1).map(|path| format!("super::{path}"));
    // What is behind the path, up to the next one, must not look like another.
    paths.map(|path| path.replacen("super::", "\0", 1).replace("super::", "").replace('\0', "super::")).collect()
}

/// A folder and those inside it.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let inside = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut all: Vec<_> = inside.flat_map(|path| folders(&path)).collect();
    all.push(folder.to_owned());
    all
}

#[test]
fn files_of_the_core_do_not_use_each_other_in_circles() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("eventbus-core/src");
    let mut circles = Vec::new();
    let mut folders = folders(&src);
    // Of `src` itself the floors tell what may use what.
    folders.retain(|folder| *folder != src);
    assert!(folders.iter().any(|folder| folder.ends_with("consumer/control")), "{folders:?}");
    for folder in folders {
        circles.extend(circle(&arrows(&files_of(&folder))).map(|circle| (folder, circle)));
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let circle_of = |files: &[(&str, &str)]| {
        circle(&arrows(&files.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect()))
    };
    assert_eq!(circle_of(&[("a", "use super::b::B;"), ("b", "// use super::a::A;")]), None);
    assert!(circle_of(&[("a", "use super::b::B;"), ("b", "use super::a::A;")]).is_some());
    assert!(circle_of(&[("a", "use super::{c::C, b::B};"), ("b", "fn f(_: super::a::A) {}"), ("c", "")]).is_some());
    let reexports = "mod a;\nmod b;\npub use a::A;\npub(crate) use b::{B, Other};";
    assert!(circle_of(&[("mod", reexports), ("a", "use super::Other;"), ("b", "use super::{A};")]).is_some());
    assert_eq!(circle_of(&[("mod", reexports), ("a", "use super::Other;"), ("b", "")]), None);
    // What stands in `mod.rs` and uses a file is a file, too.
    assert!(circle_of(&[("mod", "mod a;\nuse a::A;\nstruct Own(A);"), ("a", "use super::Own;")]).is_some());
    assert_eq!(circle_of(&[("mod", "mod a;\nuse a::A;\nstruct Own(A);"), ("a", "use super::super::Outer;")]), None);
    // Of a folder inside, a path that leaves it counts, and one that does not does not.
    assert_eq!(outward("use super::super::{b::B, C};\nfn f(_: super::a::A) {}").matches("super::").count(), 1);
    assert!(circle_of(&[("a", "use super::folder::F;"), ("folder", &outward("use super::super::a::A;"))]).is_some());
    assert_eq!(circle_of(&[("a", "use super::folder::F;"), ("folder", &outward("use super::a::A;"))]), None);
}
