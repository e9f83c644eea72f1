//! What users meet outside of this workspace: here, what the compiler tells them of a mistake; in `outside`, what compiles.
//!
//! There is one message for each mistake, at the token that is wrong, with the fix. The cases are `<rule>/<mistake>.rs` with the
//! expected output beside them. After a change run `cargo bless` and read the diff. What must compile is in `tests/outside`: with a
//! case that passes, trybuild would build each by itself.
//!
//! Both compile the library anew, most of the time on one core. So they are one program, and its tests run side by side.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]
#![allow(clippy::unnecessary_debug_formatting, reason = "a path in TOML is quoted and escaped")]

mod outside;
mod packages;

/// Each row of the guide's table begins with words of the compiler. They are in what it says to one of the cases here.
#[test]
fn the_guide_quotes_the_compiler() {
    let said = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.ok()?.path();
        if path.extension()? == "stderr" { std::fs::read_to_string(path).ok() } else { None }
    };
    let all: String = std::fs::read_dir("listener").expect("the cases").filter_map(said).collect();
    let page = include_str!("../../docs/guide/compiler_messages.md");
    let quotes: Vec<_> = page.lines().filter_map(|row| row.strip_prefix("| ``")?.split_once("``")).collect();
    assert!(quotes.len() > 10, "the table is there");
    // Types that no case can use, since the features of the cases are on.
    let is_here = |(quote, _): &&(&str, &str)| !quote.starts_with("the item is gated");
    for (quote, _) in quotes.iter().filter(is_here) {
        assert!(all.contains(quote.trim()), "no case has: {quote}");
    }
}

#[test]
fn each_mistake_has_one_message_with_the_fix() {
    let cases = trybuild::TestCases::new();
    for rule in ["name", "attribute", "codec", "shape", "trait", "several", "listeners"] {
        cases.compile_fail(format!("{rule}/*.rs"));
    }
    // Listeners of every kind, so with the runtime.
    cases.compile_fail("listener/*.rs");
}
