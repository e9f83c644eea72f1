//! Spans that have ended: as the SDK hands them to an exporter, as lines of text, and as a tree.

use std::{
    fmt,
    io::{self, BufRead},
    str::FromStr,
    time::SystemTime,
};

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;

/// What one line says: enough to join the spans of several processes.
pub(crate) struct Line {
    trace: String,
    span: String,
    parent: Option<String>,
    /// The spans that it is linked to.
    links: Vec<String>,
    /// When it began, in nanoseconds since 1970.
    began: u128,
    service: String,
    /// The span's name, with what is not as usual in brackets.
    name: String,
}

const MARK: &str = "span";

impl Line {
    pub(crate) fn new(service: &str, span: &SpanData) -> Self {
        let began = span.start_time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let parent = (span.parent_span_id != SpanId::INVALID).then(|| span.parent_span_id.to_string());
        let kind = match span.span_kind {
            SpanKind::Producer => " [producer]",
            SpanKind::Consumer => " [consumer]",
            _ => "",
        };
        let failed = if matches!(span.status, Status::Error { .. }) { " [failed]" } else { "" };
        Self {
            trace: span.span_context.trace_id().to_string(),
            span: span.span_context.span_id().to_string(),
            parent,
            links: span.links.iter().map(|link| link.span_context.span_id().to_string()).collect(),
            began: began.as_nanos(),
            service: service.to_owned(),
            name: format!("{}{kind}{failed}", span.name),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, span, parent, links, began, service, name } = self;
        let parent = parent.as_deref().unwrap_or("-");
        let links = if links.is_empty() { "-".to_owned() } else { links.join(",") };
        write!(f, "{MARK} {trace} {span} {parent} {links} {began} {service} {name}")
    }
}

impl FromStr for Line {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut words = line.splitn(8, ' ');
        let mut word = || words.next().ok_or(());
        if word()? != MARK {
            return Err(());
        }
        let some = |word: &str| (word != "-").then(|| word.to_owned());
        Ok(Self {
            trace: word()?.to_owned(),
            span: word()?.to_owned(),
            parent: some(word()?),
            links: some(word()?).iter().flat_map(|links| links.split(',')).map(str::to_owned).collect(),
            began: word()?.parse().map_err(|_| ())?,
            service: word()?.to_owned(),
            name: word()?.to_owned(),
        })
    }
}

/// The spans among lines of text.
pub(crate) fn read(lines: impl BufRead) -> io::Result<Vec<Line>> {
    let lines: io::Result<Vec<_>> = lines.lines().collect();
    Ok(lines?.iter().filter_map(|line| line.parse().ok()).collect())
}

/// Prints spans as trees, in the order in which they began: of whatever process, below their parents.
pub(crate) struct Trees(pub(crate) Vec<Line>);

impl fmt::Display for Trees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut spans: Vec<_> = self.0.iter().collect();
        spans.sort_by_key(|line| line.began);
        // A span whose parent has not ended, or was not collected, is a root here.
        let is_root = |line: &Line| !spans.iter().any(|other| Some(&other.span) == line.parent.as_ref());
        let mut traces: Vec<&str> = Vec::new();
        for root in spans.iter().filter(|line| is_root(line)) {
            if !traces.contains(&root.trace.as_str()) {
                traces.push(&root.trace);
            }
            let number = traces.iter().take_while(|trace| **trace != root.trace).count() + 1;
            writeln!(f, "trace {number}")?;
            branch(&spans, root, 1, f)?;
        }
        Ok(())
    }
}

fn branch(spans: &[&Line], of: &Line, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = format!("{:indent$}{}", "", of.name, indent = 2 * depth);
    write!(f, "{text:<52}{}", of.service)?;
    for link in &of.links {
        let to = spans.iter().find(|other| other.span == *link);
        write!(f, ", linked to `{}`", to.map_or(link.as_str(), |to| &to.name))?;
    }
    writeln!(f)?;
    for child in spans.iter().filter(|other| other.parent.as_ref() == Some(&of.span) && other.trace == of.trace) {
        branch(spans, child, depth + 1, f)?;
    }
    Ok(())
}
