//! The interceptor that records what a bus does.

use std::sync::Arc;

use super::{
    build::build,
    outcome::TraceOutcome,
    record::{Call, CausedBy, Recorded, Span, TraceRecord},
    ring::Ring,
    tree::Trace,
};
use crate::{
    call::{Caller, EmissionId, MessageId},
    emission::{
        Around, CallEnd, DeliveryEnd, DeliveryInfo, EmissionInfo, Intercepted, Interceptor, PublishEnd, PublishInfo,
        Report, Skipped,
    },
    listener::ListenerInfo,
};

/// The trace of a bus, if it keeps one.
#[derive(Clone)]
pub(crate) struct Tracer(Option<Arc<Ring>>);

impl Tracer {
    /// Keeps so many records; none, and no trace, if that is 0.
    pub(crate) fn new(capacity: usize) -> Self {
        Self((capacity > 0).then(|| Ring::new(capacity)))
    }

    /// What records, if there is something to keep.
    pub(crate) fn interceptor(&self) -> Option<impl Interceptor> {
        self.0.clone().map(TraceInterceptor)
    }

    pub(super) fn trace(&self) -> Trace {
        match &self.0 {
            Some(ring) => {
                let (records, fallen) = ring.copy();
                build(records, Some(ring.capacity), fallen)
            }
            None => build(Vec::new(), None, 0),
        }
    }
}

struct TraceInterceptor(Arc<Ring>);

impl Interceptor for TraceInterceptor {
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        let (record, id) = (self.0.add(record_of(emission, Span::begin())), emission.emission());
        let is_unheard = emission.is_unheard();
        let caller = Caller::Emission { emission: id, record };
        Ok(Some(Box::new(TracedPart { ring: Arc::clone(&self.0), caller, end: EmissionEnded { record, is_unheard } })))
    }

    fn call(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Intercepted<CallEnd> {
        let Some(record) = record_that_runs(emission) else { return Ok(None) };
        let call = self.0.add_call(record, listener, Span::begin());
        let caller = Caller::Listener { emission: emission.emission(), call };
        Ok(Some(Box::new(TracedPart { ring: Arc::clone(&self.0), caller, end: CallEnded { record, call } })))
    }

    fn publish(&self, publish: &mut PublishInfo<'_>) -> Intercepted<PublishEnd> {
        let message = publish.message();
        let cause = match (publish.emission(), message.causation_id()) {
            (Some(emission), _) => by_emission(emission),
            (None, Some(message)) => by_message(message),
            (None, None) => CausedBy::Nothing,
        };
        let what = Recorded::Publish { message: message.id(), correlation: message.correlation_id() };
        let record = self.0.add(TraceRecord {
            number: 0,
            subject: message.subject.clone(),
            what,
            cause,
            span: Span::begin(),
            calls: Vec::new(),
            more_calls: 0,
        });
        let end = RecordEnded(record);
        Ok(Some(Box::new(TracedPart { ring: Arc::clone(&self.0), caller: Caller::now(), end })))
    }

    fn delivery(&self, delivery: &DeliveryInfo<'_>) -> Intercepted<DeliveryEnd> {
        let message = delivery.message();
        let what = Recorded::Delivery {
            message: message.id(),
            correlation: message.correlation_id(),
            group: Arc::from(delivery.group()),
            attempt: delivery.attempt(),
            handler: delivery.handler().cloned(),
            source: Arc::from(message.source()),
        };
        let record = self.0.add(TraceRecord {
            number: 0,
            subject: message.subject.clone(),
            what,
            cause: CausedBy::Publish,
            span: Span::begin(),
            calls: Vec::new(),
            more_calls: 0,
        });
        let caller = Caller::Handler { message: message.id(), delivery: record };
        Ok(Some(Box::new(TracedPart { ring: Arc::clone(&self.0), caller, end: RecordEnded(record) })))
    }

    fn skipped(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo, why: Skipped) {
        if let Some(record) = record_that_runs(emission) {
            self.0.add_call(record, listener, Span::of_nothing(TraceOutcome::of_skipped(why)));
        }
    }

    fn not_begun(&self, emission: &EmissionInfo<'_>, report: &Report) {
        let span = Span::of_nothing(TraceOutcome::of_not_begun(report));
        let record = self.0.add(record_of(emission, span));
        add_not_run(&self.0, record, report);
    }

    fn hears_unheard(&self) -> bool {
        true
    }
}

