//! The ledger of what was published: nothing is lost in silence, so its columns add up.

use std::fmt;

use eventbus::stats::{GroupStats, Stats};
use serde::Serialize;

/// Where everything has gone that was published, as the bus has counted it.
#[derive(Debug, Serialize)]
pub(crate) struct Ledger {
    /// `offered = accepted + rejected + unknown`.
    offered: u64,
    accepted: u64,
    rejected: u64,
    unknown: u64,
    groups: Vec<GroupLine>,
}

/// A group, which was given each event that was accepted: `deliveries = handled + ignored + dead_lettered + returned + in_flight`.
#[derive(Debug, Serialize)]
struct GroupLine {
    group: String,
    deliveries: u64,
    handled: u64,
    ignored: u64,
    dead_lettered: u64,
    returned: u64,
    in_flight: u64,
}

impl Ledger {
    pub(crate) fn of(stats: &Stats) -> Self {
        let published = stats.published;
        Self {
            offered: published.offered,
            accepted: published.accepted,
            rejected: published.rejected,
            unknown: published.unknown,
            groups: stats.groups.iter().map(GroupLine::of).collect(),
        }
    }
}

impl GroupLine {
    fn of(stats: &GroupStats) -> Self {
        Self {
            group: stats.name.to_string(),
            deliveries: stats.created,
            handled: stats.handled,
            ignored: stats.ignored,
            dead_lettered: stats.dead_lettered,
            returned: stats.returned,
            in_flight: stats.in_flight,
        }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offered, accepted, rejected, unknown, groups } = self;
        writeln!(f, "Ledger: offered {offered}: accepted {accepted}, rejected {rejected}, unknown {unknown}")?;
        for line in groups {
            let GroupLine { group, deliveries, handled, ignored, dead_lettered, returned, in_flight } = line;
            writeln!(
                f,
                "  {group} {deliveries}: handled {handled}, ignored {ignored}, dead-lettered {dead_lettered}, \
                 returned {returned}, in flight {in_flight}"
            )?;
        }
        Ok(())
    }
}
