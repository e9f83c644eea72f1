//! The summary in words.

use std::fmt::{self, Display, Formatter};

use crate::{
    modules::{AuditSummary, Spread, StatisticsSummary, TriageSummary},
    summary::Summary,
};

/// Of lists that can be long, so many entries are printed; `--json` has a hundred.
const SHOWN: usize = 16;

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (heard, unheard): (Vec<_>, Vec<_>) = self.events.iter().partition(|event| event.listeners > 0);
        writeln!(f, "Events")?;
        for event in heard {
            let listeners = if event.listeners == 1 { "listener" } else { "listeners" };
            writeln!(f, "{:>5}  {:<40} {} {listeners}", event.deliveries, event.name, event.listeners)?;
        }
        if !unheard.is_empty() {
            let counts = unheard.into_iter().map(|event| (event.name, event.deliveries));
            writeln!(f, "  without a listener: {}", ranking(counts, SHOWN))?;
        }
        if !self.unclaimed_kinds.is_empty() {
            writeln!(f, "  claimed by no type: {}", ranking(counts(&self.unclaimed_kinds), SHOWN))?;
        }
        write!(f, "\n{}\n{}\n{}", self.modules.audit, self.modules.triage, self.modules.statistics)?;
        if !self.failures.is_empty() {
            writeln!(f, "\nFailures")?;
            list(f, &self.failures, self.failed - self.failures.len(), |f, failure| {
                write!(f, "  line {}", failure.line)?;
                if let Some(delivery) = &failure.delivery {
                    write!(f, ", {}", OneLine(delivery))?;
                }
                write!(f, ": {}", OneLine(&failure.reason))
            })?;
            if !self.failures_unlisted.is_empty() {
                let kinds: Vec<_> =
                    self.failures_unlisted.iter().map(|(kind, more)| format!("{more} {kind}")).collect();
                writeln!(f, "  not listed one by one: {}", kinds.join(", "))?;
            }
        }
        if let Some(emits) = &self.emit_us {
            let (median, p99, max) = (emits.median, emits.p99, emits.max);
            writeln!(f, "\ntime per emit ({}): median {median:.1} µs, p99 {p99:.1} µs, max {max:.1} µs", emits.emits)?;
        }
        if let Some(stats) = &self.stats {
            write!(f, "\n{stats}")?;
        }
        if let Some(ledger) = &self.ledger {
            write!(f, "\n{ledger}")?;
        }
        writeln!(
            f,
            "deliveries {}: typed {}, unclaimed {}, failed {}",
            self.deliveries, self.typed, self.unclaimed, self.failed
        )
    }
}

impl Display for AuditSummary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (entries, raised) = (self.entries, self.alerts_raised);
        let warnings = self.warnings.len() + self.warnings_unlisted;
        writeln!(f, "Audit: {entries} entries on the trail, {raised} alerts raised, {warnings} warnings")?;
        let runs: Vec<_> = self.warnings.chunk_by(|one, next| one == next).collect();
        list(f, &runs, self.warnings_unlisted, |f, run| {
            let entry = &run[0];
            write!(f, "  {}: {} (by {}", OneLine(&entry.place), OneLine(&entry.what), OneLine(&entry.actor))?;
            if run.len() > 1 { write!(f, ", {} times)", run.len()) } else { write!(f, ")") }
        })
    }
}

impl Display for TriageSummary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (queued, settled, labels) = (self.queued, self.settled, self.labels_suggested);
        writeln!(f, "Triage: {queued} queued, {settled} settled since, {labels} labels suggested")?;
        if let Some(check) = &self.first_broken {
            writeln!(f, "  the first check to fail was {}", OneLine(check))?;
        }
        for (queue, items) in self.open.iter().filter(|(_, items)| !items.is_empty()) {
            let more = self.open_unlisted.get(queue).copied().unwrap_or_default();
            writeln!(f, "  {}: {}", queue.title(), items.len() + more)?;
            list(f, items, more, |f, item| {
                write!(f, "    {} {}: {}", OneLine(&item.place), OneLine(&item.subject), OneLine(&item.title))
            })?;
        }
        Ok(())
    }
}

impl Display for StatisticsSummary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "Statistics: {} contributions, {} of them by bots", self.contributions, self.by_bots)?;
        if self.contributions > 0 {
            writeln!(f, "  most active in: {}", ranking(counts(&self.places), 3))?;
            writeln!(f, "  most active by: {}", ranking(counts(&self.senders), 3))?;
        }
        let (commits, files, lines) = (self.commits, self.files_touched, self.lines_proposed);
        writeln!(f, "  {commits} commits to {files} files, {lines} lines proposed, {} comments", self.comments)?;
        let (merged, releases, stars) = (self.pulls_merged, self.releases, self.stars);
        writeln!(f, "  {merged} pull requests merged, {releases} releases, {stars:+} stars")?;
        for (what, Spread { count, shortest, longest }) in &self.durations {
            let range = if shortest == longest { format!("{longest}") } else { format!("{shortest} to {longest}") };
            writeln!(f, "  {count} {what} took {range} s")?;
        }
        Ok(())
    }
}

/// Writes the first lines of a list, and how many more there are, with those that are not in it.
fn list<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    unlisted: usize,
    line: impl Fn(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for item in items.iter().take(SHOWN) {
        line(f, item)?;
        writeln!(f)?;
    }
    match items.len().saturating_sub(SHOWN) + unlisted {
        0 => Ok(()),
        more => writeln!(f, "  .. and {more} more, see `--json`"),
    }
}

/// The first `shown` of a ranking, on one line.
fn ranking<'a>(counts: impl ExactSizeIterator<Item = (&'a str, usize)>, shown: usize) -> String {
    let more = counts.len().saturating_sub(shown);
    let mut words: Vec<_> = counts.take(shown).map(|(name, count)| format!("{} {count}", OneLine(name))).collect();
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}

fn counts(counts: &[(String, usize)]) -> impl ExactSizeIterator<Item = (&str, usize)> {
    counts.iter().map(|(name, count)| (name.as_str(), *count))
}

/// Text from outside. It cannot break the line or steer the terminal: control characters are written escaped.
struct OneLine<'a>(&'a str);

impl Display for OneLine<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}
