//! The report of a shutdown, and where those who wait for the shutdown find it.

use std::{fmt, sync::Arc};

use tokio::sync::watch;

use super::returned::{Returned, Unconsumed};
use crate::{
    consumer::{StopReport, Unfinished},
    observe::Stats,
    sync::Mutex,
};

/// The shutdown of a bus, once it has begun.
#[derive(Default)]
pub(crate) struct Shutdown(pub(super) Mutex<Option<BegunShutdown>>);

#[derive(Clone)]
pub(crate) struct BegunShutdown {
    pub(super) report: Reported,
    /// How many tasks for it have died before.
    pub(super) died: u32,
}

pub(super) type Reported = watch::Receiver<Option<ShutdownReport>>;

/// How a bus shut down; its totals add up.
#[derive(Clone)]
pub struct ShutdownReport(pub(super) Arc<ShutdownFacts>);

pub(super) struct ShutdownFacts {
    pub(super) consumers: Vec<StopReport>,
    pub(super) returned: Vec<Returned>,
    /// And whether there are more.
    pub(super) unconsumed: (Vec<Unconsumed>, bool),
    pub(super) stats: Stats,
    pub(super) is_interim: bool,
    /// Whether what is in flight ends with the process.
    pub(super) is_in_process: bool,
    /// Whether the transport has said what it still had.
    pub(super) is_closed: bool,
}

impl ShutdownReport {
    /// How each consumer stopped that was running.
    pub fn consumers(&self) -> &[StopReport] {
        &self.0.consumers
    }

    /// What was not handled and does not outlive the process. Of a durable transport it is nothing: the next process handles it.
    pub fn returned(&self) -> &[Returned] {
        &self.0.returned
    }

    /// The events that nobody has consumed, by name, the most frequent first: those [`returned`](Self::returned), and those that no
    /// group wanted and that were dropped, or are left with a transport that keeps them. At most 256 are named; a group that the
    /// process has left behind in a durable transport is not looked into.
    pub fn unconsumed(&self) -> &[Unconsumed] {
        &self.0.unconsumed.0
    }

    /// Whose handlers were stopped when the time was up. Their deliveries are among those [`returned`](Self::returned), or with the
    /// transport.
    pub fn abandoned(&self) -> impl Iterator<Item = &Unfinished> {
        self.0.consumers.iter().flat_map(|report| &report.cancelled)
    }

    /// Whose handlers could not be stopped. Their deliveries are in flight until they end; one that is not handled then stays in
    /// flight for ever, since there is nobody to return it to.
    pub fn still_running(&self) -> impl Iterator<Item = &Unfinished> {
        self.0.consumers.iter().flat_map(|report| &report.still_running)
    }

    /// Everything that was counted, at the end.
    pub fn stats(&self) -> &Stats {
        &self.0.stats
    }

    /// Whether all that was published has been dealt with: nothing came back, every handler ended by itself, and nothing is in flight
    /// that ends with the process. Never so in an interim report, nor if a transport of this process did not close: nobody knows
    /// what it still had.
    pub fn is_clean(&self) -> bool {
        let is_unknown = !self.0.is_closed || self.0.stats.deliveries().in_flight > 0;
        let lost = self.0.is_in_process && is_unknown;
        !lost && !self.0.is_interim && self.0.returned.is_empty() && self.0.consumers.iter().all(StopReport::is_clean)
    }

    /// Whether the bus is still shutting down: what a handler of it gets, which would wait for itself.
    pub fn is_interim(&self) -> bool {
        self.0.is_interim
    }
}

/// Prints one line of totals, and one for each handler that did not end by itself, and for the events that nobody has consumed.
impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// How many of the events are printed that nobody has consumed.
        const MAX: usize = 16;

        let total = self.0.stats.deliveries();
        write!(
            f,
            "deliveries {}: handled {}, dead-lettered {}, dropped {}, returned {}, in flight {}",
            total.created, total.handled, total.dead_lettered, total.dropped, total.returned, total.in_flight
        )?;
        for one in self.abandoned() {
            write!(f, "\nstopped: {one}")?;
        }
        for one in self.still_running() {
            write!(f, "\nstill running: {one}")?;
        }
        let (unconsumed, has_more) = &self.0.unconsumed;
        for one in unconsumed.iter().take(MAX) {
            write!(f, "\nnot consumed: {one}")?;
        }
        if *has_more {
            write!(f, "\nnot consumed: and others")?;
        } else if unconsumed.len() > MAX {
            write!(f, "\nnot consumed: and {} other events", unconsumed.len() - MAX)?;
        }
        Ok(())
    }
}

impl fmt::Debug for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownReport")
            .field("consumers", &self.0.consumers)
            .field("returned", &self.0.returned.len())
            .field("stats", &self.0.stats)
            .finish()
    }
}
