//! An explanation as text for people.

use std::fmt::{self, Display};

use super::{super::CatalogEvent, Explanation};
use crate::listener::ListenerInfo;

impl Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.wire_type;
        if !self.known_versions.is_empty() {
            let known: Vec<_> = self.known_versions.iter().map(u32::to_string).collect();
            let (version, known) = (self.version, known.join(", "));
            writeln!(
                f,
                "`{name}`: version {version} is not known to this bus, which knows {known}; emitting it is an error"
            )?;
        } else if let Some(other) = self.taken_by {
            writeln!(f, "`{name}` is `{}` on this bus: emitting the other type panics", other.rust_type())?;
        } else if self.claims.is_empty() {
            match self.unseen {
                Some(event) => writeln!(f, "`{name}` is `{}`, which this bus has not seen yet", event.rust_type())?,
                None => writeln!(f, "`{name}` is claimed by no type")?,
            }
            turns(f, &self.matching)?;
        }
        for event in &self.claims {
            let (rust_type, place) = (event.event_type().rust_type(), event.location());
            writeln!(f, "`{name}` is `{rust_type}`, first used at {}:{}{}", place.file(), place.line(), codec(event))?;
            turns(f, event.listeners())?;
        }
        if !self.interceptors.is_empty() {
            let names: Vec<_> = self.interceptors.iter().map(|name| format!("`{name}`")).collect();
            writeln!(f, "interceptors are asked before, and may refuse: {}", names.join(", "))?;
        }
        if self.is_shut_down {
            writeln!(f, "publishing it is refused: the bus shuts down")?;
        } else if !self.groups.is_empty() {
            writeln!(f, "published, it goes to:")?;
            self.groups.iter().try_for_each(|group| writeln!(f, "  {group}"))?;
        }
        self.not_run_lines(f)?;
        if self.lately.nodes().next().is_some() {
            writeln!(f, "lately:")?;
            self.lately.indented(f, 2)?;
        }
        Ok(())
    }
}

impl Explanation {
    fn not_run_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not_run = self.does_not_run();
        if !not_run.is_empty() {
            writeln!(f, "does not run:")?;
        }
        for info in not_run {
            let pattern = info.pattern().map_or("", |pattern| pattern.as_str());
            let why = if self.matching.iter().any(|other| other.id() == info.id()) {
                "matches, but nothing is emitted"
            } else {
                "does not match"
            };
            writeln!(f, "  {info}: `{pattern}` {why}")?;
        }
        Ok(())
    }
}

fn turns(f: &mut fmt::Formatter<'_>, listeners: &[ListenerInfo]) -> fmt::Result {
    if listeners.is_empty() {
        return writeln!(f, "nobody listens");
    }
    writeln!(f, "runs, in this order:")?;
    for (turn, info) in (1..).zip(listeners) {
        write!(f, "  {turn}. {info}: {}", info.kind().word())?;
        if info.priority() != 0 {
            write!(f, ", priority {}", info.priority())?;
        }
        if let Some(scope) = info.scope() {
            write!(f, ", scope `{}`", scope.escape_debug())?;
        }
        if let Some(pattern) = info.pattern() {
            write!(f, ", by pattern `{pattern}`")?;
        }
        if info.is_filtered() {
            f.write_str("; asks its filter")?;
        }
        if info.is_once() {
            f.write_str("; once, not yet spent")?;
        }
        writeln!(f)?;
    }
    Ok(())
}

#[cfg(feature = "serde")]
fn codec(event: &CatalogEvent) -> &'static str {
    if event.event_type().has_codec() { "" } else { "; it has no codec, so it is not emitted as JSON" }
}

#[cfg(not(feature = "serde"))]
fn codec(_event: &CatalogEvent) -> &'static str {
    ""
}
