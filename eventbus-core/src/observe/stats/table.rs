//! The table that statistics print as.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use super::{super::scaled::Scaled, EventStats, ListenerStats, Stats};
use crate::{
    counting::Latency,
    listener::{Excerpt, ListenerInfo},
    publish::GroupStats,
};

/// Columns of the first cell.
const FIRST: usize = 36;

/// A line of the table: a text, and what stands behind it.
struct Row<'a> {
    first: String,
    cells: [&'a dyn fmt::Display; 8],
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.first.chars().count();
        if length > FIRST {
            let kept: String = self.first.chars().take(FIRST - 2).collect();
            write!(f, "{kept}..")?;
        } else {
            write!(f, "{:<FIRST$}", self.first)?;
        }
        let [one, two, three, rest @ ..] = &self.cells;
        let mut line = format!(" {:>8} {:>6} {:>6}", one.to_string(), two.to_string(), three.to_string());
        for cell in rest {
            write!(line, " {:>7}", cell.to_string())?;
        }
        f.write_str(line.trim_end())
    }
}

/// A time with three digits and its unit, in at most seven columns.
struct Time(Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scaled { whole, tenth, unit } = Scaled::to_hours(self.0);
        if whole >= 10 || unit == "ns" { write!(f, "{whole} {unit}") } else { write!(f, "{whole}.{tenth} {unit}") }
    }
}

/// A time, if there was something to measure.
struct Measured(Option<Duration>);

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |time| Time(time).fmt(f))
    }
}

/// The times of a latency, as the last cells of a row: the mean, two quantiles, the longest, and how long ago the last was.
struct Times([Measured; 5]);

impl Times {
    fn of(latency: &Latency, stats: &Stats) -> Self {
        let Latency { count, mean, p50, p99, max, last } = *latency;
        let ago = last.map(|last| stats.taken_at.duration_since(last).unwrap_or_default());
        let time = |time| Measured((count > 0).then_some(time));
        Self([time(mean), time(p50), time(p99), time(max), Measured(ago)])
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.counts_emissions {
            self.write_events(f)?;
        } else {
            f.write_str("emissions are not counted: `Bus::builder().stats(true)` turns that on")?;
        }
        self.write_groups(f)?;
        self.write_rest(f)
    }
}

impl Stats {
    fn write_events(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = "event, its listeners".to_owned();
        write!(
            f,
            "{}",
            Row { first, cells: [&"count", &"failed", &"active", &"mean", &"p50", &"p99", &"max", &"last"] }
        )?;
        for event in &self.events {
            write!(f, "\n{}", self.event_line(event))?;
            for listener in &event.listeners {
                write!(f, "\n{}", self.listener_line(listener))?;
            }
        }
        if !self.by_pattern.is_empty() {
            f.write_str("\nby pattern")?;
        }
        for listener in &self.by_pattern {
            write!(f, "\n{}", self.listener_line(listener))?;
        }
        if self.unclaimed > 0 {
            write!(f, "\n{} emissions under names that no type claims", self.unclaimed)?;
        }
        Ok(())
    }

    fn event_line(&self, event: &EventStats) -> String {
        let EventStats { emissions, unheard, in_flight, failures, latency, .. } = event;
        let mut first = event.event.wire_type().to_string();
        if *unheard > 0 {
            let _ = write!(first, ", {unheard} unheard");
        }
        self.line(first, [emissions, &failures.total(), in_flight], latency)
    }

    fn listener_line(&self, listener: &ListenerStats) -> String {
        let ListenerStats { listener, calls, failures, running, latency } = listener;
        self.line(format!("  {}", name_of(listener)), [calls, &failures.total(), running], latency)
    }

    fn line(&self, first: String, counts: [&u64; 3], latency: &Latency) -> String {
        let [one, two, three] = counts;
        let Times([mean, p50, p99, max, last]) = Times::of(latency, self);
        Row { first, cells: [one, two, three, &mean, &p50, &p99, &max, &last] }.to_string()
    }

    fn write_groups(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.groups.is_empty() {
            return Ok(());
        }
        let first = "group".to_owned();
        let cells: [&dyn fmt::Display; 8] =
            [&"handled", &"failed", &"lag", &"retried", &"p50", &"p99", &"max", &"oldest"];
        write!(f, "\n{}", Row { first, cells })?;
        for group in &self.groups {
            let GroupStats { name, handled, dead_lettered, retried, oldest_age, latency, .. } = group;
            let Times([_, p50, p99, max, _]) = Times::of(latency, self);
            let first = Excerpt(name).to_string();
            let oldest = Measured(*oldest_age);
            let cells: [&dyn fmt::Display; 8] =
                [handled, dead_lettered, &group.lag(), retried, &p50, &p99, &max, &oldest];
            write!(f, "\n{}", Row { first, cells })?;
        }
        Ok(())
    }

    /// What is told where it has happened.
    fn write_rest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let published = &self.published;
        if published.offered > 0 {
            write!(f, "\npublished: {} accepted, {} rejected", published.accepted, published.rejected)?;
            for (count, what) in [(published.unknown, "unknown"), (self.unrouted.waiting, "waiting for a group")] {
                if count > 0 {
                    write!(f, ", {count} {what}")?;
                }
            }
        }
        let deferred = &self.deferred;
        if deferred.pending + deferred.released + deferred.discarded > 0 {
            let [pending, released, discarded] = [deferred.pending, deferred.released, deferred.discarded];
            write!(f, "\ndeferred: {pending} pending, {released} released, {discarded} discarded")?;
        }
        for (count, what) in [
            (self.unrouted.dropped, "events dropped that no group handles"),
            (self.dead_letters_evicted, "dead letters dropped"),
            (self.transport_errors, "errors of the transport"),
        ] {
            if count > 0 {
                write!(f, "\n{count} {what}")?;
            }
        }
        Ok(())
    }
}

/// What the table calls a listener: its name, else where it was registered; and its pattern.
fn name_of(listener: &ListenerInfo) -> String {
    let mut text = String::new();
    let _ = match listener.name() {
        Some(name) => write!(text, "{}", Excerpt(name)),
        None => write!(text, "{}", place_of(listener)),
    };
    if let Some(pattern) = listener.pattern() {
        let _ = write!(text, " `{pattern}`");
    }
    text
}

/// The file and line, from the last folders on if the path is long.
fn place_of(listener: &ListenerInfo) -> String {
    let place = format!("{}:{}", listener.location().file(), listener.location().line());
    let length = place.chars().count();
    let most = FIRST - 4;
    if length <= most { place } else { place.chars().skip(length - most).collect() }
}
