//! The interceptor that counts and measures.

use std::{borrow::Cow, sync::Arc};

use dashmap::DashMap;
use tokio::time::Instant;

use super::{
    MetricsTarget,
    instruments::{BusInstruments, FailureInstruments, OK, OTHER, Table, WorkKind, describe},
};
use crate::{
    emission::{
        CallEnd, DeliveryEnd, DeliveryInfo, EmissionInfo, Intercepted, Interceptor, PublishEnd, PublishInfo, Report,
    },
    event::EventType,
    listener::{ListenerInfo, NotRun, Outcome},
};

/// What records, shared by the interceptor and the bus.
pub(crate) type Recorded = Arc<Recording>;

/// What a bus keeps of its metrics.
pub(crate) struct MetricsPart(pub(crate) Option<Recorded>);

/// Counts and measures into a recorder.
pub(crate) struct Recording {
    pub(super) target: MetricsTarget,
    emissions: Table,
    calls: Table,
    publishes: Table,
    attempts: DashMap<Arc<str>, Arc<AttemptInstruments>>,
    pub(super) bus: BusInstruments,
    pub(super) groups: super::gauges::Groups,
}

/// The instruments of the attempts of a group.
struct AttemptInstruments {
    table: Table,
    failures: FailureInstruments,
}

impl Recording {
    pub(super) fn start(target: MetricsTarget) -> Recorded {
        target.with(describe);
        Arc::new(Self {
            emissions: Table::new(WorkKind::Emission, None),
            calls: Table::new(WorkKind::Call, None),
            publishes: Table::new(WorkKind::Publish, None),
            attempts: DashMap::new(),
            bus: BusInstruments::new(&target),
            groups: super::gauges::Groups::default(),
            target,
        })
    }

    /// The instruments of a group. Groups are those of the consumers of this program.
    fn attempts(&self, group: &str) -> Arc<AttemptInstruments> {
        let found = self.attempts.get(group).map(|entry| Arc::clone(entry.value()));
        found.unwrap_or_else(|| {
            let group: Arc<str> = group.into();
            let made = Arc::new(AttemptInstruments {
                table: Table::new(WorkKind::Attempt, Some(Arc::clone(&group))),
                failures: FailureInstruments::new(&self.target, &group),
            });
            self.attempts.insert(group, Arc::clone(&made));
            made
        })
    }
}

impl Interceptor for Recorded {
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        let event = name_of(emission.event_type());
        if emission.is_unheard() {
            self.emissions.record(&self.target, event, "unheard", None);
            return Ok(None);
        }
        let (this, began) = (Self::clone(self), Instant::now());
        Ok(Some(Box::new(move |report: &Report| {
            let end = if report.is_ok() { OK } else { "failed" };
            this.emissions.record(&this.target, event, end, Some(began.elapsed()));
        })))
    }

    fn call(&self, emission: &EmissionInfo<'_>, _: &ListenerInfo) -> Intercepted<CallEnd> {
        let (this, event, began) = (Self::clone(self), name_of(emission.event_type()), Instant::now());
        Ok(Some(Box::new(move |end: &CallEnd| {
            this.calls.record(&this.target, event, word(end.outcome()), Some(began.elapsed()));
        })))
    }

    fn publish(&self, publish: &mut PublishInfo<'_>) -> Intercepted<PublishEnd> {
        let (this, event, began) = (Self::clone(self), name_of(publish.message().event_type()), Instant::now());
        Ok(Some(Box::new(move |end: &PublishEnd| {
            this.publishes.record(&this.target, event, end.reason().unwrap_or(OK), Some(began.elapsed()));
        })))
    }

    fn delivery(&self, delivery: &DeliveryInfo<'_>) -> Intercepted<DeliveryEnd> {
        let (this, attempts) = (Self::clone(self), self.attempts(delivery.group()));
        let (event, began) = (name_of_delivery(delivery), Instant::now());
        Ok(Some(Box::new(move |end: &DeliveryEnd| {
            // What no handler takes, and nobody minds, was given to nobody.
            if end.is_ignored() {
                return;
            }
            attempts.table.record(&this.target, event, word(end.outcome()), Some(began.elapsed()));
            if end.next_after().is_some() {
                attempts.failures.retries.increment(1);
            } else if end.is_dead_letter() {
                attempts.failures.dead_letters.increment(1);
            }
        })))
    }

    fn hears_unheard(&self) -> bool {
        true
    }
}

/// The label of an event of a known type. A name that no type claims is no label.
fn name_of(event: Option<&'static EventType>) -> Cow<'static, str> {
    Cow::Borrowed(event.map_or(OTHER, |event| event.name().as_str()))
}

/// A message from another process brings a name and no type: the handler that takes it says what it is.
fn name_of_delivery(delivery: &DeliveryInfo<'_>) -> Cow<'static, str> {
    let handler = delivery.handler();
    let event = handler.and_then(ListenerInfo::event).or(delivery.message().event_type());
    match (event, handler.and_then(ListenerInfo::pattern)) {
        (None, Some(pattern)) => Cow::Owned(pattern.as_str().to_owned()),
        (event, _) => name_of(event),
    }
}

/// How something has ended, as a value of a label.
fn word(outcome: Option<&Outcome>) -> &'static str {
    match outcome {
        None => OK,
        Some(Outcome::Failed(_)) => "failed",
        Some(Outcome::Panicked(_)) => "panicked",
        Some(Outcome::TimedOut) => "timed_out",
        Some(Outcome::Cancelled) => "cancelled",
        Some(Outcome::StillRunning) => "still_running",
        Some(Outcome::NotRun(NotRun::Refused(_))) => "refused",
        Some(Outcome::NotRun(_)) => "not_run",
    }
}
