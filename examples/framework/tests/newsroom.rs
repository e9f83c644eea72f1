//! The example `framework`: an application that is written with a framework, and knows nothing of what that is built on.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, process::Command};

fn rust_files(folder: &Path) -> Vec<String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn an_application_of_a_framework_never_names_the_bus_it_is_built_on() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = rust_files(&root.join("src"));
    assert!(sources.len() > 5, "looked at nothing");
    assert!(sources.iter().all(|source| !source.contains("eventbus")));

    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let (_, dependencies) = manifest.split_once("[dependencies]").unwrap();
    assert!(dependencies.contains("chassis") && !dependencies.contains("eventbus"), "{dependencies}");
}

#[test]
fn it_shows_what_is_wired_and_starts_and_stops_in_order() {
    let output = Command::new(env!("CARGO_BIN_EXE_newsroom")).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let (listing, rest) = stdout.split_once("nobody hears: desk.opened\n\n").unwrap();

    let rows: Vec<Vec<_>> = listing.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["MODULE", "LISTENER", "HEARS", "AT"]);
    let of = |module| rows.iter().filter(|row| row[0] == module).map(|row| row[1]).collect::<Vec<_>>();
    assert_eq!((of("audit"), of("desk")), (vec!["Audit::note"], vec!["-"]));
    assert_eq!(of("archive"), ["Archive::keep", "Archive::note"]);
    assert_eq!(of("search"), ["Search::add", "Search::remove"]);
    assert_eq!(rows[1][2..5], ["article.*", "(article.published,", "article.withdrawn.v2)"]);
    for row in rows.iter().filter(|row| row.len() == 4 && row[1].contains("::")) {
        let (file, line) = row[3].rsplit_once(':').unwrap();
        let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)).unwrap();
        let (_, method) = row[1].split_once("::").unwrap();
        let line = source.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap();
        assert!(line.contains(&format!("fn {method}(")), "a listener's place is its method: {row:?}, {line}");
    }

    let refused =
        "not published: 1 of 3 listeners of `article.published` did not finish well; listener `Archive::keep` (";
    let (first, rest) = rest.split_once('\n').unwrap();
    assert!(first.starts_with(refused) && first.ends_with("failed: article 2 has no title"), "{first}");
    let lines: Vec<_> = rest.lines().collect();
    assert_eq!(
        lines,
        [
            "search: index loaded",
            "audit: article.published v1",
            "search: `Rain` can be found",
            "audit: article.published v1",
            "search: `` can be found",
            "audit: article.withdrawn v2",
            "search: article 1 is gone, it did not rain",
            "desk: closed",
            "archive: an index of 1 articles was saved",
            "search: index saved",
            "archive: closed with 1 articles",
        ]
    );
}
