//! The run: reads every delivery, emits it by name, and keeps the books.

use std::{collections::BTreeMap, time::Instant};

use eventbus::{Bus, EventName};

use crate::{
    bounded::Durations,
    failures::{FailedDelivery, FailureKind, Failures},
    input::{Delivery, Input},
    progress::Progress,
};

/// The books of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) deliveries: usize,
    pub(crate) typed: usize,
    /// The deliveries that failed.
    pub(crate) failures: Failures,
    /// The kinds that arrived as events, whether or not their listeners finished well.
    pub(crate) events: BTreeMap<EventName, EventTally>,
    /// How long each emit took.
    pub(crate) emits: Durations,
}

/// What is counted for one type of event.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EventTally {
    pub(crate) deliveries: usize,
    /// How many listeners to its type the event had when the run began.
    pub(crate) listeners: usize,
}

/// What becomes of a delivery: exactly one of three.
enum Fate {
    /// A type claims it, and every listener finished well; there may be none.
    Typed,
    /// No type claims its kind. The module that listens to `**` keeps count of these.
    Unclaimed,
    /// It could not be read or decoded, its kind makes no name, or a listener did not finish well.
    Failed { kind: FailureKind, reason: String },
}

/// How many listen to each type, and not to its name.
pub(crate) struct Listening(BTreeMap<EventName, usize>);

impl Listening {
    /// Of the listeners on all these buses.
    pub(crate) fn on<'b>(buses: impl IntoIterator<Item = &'b Bus>) -> Self {
        let mut listening = BTreeMap::new();
        for bus in buses {
            for event in bus.catalog().events() {
                let typed = event.listeners().iter().filter(|listener| listener.pattern().is_none()).count();
                *listening.entry(event.event_type().name()).or_default() += typed;
            }
        }
        Self(listening)
    }
}

impl Tally {
    /// A delivery has arrived as this event.
    pub(crate) fn arrived(&mut self, event: EventName, listening: &Listening) {
        let listeners = listening.0.get(&event).copied().unwrap_or_default();
        self.events.entry(event).or_insert(EventTally { deliveries: 0, listeners }).deliveries += 1;
    }
}

/// Sends every delivery of `input` through the bus.
pub(crate) fn run(bus: &Bus, input: &mut Input, progress: &mut Progress) -> Tally {
    let listening = Listening::on([bus]);
    let mut tally = Tally::default();
    let mut buffer = Vec::new();
    while let Some((line, read)) = input.next_line(&mut buffer) {
        match read.and_then(|()| Delivery::parse(&buffer)) {
            Ok(delivery) => match deliver(bus, &listening, &delivery, &mut tally) {
                Fate::Typed => tally.typed += 1,
                Fate::Unclaimed => {}
                Fate::Failed { kind, reason } => {
                    tally.failures.push(kind, || FailedDelivery::named(line, &delivery.name, &reason));
                }
            },
            Err(damage) => tally.failures.push(FailureKind::Line, || FailedDelivery::damaged(line, damage.to_string())),
        }
        tally.deliveries += 1;
        progress.at(tally.deliveries, tally.failures.len());
    }
    tally
}

/// Emits a delivery under `github.` and its kind. The bus finds its type, decodes it, and runs who listens.
fn deliver(bus: &Bus, listening: &Listening, delivery: &Delivery<'_>, tally: &mut Tally) -> Fate {
    let emit = match bus.emit_json(&format!("github.{}", delivery.event), delivery.payload) {
        Ok(emit) => emit,
        Err(error) => return Fate::Failed { kind: FailureKind::of(&error), reason: error.to_string() },
    };
    let start = Instant::now();
    let report = emit.blocking();
    if let Some(event) = report.event_type() {
        tally.emits.add(start.elapsed());
        tally.arrived(event.name(), listening);
    }
    match (report.failures(), report.event_type()) {
        ([], Some(_)) => Fate::Typed,
        ([], None) => Fate::Unclaimed,
        (failures, _) => Fate::Failed {
            kind: FailureKind::Module,
            reason: failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        },
    }
}
