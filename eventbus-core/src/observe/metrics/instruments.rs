//! The instruments: their names, units and labels, and the handles that a recorder gives for them.

use std::{borrow::Cow, cell::Cell, sync::Arc, time::Duration};

use dashmap::DashMap;
use metrics::{Counter, Gauge, Histogram, IntoF64, Key, Label, Level, Metadata, Recorder, SharedString, Unit};

use super::MetricsTarget;

/// The name of what no type and no pattern of this program claims: such names come from outside.
pub(super) const OTHER: &str = "_OTHER";

/// What recorders get besides a key.
const METADATA: Metadata<'static> = Metadata::new("eventbus", Level::INFO, Some(module_path!()));

/// What happens, is counted, and takes time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkKind {
    Emission,
    Call,
    Publish,
    Attempt,
}

impl WorkKind {
    const ALL: [Self; 4] = [Self::Emission, Self::Call, Self::Publish, Self::Attempt];

    /// The counter, and what it counts.
    fn counter(self) -> (&'static str, &'static str) {
        match self {
            Self::Emission => ("eventbus.emissions", "Emissions that have ended"),
            Self::Call => ("eventbus.calls", "Calls of listeners that have ended"),
            Self::Publish => ("messaging.client.sent.messages", "Messages that were to be published"),
            Self::Attempt => ("messaging.client.consumed.messages", "Messages that were given to handlers"),
        }
    }

    /// The histogram of its time, in seconds, and what is measured.
    fn histogram(self) -> (&'static str, &'static str) {
        match self {
            Self::Emission => ("eventbus.emission.duration", "Time of emissions"),
            Self::Call => ("eventbus.call.duration", "Time of calls of listeners"),
            Self::Publish => ("messaging.client.operation.duration", "Time until the transport has taken the message"),
            Self::Attempt => ("messaging.process.duration", "Time of attempts to handle a message"),
        }
    }

    fn labels(self, event: Cow<'static, str>, group: Option<&Arc<str>>, end: &'static str) -> Vec<Label> {
        let event: SharedString = match event {
            Cow::Borrowed(event) => SharedString::const_str(event),
            Cow::Owned(event) => event.into(),
        };
        let (name, kind) = match self {
            Self::Emission | Self::Call => {
                return vec![Label::new("event", event), Label::from_static_parts("outcome", end)];
            }
            Self::Publish => ("publish", "send"),
            Self::Attempt => ("handle", "process"),
        };
        let mut labels = vec![
            Label::from_static_parts("messaging.system", "eventbus"),
            Label::from_static_parts("messaging.operation.name", name),
            Label::from_static_parts("messaging.operation.type", kind),
            Label::new("messaging.destination.name", event),
        ];
        labels.extend(group.map(|group| Label::new("messaging.consumer.group.name", Arc::clone(group))));
        if end != OK {
            labels.push(Label::from_static_parts("error.type", end));
        }
        labels
    }
}

/// How what has gone well ends.
pub(super) const OK: &str = "ok";

/// The handles of one kind of work, of one group if it is that of groups, by event and by how it ended. All of them are bounded: by
/// the types and patterns of the program, and by the words for ends.
pub(super) struct Table {
    work: WorkKind,
    group: Option<Arc<str>>,
    entries: DashMap<(Cow<'static, str>, &'static str), (Counter, Histogram)>,
}

impl Table {
    pub(super) fn new(work: WorkKind, group: Option<Arc<str>>) -> Self {
        Self { work, group, entries: DashMap::new() }
    }

    /// Counts one; `None` where its time was not measured.
    pub(super) fn record(
        &self,
        target: &MetricsTarget,
        event: Cow<'static, str>,
        end: &'static str,
        time: Option<Duration>,
    ) {
        let key = (event, end);
        // No guard of the map is alive while the recorder, which is foreign code, runs.
        let found = self.entries.get(&key).map(|entry| entry.value().clone());
        let (counter, histogram) = found.unwrap_or_else(|| {
            let labels = self.work.labels(key.0.clone(), self.group.as_ref(), end);
            let made = target.with(|recorder| {
                let counter = Key::from_parts(self.work.counter().0, labels.clone());
                let histogram = Key::from_parts(self.work.histogram().0, labels);
                (recorder.register_counter(&counter, &METADATA), recorder.register_histogram(&histogram, &METADATA))
            });
            self.entries.insert(key, made.clone());
            made
        });
        counter.increment(1);
        if let Some(time) = time {
            histogram.record(time);
        }
    }
}

/// What became of attempts that failed.
#[derive(Clone)]
pub(super) struct FailureInstruments {
    pub(super) retries: Counter,
    pub(super) dead_letters: Counter,
}

const RETRIES: (&str, &str) = ("eventbus.retries", "Failed attempts that are followed by another");
const DEAD_LETTERS: (&str, &str) = ("eventbus.dead_letters", "Deliveries that have failed for good");

