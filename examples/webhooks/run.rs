//! The run: reads every delivery, routes it, and keeps the books.

use std::{collections::BTreeMap, time::Duration};

use eventbus::{Bus, EventName};

use crate::{
    input::{Delivery, Input},
    progress::Progress,
    routing::Routes,
};

/// The books of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) deliveries: usize,
    pub(crate) typed: usize,
    pub(crate) unclaimed: usize,
    /// One for each delivery that failed, in the order of the lines.
    pub(crate) failures: Vec<FailedDelivery>,
    /// The kinds that arrived as events, whether or not their listeners finished well.
    pub(crate) events: BTreeMap<EventName, EventTally>,
    /// The kinds that no type claims.
    pub(crate) unclaimed_kinds: BTreeMap<String, usize>,
    /// How long each emit took.
    pub(crate) emits: Vec<Duration>,
}

/// What is counted for one type of event.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EventTally {
    pub(crate) deliveries: usize,
    /// How many listeners the event had when its first delivery arrived.
    pub(crate) listeners: usize,
}

/// A delivery that failed.
#[derive(Debug)]
pub(crate) struct FailedDelivery {
    pub(crate) line: u64,
    /// The delivery's dotted name, where the line could be read that far.
    pub(crate) name: Option<String>,
    pub(crate) reason: String,
}

/// What becomes of a delivery: exactly one of three.
enum Fate {
    /// A type claims it, and every listener finished well; there may be none.
    Typed,
    /// No type claims its kind.
    Unclaimed,
    /// It could not be read or decoded, or a listener did not finish well.
    Failed { name: Option<String>, reason: String },
}

/// Sends every delivery of `input` through the bus.
pub(crate) fn run(bus: &Bus, routes: &Routes, input: &mut Input, progress: &mut Progress) -> Tally {
    let mut tally = Tally::default();
    let mut buffer = Vec::new();
    while let Some((line, read)) = input.next_line(&mut buffer) {
        let fate = match read.and_then(|()| Delivery::parse(&buffer)) {
            Ok(delivery) => deliver(bus, routes, &delivery, &mut tally),
            Err(damage) => Fate::Failed { name: None, reason: damage.to_string() },
        };
        tally.deliveries += 1;
        match fate {
            Fate::Typed => tally.typed += 1,
            Fate::Unclaimed => tally.unclaimed += 1,
            Fate::Failed { name, reason } => tally.failures.push(FailedDelivery { line, name, reason }),
        }
        progress.at(tally.deliveries, tally.failures.len());
    }
    tally
}

fn deliver(bus: &Bus, routes: &Routes, delivery: &Delivery<'_>, tally: &mut Tally) -> Fate {
    let Some(route) = routes.of(&delivery.event) else {
        *tally.unclaimed_kinds.entry(delivery.event.to_string()).or_default() += 1;
        return Fate::Unclaimed;
    };
    let listeners = || EventTally { deliveries: 0, listeners: route.listener_count(bus) };
    let event = tally.events.entry(route.name()).or_insert_with(listeners);
    let failed = |reason: String| Fate::Failed { name: Some(delivery.name.to_string()), reason };
    match route.deliver(bus, delivery.payload) {
        Ok(delivered) => {
            event.deliveries += 1;
            tally.emits.push(delivered.took);
            match delivered.report.failures() {
                [] => Fate::Typed,
                failures => failed(failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
            }
        }
        Err(error) => failed(error.to_string()),
    }
}
