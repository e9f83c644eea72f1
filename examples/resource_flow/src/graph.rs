//! The graph of flows, played: a database that is sometimes out of order.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::events::Flow;

/// The database.
#[derive(Default)]
pub(crate) struct Graph {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sites: BTreeSet<&'static str>,
    flows: BTreeMap<u64, Flow>,
    matches: BTreeSet<(u64, u64)>,
    /// How often each flow was written, or was to be.
    attempts: BTreeMap<u64, u32>,
}

/// Why a flow was not written.
#[derive(Debug)]
pub(crate) enum GraphError {
    /// Passes by itself.
    Busy,
    NoSite(&'static str),
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("the graph is busy"),
            Self::NoSite(site) => write!(f, "there is no site `{site}`"),
        }
    }
}

impl Error for GraphError {}

impl Graph {
    /// Which flow finds the graph busy, the first time.
    const UNLUCKY: u64 = 3;

    pub(crate) fn add_site(&self, site: &'static str) {
        self.state().sites.insert(site);
    }

    /// Writes a flow. The same flow twice is the same flow: whoever handles deliveries that may come again needs that.
    pub(crate) fn write(&self, flow: &Flow) -> Result<(), GraphError> {
        let mut state = self.state();
        let attempts = state.attempts.entry(flow.id).or_default();
        *attempts += 1;
        if flow.id == Self::UNLUCKY && *attempts == 1 {
            return Err(GraphError::Busy);
        }
        if !state.sites.contains(flow.site) {
            return Err(GraphError::NoSite(flow.site));
        }
        state.flows.insert(flow.id, flow.clone());
        Ok(())
    }

    /// Matches a flow with those that it could supply, or be supplied by.
    pub(crate) fn find_matches(&self, id: u64) {
        let mut state = self.state();
        let State { flows, matches, .. } = &mut *state;
        let Some(flow) = flows.get(&id) else { return };
        for other in flows.values().filter(|other| other.material == flow.material) {
            match (flow.tonnes.signum(), other.tonnes.signum()) {
                (1, -1) => _ = matches.insert((flow.id, other.id)),
                (-1, 1) => _ = matches.insert((other.id, flow.id)),
                _ => {}
            }
        }
    }

    /// From whom to whom how much of what could flow, and how many attempts writing these took, as text.
    pub(crate) fn matches(&self) -> Vec<String> {
        let state = self.state();
        let line = |(from, to): &(u64, u64)| {
            let (from, to) = (state.flows.get(from)?, state.flows.get(to)?);
            let tonnes = from.tonnes.min(-to.tonnes);
            Some(format!(
                "flow {} -> flow {}: {tonnes} t of {}, {} -> {}",
                from.id, to.id, from.material, from.site, to.site
            ))
        };
        state.matches.iter().filter_map(line).collect()
    }

    /// How often a flow was written, or was to be.
    pub(crate) fn attempts(&self, id: u64) -> u32 {
        self.state().attempts.get(&id).copied().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