fn record_of(emission: &EmissionInfo<'_>, span: Span) -> TraceRecord {
    let cause = match (emission.parent(), emission.message_id()) {
        (Some(parent), _) => by_emission(parent),
        (None, Some(message)) => by_message(message),
        (None, None) => CausedBy::Nothing,
    };
    let (id, root) = (emission.emission(), emission.root());
    let what = Recorded::Emission { id, root, correlation: emission.correlation_id() };
    let subject = emission.event().subject().clone();
    TraceRecord { number: 0, subject, what, cause, span, calls: Vec::new(), more_calls: 0 }
}

/// The record of an emission whose listeners are being called: it runs inside of what was put around it.
fn record_that_runs(emission: &EmissionInfo<'_>) -> Option<u64> {
    match Caller::now() {
        Caller::Emission { emission: id, record } if id == emission.emission() => Some(record),
        _ => None,
    }
}

/// The caller says which of the emission's listeners it is, where that runs on this thread.
fn by_emission(id: EmissionId) -> CausedBy {
    let call = match Caller::now() {
        Caller::Listener { emission, call } if emission == id => Some(call),
        _ => None,
    };
    CausedBy::Emission { id, call }
}

fn by_message(id: MessageId) -> CausedBy {
    let number = match Caller::now() {
        Caller::Handler { message, delivery } if message == id => Some(delivery),
        _ => None,
    };
    CausedBy::Delivery { message: id, number }
}

/// Adds the listeners that were to run and of which no call was told: their means were missing, or the emission was refused or stopped.
fn add_not_run(ring: &Ring, record: u64, report: &Report) {
    let failures = report.failures().iter();
    // Their texts are foreign code, which must not run under the lock.
    let not_run: Vec<_> = failures
        .map(|failure| (failure.listener(), Span::of_nothing(TraceOutcome::of_outcome(failure.outcome()))))
        .take(TraceRecord::MAX_CALLS)
        .collect();
    for (listener, span) in not_run {
        ring.add_call_once(record, listener, span);
    }
}

/// What is around something that is recorded.
struct TracedPart<T> {
    ring: Arc<Ring>,
    /// The caller of what its parts cause.
    caller: Caller,
    end: T,
}

/// Notes how something has ended.
trait NoteEnd<End>: Send {
    fn note(&self, ring: &Ring, end: &End);
}

impl<End, T: NoteEnd<End>> Around<End> for TracedPart<T> {
    fn part(&mut self, part: &mut dyn FnMut()) {
        let _inside = self.caller.enter();
        part();
    }

    fn end(self: Box<Self>, end: &End) {
        self.end.note(&self.ring, end);
    }
}

struct EmissionEnded {
    record: u64,
    is_unheard: bool,
}

impl NoteEnd<Report> for EmissionEnded {
    fn note(&self, ring: &Ring, report: &Report) {
        let outcome = TraceOutcome::of_report(report, self.is_unheard);
        add_not_run(ring, self.record, report);
        ring.change(self.record, |record| record.span.end(outcome));
    }
}

struct CallEnded {
    record: u64,
    call: u64,
}

impl NoteEnd<CallEnd> for CallEnded {
    fn note(&self, ring: &Ring, end: &CallEnd) {
        let outcome = TraceOutcome::of_call(end);
        ring.change_call(self.record, self.call, |call: &mut Call| call.span.end(outcome));
    }
}

struct RecordEnded(u64);

impl NoteEnd<PublishEnd> for RecordEnded {
    fn note(&self, ring: &Ring, end: &PublishEnd) {
        let outcome = TraceOutcome::of_publish(end);
        ring.change(self.0, |record| record.span.end(outcome));
    }
}

impl NoteEnd<DeliveryEnd> for RecordEnded {
    fn note(&self, ring: &Ring, end: &DeliveryEnd) {
        let outcome = TraceOutcome::of_delivery(end);
        ring.change(self.0, |record| record.span.end(outcome));
    }
}
