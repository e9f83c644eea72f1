//! The public names of the facade: `tests/house/public_names.txt` lists them, so that a change of the API is seen in a diff.
//!
//! `EVENTBUS_BLESS=1 cargo test --test house public_names` writes the list anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// More names than these at the root, and a newcomer does not read them any more.
const MOST_AT_THE_ROOT: usize = 40;

/// A file of the facade.
struct Module {
    name: String,
    /// The items of its `pub use`: where from, and what.
    uses: Vec<(String, String)>,
    /// Its public modules.
    modules: Vec<String>,
}

impl Module {
    fn read(path: &Path) -> Self {
        let source = fs::read_to_string(path).unwrap();
        let mut module =
            Self { name: path.file_stem().unwrap().to_str().unwrap().into(), uses: Vec::new(), modules: Vec::new() };
        let tokens: Vec<_> = source.parse::<TokenStream>().unwrap().into_iter().collect();
        for (at, window) in tokens.windows(3).enumerate() {
            let words: Vec<_> = window.iter().map(ToString::to_string).collect();
            match &*words {
                [public, keyword, _] if public == "pub" && keyword == "use" => {
                    let end = tokens[at..].iter().position(|token| token.to_string() == ";").unwrap();
                    let path: TokenStream = tokens[at + 2..at + end].iter().cloned().collect();
                    module.uses.extend(paths(path));
                }
                [public, keyword, name] if public == "pub" && keyword == "mod" => module.modules.push(name.clone()),
                _ => {}
            }
        }
        module
    }
}

/// The paths of a `use`, a group at its end taken apart: the crate, and the name that it gets.
fn paths(path: TokenStream) -> Vec<(String, String)> {
    let tokens: Vec<_> = path.into_iter().collect();
    let from = tokens[0].to_string();
    let last = tokens.last().unwrap();
    match last {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            let text = group.stream().to_string();
            let names = text.split(',').map(|name| name.rsplit(" as ").next().unwrap().trim());
            let names = names.filter(|name| !name.is_empty());
            // Deeper groups would need more than this; there are none.
            names
                .inspect(|name| assert!(!name.contains([' ', ':', '{']), "{name}"))
                .map(|name| (from.clone(), name.into()))
                .collect()
        }
        name => vec![(from, name.to_string())],
    }
}

fn manifest() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The root of the facade, and its public modules.
fn facade() -> (Module, Vec<Module>) {
    let root = Module::read(&manifest().join("src/lib.rs"));
    let file = |name: &String| manifest().join("src").join(name).with_extension("rs");
    let modules = root.modules.iter().map(file).filter(|path| path.exists()).map(|path| Module::read(&path)).collect();
    (root, modules)
}

/// The list as it is: a line for each name, those of the root first.
fn list() -> String {
    let (root, modules) = facade();
    let line = |module: &Module, prefix: &str| -> BTreeSet<String> {
        module.uses.iter().map(|(_, name)| format!("{prefix}{name}\n")).collect()
    };
    let mut text = String::from("# eventbus\n");
    text.extend(line(&root, ""));
    for module in &modules {
        text.extend(["\n# eventbus::", &module.name, "\n"]);
        text.extend(line(module, &format!("{}::", module.name)));
    }
    text
}

#[test]
fn the_public_names_are_those_of_the_list() {
    let path = manifest().join("tests/house/public_names.txt");
    let list = list();
    if std::env::var_os("EVENTBUS_BLESS").is_some() {
        fs::write(&path, &list).unwrap();
    }
    let listed = fs::read_to_string(&path).unwrap();
    assert!(
        list == listed,
        "the public names have changed: run with EVENTBUS_BLESS=1, read the diff, and write it into CHANGELOG.md\n{list}"
    );
}

#[test]
fn the_root_has_few_names() {
    let (root, _) = facade();
    let names: BTreeSet<_> = root.uses.iter().map(|(_, name)| name).collect();
    assert!(names.len() <= MOST_AT_THE_ROOT, "{} names: move some into modules", names.len());
}

/// So whoever adds a name to the core has to say where users find it, and nobody finds it twice.
#[test]
fn each_public_name_of_the_core_has_one_path() {
    let core = Module::read(&manifest().join("eventbus-core/src/lib.rs"));
    let (root, modules) = facade();
    let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, name) in &core.uses {
        paths.entry(name.clone()).or_default();
    }
    for module in modules.iter().chain([&root]) {
        for (from, name) in module.uses.iter().filter(|(from, _)| from == "eventbus_core") {
            let path = format!("{}::{name} of {from}", module.name);
            paths.entry(name.clone()).or_default().push(path);
        }
    }
    let wrong: Vec<_> = paths.iter().filter(|(_, paths)| paths.len() != 1).collect();
    assert!(wrong.is_empty(), "each of these should have one path in `src/`: {wrong:#?}");
}
