//! What a bus tells by itself: its trace, which is a tree of what caused what, and warnings.

#[path = "../../common/log.rs"]
mod log;

mod causes;
mod explain;
mod outcomes;
mod ring;
mod support;
mod threads;
mod tree;
mod warnings;

use eventbus::trace::Trace;

/// The printed trace without what differs from run to run: ids and lines.
fn shape(printed: &impl ToString) -> Vec<String> {
    printed.to_string().lines().map(normalised).collect()
}

fn normalised(line: &str) -> String {
    let mut words = Vec::new();
    for word in line.split(' ') {
        let (word, end) = word.split_at(word.trim_end_matches([':', ',', ')']).len());
        words.push(if word.starts_with('#') {
            format!("#_{end}")
        } else if let Some((file, _)) =
            word.strip_prefix("(tests/observe/trace/").and_then(|place| place.split_once(':'))
        {
            format!("({file}{end}")
        } else if word.len() == 36 && word.matches('-').count() == 4 {
            format!("<id>{end}")
        } else {
            format!("{word}{end}")
        });
    }
    words.join(" ")
}

/// How deep each node is, and its word: what of a trace does not depend on time.
fn words(trace: &Trace) -> Vec<(usize, &'static str)> {
    trace.nodes().map(|node| (node.depth(), node.outcome().word())).collect()
}
