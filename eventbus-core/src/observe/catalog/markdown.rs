//! The catalog as Markdown.

use std::fmt::{self, Write};

use super::{Catalog, CatalogEvent, CatalogGroup};
use crate::listener::ListenerInfo;

impl Catalog {
    /// The catalog as a Markdown document: a table of the events, a section for each, the listeners by pattern, the consumer
    /// groups.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` does not fail.
        let _ = self.write_markdown(&mut text);
        text
    }

    fn write_markdown(&self, f: &mut impl Write) -> fmt::Result {
        writeln!(f, "# Events\n")?;
        writeln!(f, "| event | type | listeners | emitted |\n|---|---|---|---|")?;
        for event in &self.events {
            let (count, emitted) = (event.listeners().len(), if event.was_emitted() { "yes" } else { "" });
            let rust_type = event.event_type().rust_type();
            writeln!(f, "| {} | {} | {count} | {emitted} |", cell_code(&event.wire_type()), cell_code(rust_type))?;
        }
        for event in &self.events {
            write_event(f, event)?;
        }
        if !self.by_pattern.is_empty() {
            writeln!(f, "\n# Listeners by pattern\n\n| pattern | listener | known events |\n|---|---|---|")?;
        }
        for listener in &self.by_pattern {
            let pattern = listener.info.pattern().map_or("", |pattern| pattern.as_str());
            let matches: Vec<_> = listener.matches.iter().map(|name| cell_code(name)).collect();
            writeln!(f, "| {} | {} | {} |", cell_code(pattern), place(&listener.info), matches.join(", "))?;
        }
        if !self.groups.is_empty() {
            writeln!(
                f,
                "\n# Consumer groups\n\n| group | handles | known events | workers | attempts |\n|---|---|---|---|---|"
            )?;
        }
        self.groups.iter().try_for_each(|group| write_group(f, group))
    }
}

fn write_group(f: &mut impl Write, group: &CatalogGroup) -> fmt::Result {
    let types = group.handled_types().map(|event| cell_code(&event.wire_type().to_string()));
    let patterns = group.handled_patterns().iter().map(|pattern| cell_code(pattern.as_str()));
    let rest = group.handles_rest().then(|| "the rest".to_owned());
    let handled: Vec<_> = types.chain(patterns).chain(rest).collect();
    let events: Vec<_> = group.events().iter().map(|event| cell_code(event)).collect();
    let (name, place) = (cell_code(group.name()), escaped_pipes(&code_of(group.location())));
    let (workers, attempts) = (group.workers(), group.max_attempts());
    writeln!(f, "| {name} at {place} | {} | {} | {workers} | {attempts} |", handled.join(", "), events.join(", "))
}

fn write_event(f: &mut impl Write, event: &CatalogEvent) -> fmt::Result {
    let kind = event.event_type();
    writeln!(f, "\n## {}\n", code(&event.wire_type()))?;
    // Quoted, so that headings in it stay out of the document's own.
    for line in kind.docs().lines() {
        writeln!(f, "> {line}")?;
    }
    if !kind.docs().is_empty() {
        writeln!(f)?;
    }
    writeln!(f, "{}, version {}, first used at {}", code(kind.rust_type()), kind.version(), code_of(event.location()))?;
    if !kind.fields().is_empty() {
        writeln!(f, "\n| field | type | |\n|---|---|---|")?;
    }
    for field in kind.fields() {
        writeln!(f, "| {} | {} | {} |", cell_code(field.name()), cell_code(field.rust_type()), cell(field.docs()))?;
    }
    if event.listeners().is_empty() {
        return writeln!(f, "\nNobody listens.");
    }
    writeln!(f, "\n| turn | listener | runs | priority | scope | pattern |\n|---|---|---|---|---|---|")?;
    for (turn, listener) in (1..).zip(event.listeners()) {
        let scope = listener.scope().map(cell_code).unwrap_or_default();
        let pattern = listener.pattern().map(|pattern| cell_code(pattern.as_str())).unwrap_or_default();
        let (kind, priority) = (runs(listener), listener.priority());
        writeln!(f, "| {turn} | {} | {kind} | {priority} | {scope} | {pattern} |", place(listener))?;
    }
    Ok(())
}

/// How a listener runs, in a few words.
fn runs(listener: &ListenerInfo) -> String {
    let mut words = listener.kind().word().to_owned();
    if listener.is_once() {
        words += ", once";
    }
    if listener.is_filtered() {
        words += ", filtered";
    }
    words
}

/// Name and place of a listener, for a cell.
fn place(listener: &ListenerInfo) -> String {
    let place = escaped_pipes(&code_of(listener.location()));
    match listener.name() {
        Some(name) => format!("{} at {place}", cell_code(name)),
        None => place,
    }
}

fn code_of(location: &std::panic::Location<'_>) -> String {
    code(&format!("{}:{}", location.file(), location.line()))
}

/// Text as it is, on one line, in a code span whose fence is longer than any row of backticks in it.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let text = one_line(text);
    let mut longest = 0;
    for run in text.split(|char| char != '`') {
        longest = longest.max(run.len());
    }
    let fence = "`".repeat(longest + 1);
    // A span that starts and ends with a space, or holds a backtick there, needs one more to be stripped.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The same in a table, where a pipe would end the cell even in a code span.
fn cell_code(text: &str) -> String {
    escaped_pipes(&code(text))
}

/// Markdown in a cell: on one line.
fn cell(text: &str) -> String {
    escaped_pipes(&text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" "))
}

fn escaped_pipes(text: &str) -> String {
    text.replace('|', "\\|")
}

fn one_line(text: &str) -> String {
    let mut line = String::new();
    for char in text.chars() {
        if char.is_control() { line.extend(char.escape_default()) } else { line.push(char) }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_code_span_cannot_leave_it() {
        assert_eq!(code("user.created"), "`user.created`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`a`"), "`` `a` ``");
        assert_eq!(code("a\n# b"), "`a\\n# b`");
        assert_eq!(cell_code("Fn(|x|)"), "`Fn(\\|x\\|)`");
        assert_eq!(cell("one\n\n two | three\r\n"), "one two \\| three");
    }
}