impl FailureInstruments {
    pub(super) fn new(target: &MetricsTarget, group: &Arc<str>) -> Self {
        let counter = |(name, _): (&'static str, _)| {
            let key = Key::from_parts(name, vec![Label::new("messaging.consumer.group.name", Arc::clone(group))]);
            target.with(|recorder| recorder.register_counter(&key, &METADATA))
        };
        Self { retries: counter(RETRIES), dead_letters: counter(DEAD_LETTERS) }
    }
}

/// The gauges of a group.
pub(super) struct GroupGauges(Vec<Gauge>);

/// Their names, units and meanings, in the order of [`GroupGauges::set`].
const GROUP: [(&str, Unit, &str); 7] = [
    ("eventbus.queue.depth", Unit::Count, "Messages that wait and could be handled now"),
    ("eventbus.queue.delayed", Unit::Count, "Messages that wait and are not due yet"),
    ("eventbus.queue.leased", Unit::Count, "Messages that are handed out and not settled, to all processes"),
    ("eventbus.queue.oldest_age", Unit::Seconds, "How long the oldest message has waited"),
    ("eventbus.consumer.in_flight", Unit::Count, "Deliveries that the consumer of this process holds"),
    ("eventbus.consumer.paused", Unit::Count, "Whether the consumer is paused: 1, else 0"),
    ("eventbus.consumer.stalled", Unit::Count, "Whether the consumer reads nothing any more: 1, else 0"),
];

impl GroupGauges {
    pub(super) fn new(target: &MetricsTarget, group: &Arc<str>) -> Self {
        let gauge = |(name, _, _): &(&'static str, Unit, &str)| {
            let key = Key::from_parts(*name, vec![Label::new("messaging.consumer.group.name", Arc::clone(group))]);
            target.with(|recorder| recorder.register_gauge(&key, &METADATA))
        };
        Self(GROUP.iter().map(gauge).collect())
    }

    /// Sets those that are known; the others keep what they say.
    pub(super) fn set(&self, values: [Option<f64>; GROUP.len()]) {
        for (gauge, value) in self.0.iter().zip(values) {
            if let Some(value) = value {
                gauge.set(value);
            }
        }
    }

    /// Of a group that is not there any more.
    pub(super) fn clear(&self) {
        self.set([Some(0.0); GROUP.len()]);
    }
}

/// The instruments of the bus itself.
pub(super) struct BusInstruments {
    pub(super) connected: Gauge,
    pub(super) unrouted: Gauge,
    pub(super) errors: Counter,
}

const CONNECTED: (&str, &str) = ("eventbus.transport.connected", "Whether the transport is connected: 1, else 0");
const UNROUTED: (&str, &str) = ("eventbus.unrouted", "Messages that wait for a group that handles them");
const ERRORS: (&str, &str) = ("eventbus.transport.errors", "Errors of the transport");

impl BusInstruments {
    pub(super) fn new(target: &MetricsTarget) -> Self {
        let gauge = |(name, _): (&'static str, _)| {
            target.with(|recorder| recorder.register_gauge(&Key::from_static_name(name), &METADATA))
        };
        let errors = target.with(|recorder| recorder.register_counter(&Key::from_static_name(ERRORS.0), &METADATA));
        Self { connected: gauge(CONNECTED), unrouted: gauge(UNROUTED), errors }
    }
}

/// Tells a recorder the unit and the meaning of each instrument.
pub(super) fn describe(recorder: &dyn Recorder) {
    let works = WorkKind::ALL.iter();
    for (name, text) in works.clone().map(|work| work.counter()).chain([RETRIES, DEAD_LETTERS, ERRORS]) {
        recorder.describe_counter(name.into(), Some(Unit::Count), text.into());
    }
    for (name, text) in works.map(|work| work.histogram()) {
        recorder.describe_histogram(name.into(), Some(Unit::Seconds), text.into());
    }
    let others = [CONNECTED, UNROUTED].map(|(name, text)| (name, Unit::Count, text));
    for (name, unit, text) in GROUP.into_iter().chain(others) {
        recorder.describe_gauge(name.into(), Some(unit), text.into());
    }
}

/// Whether a recorder records any of this. The one that is there where none is installed does not.
///
/// The crate `metrics` has no question for that, but a handle asks for the number only if it is for something: here for one that
/// changes nothing.
pub(super) fn are_recorded(recorder: &dyn Recorder) -> bool {
    let asked = Cell::new(false);
    recorder.register_gauge(&Key::from_static_name(UNROUTED.0), &METADATA).increment(AskedZero(&asked));
    // A recorder may leave out names: one of these, which would show in what it exports, is made only where the first does not.
    let mut works = WorkKind::ALL.iter();
    while !asked.get()
        && let Some(work) = works.next()
    {
        let histogram = Key::from_static_name(work.histogram().0);
        recorder.register_histogram(&histogram, &METADATA).record_many(AskedZero(&asked), 0);
    }
    asked.get()
}

/// Zero, which notes that somebody has asked for it.
struct AskedZero<'a>(&'a Cell<bool>);

impl IntoF64 for AskedZero<'_> {
    fn into_f64(self) -> f64 {
        self.0.set(true);
        0.0
    }
}
